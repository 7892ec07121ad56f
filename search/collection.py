"""The collection: a folder that the indexer wrote, opened for questions."""

from __future__ import annotations

import copy
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Self

import numpy.typing as npt
import pyarrow as pa

from ..model.audio.indexed_clip import IndexedClip
from ..model.many import as_many
from ..model.paths import readable_path, user_path
from .encoders import encoding_of, named_encoder
from .encoding import Encoding
from .querying.clips import Clips
from .querying.condition import Condition, Values, checked_values
from .querying.fusion import fused_search
from .querying.hits import Hits
from .querying.query import ClipReference, Query, Sound, only_query
from .querying.request import SearchOptions, SearchRequest
from .querying.table_view import TableView
from .sql.calls import ROWS, Call
from .store.confined import check_confined
from .store.encodings import find_encoding
from .store.manifest import Manifest, read_manifest

if TYPE_CHECKING:
    from ..model.encoders.encoder import Encoder


class Searchable(ABC):
    """What can be searched: a collection, or several as one. A context manager that closes it."""

    @property
    @abstractmethod
    def members(self) -> tuple[Collection, ...]:
        """The collections that are searched."""

    @property
    @abstractmethod
    def encoders(self) -> tuple[str, ...]:
        """Names of the encoders that a search can name, the first one first."""

    @abstractmethod
    def with_encoder(self, encoder: str) -> Self:
        """Return the same, searched by another of its encoders unless a search says otherwise.

        Args:
            encoder: One of `encoders`, or its digest.

        Raises:
            CollectionError: If there is no such encoder, or its tables cannot be read.
            EncoderMismatchError: If several collections have different ones of that name.
        """

    @abstractmethod
    def _answer(self, request: SearchRequest) -> list[Hits]:
        """Answer each query of a request by the encoder that is searched by, whatever the request says."""

    def answer(self, request: SearchRequest) -> list[Hits]:
        """Answer each query of a request; `search` and `search_many` are requests in keywords.

        Raises:
            QueryError, AudioError, CollectionError: As `search`.
        """
        if request.is_fused and len(self.encoders) > 1:
            by_encoder = {name: self.with_encoder(name) for name in self.encoders}
            answers = [fused_search(by_encoder, one) for one in request.each()]
        elif request.encoder is None or request.is_fused:
            answers = self._answer(request)
        else:
            answers = self.with_encoder(request.encoder)._answer(request)
        for hits in answers:
            hits.files = self.clip_file
        return answers

    def search(
        self,
        text: str | Query | None = None,
        *,
        audio: Sound | None = None,
        like: ClipReference | None = None,
        embedding: npt.ArrayLike | None = None,
        k: int = 10,
        where: str | None = None,
        where_values: Values | None = None,
        options: SearchOptions | None = None,
        encoder: str | None = None,
        explain: bool = False,
    ) -> Hits:
        """Find the clips that answer a query best, each with its best segment.

        Args:
            text: A description of the sound; or a `Query`, which can be a weighted sum of several.
            audio: A sound to find others like: a file, or a mono waveform [n_samples] at the encoder's rate. One longer
                than a segment counts as the mean of its segments.
            like: Something of the collection to find more like: a hit, the path of a clip, or the id of a clip or of a
                segment; its own clip is left out.
            embedding: A query [embedding_dim] embedded elsewhere by the same encoder; its length does not matter.
            k: Hits wanted, at least 1.
            where: Only clips for which this SQL expression over the columns of `clips` holds ("duration_s < 30").
            where_values: Values for the parameters in it: {"artist": "..."} for "artist = $artist".
            options: How the hits are listed: by clip or segment, from which one, folded, with words; None for the first
                ones, by clip, by sound alone.
            encoder: Which of `encoders` is searched by; "both" for all of them, their rankings fused; None for the
                first, or the one that the collection was opened with.
            explain: Whether the answer's `explanation` says how the search went.

        Returns:
            Up to `k` hits, best first; fewer if the collection, or what the filter leaves of it, has fewer clips.

        Raises:
            QueryError: If not exactly one of text, audio, like and embedding is given, or it is empty or unusable, or
                `k` is under 1, or `where` is malformed or takes too long; or if something is asked of all encoders
                that means something else to each (an embedding, single segments, a lowest score).
            AudioError: If the audio file cannot be decoded.
            CollectionError: If the tables or the index cannot be read, or the collection has no such encoder.
        """
        query = only_query(text, audio=audio, like=like, embedding=embedding)
        condition = Condition.of(where, where_values)
        return self.answer(SearchRequest((query,), k, condition, options or SearchOptions(), encoder, explain))[0]

    def search_many(
        self,
        queries: str | Query | Iterable[str | Query],
        *,
        k: int = 10,
        where: str | None = None,
        where_values: Values | None = None,
        options: SearchOptions | None = None,
        encoder: str | None = None,
        explain: bool = False,
    ) -> list[Hits]:
        """Answer many queries, embedding their texts together and working their filter out once.

        Args:
            queries: Texts and queries, or one.
            k: Hits wanted of each, at least 1.
            where: As in `search`, for all of them; so are all that follow.
            where_values: As in `search`.
            options: As in `search`.
            encoder: As in `search`.
            explain: As in `search`.

        Returns:
            The hits of each query, in the order of the queries.

        Raises:
            QueryError, AudioError, CollectionError: As `search`.
        """
        condition = Condition.of(where, where_values)
        some = [query if isinstance(query, Query) else Query.text(query) for query in as_many(queries, (str, Query))]
        return self.answer(SearchRequest(tuple(some), k, condition, options or SearchOptions(), encoder, explain))

    @property
    def n_clips(self) -> int:
        """Clips in all; those that several collections hold count in each."""
        return sum(member.manifest.n_clips for member in self.members)

    @property
    def n_segments(self) -> int:
        """Segments in all, as the encoder that is searched by made them."""
        return sum(member.encoding.record.n_segments for member in self.members)

    @property
    def encoder(self) -> Encoder:
        """The encoder that is searched by.

        Raises:
            CheckpointError: If it is not on this machine any more.
            EncoderMismatchError: If what goes by its name now is another one.
        """
        return self.members[0].encoding.encoder

    def home(self, clip_id: int) -> Collection | None:
        """Return the first collection that holds a clip, or None."""
        return next((member for member in self.members if member.clip_file(clip_id) is not None), None)

    def clip_file(self, clip_id: int) -> IndexedClip | None:
        """Return a clip's file, for `open_clip`, which opens only what was indexed; None if there is no such clip.

        Raises:
            CollectionError: If the tables cannot be read.
        """
        return next((file for member in self.members if (file := member.clip_file(clip_id)) is not None), None)

    def close(self) -> None:
        """Let go of files, memory and processes; what is searched later opens them again."""
        for member in self.members:
            member.close()

    def __len__(self) -> int:
        return self.n_clips

    def __bool__(self) -> bool:
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class Collection(Searchable):
    """A searchable collection, as it stood when it was opened.

    A run of the indexer meanwhile changes nothing for this object: open the collection again to see what is new.
    Threads may share it.

    Example:
        >>> collection = Collection.open("sounds.soundgrep")  # doctest: +SKIP
        >>> collection.search("a dog barking in the rain", k=3, where="duration_s < 30")  # doctest: +SKIP

    Attributes:
        path: The collection's folder.
        manifest: What it is, which versions of its parts are read, and which of its encodings is searched.
    """

    def __init__(
        self, path: Path, manifest: Manifest, *, encoder: Encoder | None = None, isolate_sql: bool = False
    ) -> None:
        self.path = path
        default = manifest.default_encoding if encoder is None else encoding_of(manifest, encoder, collection=path)
        self.manifest = replace(manifest, default_encoding=default)
        self._clips = Clips(path, self.manifest, search=self._rows_of_search, isolate_sql=isolate_sql)
        self._encodings = {
            name: Encoding(name, path, manifest, self._clips, encoder=encoder if name == default else None)
            for name in manifest.encodings
        }

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        encoder: Encoder | str | os.PathLike[str] | None = None,
        isolate_sql: bool = False,
    ) -> Collection:
        """Open a collection.

        Args:
            path: Its folder.
            encoder: The encoder that queries will be embedded with, or its name or folder, and whose segments are
                searched; None for the one that made the collection, or its first, opened when the first text or audio
                is searched for.
            isolate_sql: Whether filters and SQL are computed in processes of their own, which keep to their limits of
                time and memory whatever is asked: for services that strangers can ask. Without it, one huge call cannot
                be stopped.

        Raises:
            CollectionError: If it is no collection, damaged, of a newer format version, or reaches outside its folder.
            EncoderMismatchError: If it was made by another encoder.
            CheckpointError: If the encoder named cannot be opened.
        """
        folder = user_path(path).absolute()
        check_confined(folder)
        manifest = read_manifest(folder)
        if isinstance(encoder, str | os.PathLike):
            encoder = named_encoder(manifest, encoder, collection=folder)
        opened = cls(folder, manifest, encoder=encoder, isolate_sql=isolate_sql)
        _ = opened.encoding.table  # what is damaged is refused now
        return opened

    def __repr__(self) -> str:
        return f"Collection({readable_path(self.path)!r}, n_clips={self.n_clips}, n_segments={self.n_segments})"

    @property
    def encodings(self) -> Mapping[str, Encoding]:
        """What each of its encoders made of its clips, by the encoders' names, in the order of their coming."""
        return MappingProxyType({one.encoder_id: one for one in self._encodings.values()})

    @property
    def encoding(self) -> Encoding:
        """The one of them that is searched unless a search says otherwise."""
        return self._encodings[self.manifest.default_encoding]

    @property
    def members(self) -> tuple[Collection, ...]:
        """The collection itself, as the only one that is searched."""
        return (self,)

    @property
    def clips(self) -> TableView:
        """The table of its clips."""
        return TableView(self._clips.table)

    @property
    def segments(self) -> TableView:
        """The table of its segments, as the encoder that is searched by made them."""
        return self.encoding.segments

    @property
    def encoders(self) -> tuple[str, ...]:
        """Names of its encoders, the first one first."""
        return tuple(self.encodings)

    def with_encoder(self, encoder: str) -> Collection:
        """Return the same collection, searched by another of its encoders, as `Searchable.with_encoder`."""
        name = find_encoding(self.manifest, encoder, collection=self.path)
        if name == self.manifest.default_encoding:
            return self
        other = copy.copy(self)
        other.manifest = replace(self.manifest, default_encoding=name)
        return other

    def _answer(self, request: SearchRequest) -> list[Hits]:
        return self.encoding.answer(request)

    def clip_file(self, clip_id: int) -> IndexedClip | None:
        """Return a clip's file, as `Searchable.clip_file`."""
        return self._clips.file_of(clip_id)

    def sql(
        self, query: str, *, values: Values | None = None, time_limit_s: float = 60.0, max_rows: int | None = None
    ) -> pa.Table:
        """Answer a SQL statement over the collection's tables.

        The tables are `clips` (the user's own metadata and labels among its columns), `segments`, `segments_<name>` of
        every further encoder, and every annex (`labels`, `metadata` ...). `search('thunder', 200)`, with a filter as
        third argument if you like, is a table too: `rank, score, calibrated, clip_id, segment_id, start_s, end_s` of
        the best 200 clips.

        Args:
            query: One reading statement in DuckDB's dialect; it can reach nothing but these tables.
            values: Values for the parameters in it, as `$name`.
            time_limit_s: When to stop it.
            max_rows: Rows after which it is not read further; None for all.

        Returns:
            The rows, as an Arrow table.

        Raises:
            QueryError: If the statement is malformed, is not one reading statement, reaches for files or network, takes
                too long or gives too much.
        """
        return self._clips.catalog.sql(
            query, values=checked_values(values), time_limit_s=time_limit_s, max_rows=max_rows
        )

    def close(self) -> None:
        """Let go of files, memory and processes; what is searched later opens them again."""
        self._clips.close()
        for encoding in self._encodings.values():
            encoding.close()

    def _rows_of_search(self, call: Call) -> pa.Table:
        """Return the rows of search() in SQL."""
        return self.search(call.text, k=call.k, where=call.filter).to_arrow().select(ROWS.names).cast(ROWS)
