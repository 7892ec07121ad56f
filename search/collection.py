"""The collection: a folder that the indexer wrote, opened for questions."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..model.audio.indexed_clip import IndexedClip
from ..model.errors import CollectionError
from ..model.many import as_many
from ..model.paths import readable_path, user_path
from .encoders import encoding_of, named_encoder, open_encoder
from .index.bank import Bank
from .querying.condition import Condition, Values, checked_values
from .querying.filters import Filters
from .querying.finder import Finder
from .querying.hits import Explanation, Hits
from .querying.options import SearchOptions, checked_number
from .querying.query import Known, Query, Sound, only_query
from .querying.ranking import Ranking
from .querying.rows import ClipRows, SegmentRows
from .querying.terms import Asked, Terms
from .several import BOTH, fused_search
from .sql.calls import ROWS, Call
from .store.annexes import read_annex
from .store.confined import check_confined
from .store.encodings import encoding_folder, find_encoding, sql_name
from .store.manifest import CLIPS_FOLDER, INDEX_FOLDER, SEGMENTS_FOLDER, Manifest, read_manifest
from .store.tables import Table

if TYPE_CHECKING:
    from ..model.encoders.encoder import Encoder
    from .querying.lexical import Lexical
    from .sql.catalog import Catalog
    from .sql.isolated import IsolatedCatalog

_log = logging.getLogger(__name__)


class Collection:
    """A searchable collection, as it stood when it was opened.

    A run of the indexer meanwhile changes nothing for this object: open the collection again to see what is new.
    Threads may share it.

    Example:
        >>> collection = Collection.open("sounds.soundgrep")  # doctest: +SKIP
        >>> collection.search("a dog barking in the rain", k=3, where="duration_s < 30")  # doctest: +SKIP

    Attributes:
        path: The collection's folder.
        manifest: What it is, and which versions of its parts are read, as the encoder asked for made them.
    """

    def __init__(
        self,
        path: Path,
        manifest: Manifest,
        *,
        encoder: Encoder | None,
        isolate_sql: bool = False,
        encoding: str | None = None,
        root: Collection | None = None,
    ) -> None:
        self.path = path
        self._whole = manifest
        self._encoding = encoding or manifest.default_encoding
        self.manifest = replace(manifest, default_encoding=self._encoding)
        self._place = encoding_folder(path, manifest, self._encoding)
        # What is no encoder's is read once, by the collection that was opened.
        self._root = root or self
        self._others: dict[str, Collection] = {}
        self._encoder = encoder
        self._isolate_sql = isolate_sql
        self._clips = Table.open(path / CLIPS_FOLDER, version=manifest.clips_version)
        self._segments = Table.open(self._place / SEGMENTS_FOLDER, version=self.manifest.encoding.segments_version)

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
                is asked for.
            isolate_sql: Whether filters and SQL are computed in processes of their own, which keep to their limits of
                time and memory whatever is asked: for who lets others ask. Here one huge call cannot be stopped.

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
        name = None if encoder is None else encoding_of(manifest, encoder, collection=folder)
        return cls(folder, manifest, encoder=encoder, isolate_sql=isolate_sql, encoding=name)

    def __repr__(self) -> str:
        return f"Collection({readable_path(self.path)!r}, n_clips={self.n_clips}, n_segments={self.n_segments})"

    @property
    def n_clips(self) -> int:
        """Clips in the collection."""
        return self.manifest.n_clips

    @property
    def n_segments(self) -> int:
        """Segments in the collection, as its encoder made them."""
        return self.manifest.encoding.n_segments

    @property
    def segments(self) -> Table:
        """The table of them."""
        return self._segments

    @property
    def encoders(self) -> tuple[str, ...]:
        """Names of the encoders that heard the collection, the first one first."""
        return tuple(record.encoder.id for record in self._whole.encodings.values())

    def is_heard_by(self, digest: str) -> bool:
        """Tell whether one of its encoders has this digest."""
        return any(record.encoder.digest == digest for record in self._whole.encodings.values())

    def heard_by(self, encoder: str) -> Collection:
        """Give the same collection as another of its encoders heard it.

        Args:
            encoder: One of `encoders`, or its digest.

        Raises:
            CollectionError: If the collection has no such encoder, or its tables cannot be read.
        """
        name = find_encoding(self._whole, encoder, collection=self.path)
        if name == self._encoding:
            return self
        if self._root is not self:
            return self._root.heard_by(encoder)
        if name not in self._others:
            self._others[name] = Collection(
                self.path, self._whole, encoder=None, isolate_sql=self._isolate_sql, encoding=name, root=self
            )
        return self._others[name]

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder that made the collection, and that embeds its queries.

        Raises:
            CheckpointError: If it is not on this machine any more.
            EncoderMismatchError: If what goes by its name now is another one.
        """
        return self._encoder or open_encoder(self.manifest.encoding.encoder, collection=self.path)

    def search(
        self,
        text: str | Query | None = None,
        *,
        audio: Sound | None = None,
        like: Known | None = None,
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
                than a segment is asked for by the mean of its segments.
            like: Something of this collection to find more like: a hit, the path of a clip, or the id of a clip or of a
                segment; its own clip is left out.
            embedding: A query [embedding_dim] embedded elsewhere by the same encoder; its length does not matter.
            k: Hits wanted, at least 1.
            where: Only clips for which this SQL expression over the columns of `clips` holds ("duration_s < 30").
            where_values: Values for the parameters in it: {"artist": "..."} for "artist = $artist".
            options: How the hits are listed: by clip or segment, from which one, folded, with words; None for the first
                ones, by clip, by sound alone.
            encoder: Which of `encoders` is asked; "both" for all of them, their rankings fused; None for the first, or
                the one that the collection was opened with.
            explain: Whether the answer's `explanation` says how the search went; not of several encoders.

        Returns:
            Up to `k` hits, best first; fewer if the collection, or what the filter leaves of it, has fewer clips.

        Raises:
            QueryError: If not exactly one of text, audio, like and embedding is given, or it is empty or unusable, or
                `k` is under 1, or `where` is malformed or takes too long; or if something is asked of several encoders
                that means something else to each (an embedding, single segments, a lowest score).
            AudioError: If the audio file cannot be decoded.
            CollectionError: If the tables or the index cannot be read, or the collection has no such encoder.
        """
        query = only_query(text, audio=audio, like=like, embedding=embedding)
        asked = self._asked(encoder)
        if len(asked) > 1:
            return fused_search(asked, query, k=k, where=where, where_values=where_values, options=options)
        return next(iter(asked.values()))._search([query], k, where, where_values, options, explain=explain)[0]

    def search_many(
        self,
        queries: str | Query | Iterable[str | Query],
        *,
        k: int = 10,
        where: str | None = None,
        where_values: Values | None = None,
        options: SearchOptions | None = None,
        encoder: str | None = None,
    ) -> list[Hits]:
        """Answer many queries, embedding their texts together and working their filter out once.

        Args:
            queries: Texts and queries, or one.
            k: Hits wanted of each, at least 1.
            where: As in `search`, for all of them.
            where_values: As in `search`.
            options: As in `search`, for all of them.
            encoder: As in `search`.

        Returns:
            The hits of each query, in the order of the queries.

        Raises:
            QueryError: As in `search`.
            AudioError: If an audio file cannot be decoded.
            CollectionError: If the tables or the index cannot be read.
        """
        asked = [query if isinstance(query, Query) else Query.text(query) for query in as_many(queries, (str, Query))]
        heard = self._asked(encoder)
        if len(heard) > 1:
            return [
                self.search(query, k=k, where=where, where_values=where_values, options=options, encoder=encoder)
                for query in asked
            ]
        return next(iter(heard.values()))._search(asked, k, where, where_values, options)

    def resolve(self, query: Query) -> Asked:
        """Turn a query into the embedding that is searched for.

        Raises:
            QueryError: As in `search`.
            AudioError: If an audio file cannot be decoded.
        """
        return self._terms.resolve([query])[0]

    def clip_file(self, clip_id: int) -> IndexedClip | None:
        """Return a clip's file, for `open_clip`, which opens only what was indexed; None if there is no such clip."""
        return self._clip_rows.file_of(clip_id)

    def has_segment(self, segment_id: int) -> bool:
        """Tell whether a segment is one of these, as this encoder made them."""
        return 0 <= segment_id < 1 << 63 and bool(self._rows.find(np.array([segment_id]))[0] >= 0)

    def clip_ids_where(self, where: str, *, values: Values | None = None) -> npt.NDArray[np.int64]:
        """List the clips that a filter keeps.

        Args:
            where: A SQL expression over the columns of `clips`, as in `search`.
            values: Values for the parameters in it.

        Returns:
            Their ids [n], unordered.

        Raises:
            QueryError: If the filter is malformed or takes too long.
        """
        return self._catalog.clip_ids_where(where, checked_values(values))

    def sample(self, n: int) -> npt.NDArray[np.float32]:
        """Give the embeddings [m, embedding_dim] of `n` segments drawn at random, always the same; of all if fewer.

        Raises:
            CollectionError: If the tables or the index cannot be read.
        """
        return self._ranking.embeddings(self._rows.drawn(n))

    def sql(
        self, query: str, *, values: Values | None = None, time_limit_s: float = 60.0, max_rows: int | None = None
    ) -> pa.Table:
        """Ask the collection's tables in SQL.

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
        return self._catalog.sql(query, values=checked_values(values), time_limit_s=time_limit_s, max_rows=max_rows)

    def _asked(self, encoder: str | None) -> dict[str, Collection]:
        """The collection as each encoder heard it that is asked, by their names."""
        if encoder is None:
            return {self.manifest.encoding.encoder.id: self}
        if encoder in BOTH:
            records = [one.encoder for one in self._whole.encodings.values()]
            return {record.id: self.heard_by(record.digest) for record in records}
        return {encoder: self.heard_by(encoder)}

    def _search(
        self,
        queries: list[Query],
        k: int,
        where: str | None,
        where_values: Values | None,
        options: SearchOptions | None,
        *,
        explain: bool = False,
    ) -> list[Hits]:
        k = checked_number("k", k, lowest=1)
        options = options or SearchOptions()
        condition = Condition.of(where, where_values)
        started = time.perf_counter()
        allowed = self._filters.allowed(condition)
        filtered = time.perf_counter()
        asked = self._terms.resolve(queries)
        resolved = time.perf_counter()
        found = (self._finder.find(one, k=k, allowed=allowed, options=options) for one in asked)
        answers = [Hits(hits, files=self.clip_file) for hits in found]
        if explain:
            plan = self._ranking.plan(options.offset + k, allowed=allowed)
            took_ms = [1e3 * took for took in (resolved - filtered, filtered - started, time.perf_counter() - resolved)]
            for hits in answers:
                hits.explanation = Explanation(plan, *took_ms)
        return answers

    def _rows_of_search(self, call: Call) -> pa.Table:
        """Give the rows of search() in SQL."""
        return self.search(call.text, k=call.k, where=call.filter).to_arrow().select(ROWS.names).cast(ROWS)

    @cached_property
    def _rows(self) -> SegmentRows:
        return SegmentRows(self._segments)

    @cached_property
    def _clip_rows(self) -> ClipRows:
        return ClipRows.read(self._clips) if self._root is self else self._root._clip_rows

    @cached_property
    def _terms(self) -> Terms:
        return Terms(
            encoder=lambda: self.encoder,
            embeddings=lambda rows: self._ranking.embeddings(rows),
            rows=self._rows,
            clips=lambda: self._clip_rows,
            hop_s=self.manifest.encoding.hop_s,
            embedding_dim=self.manifest.encoding.embedding_dim,
            place=readable_path(self.path),
        )

    @cached_property
    def _finder(self) -> Finder:
        return Finder(self._rows, self._clip_rows, self._ranking, lexical=lambda: self._lexical, calibration=self.bank)

    @cached_property
    def bank(self) -> Bank | None:
        """How well ordinary descriptions are answered; None where no index was built since there are banks."""
        record = self.manifest.encoding.index
        if record is None:
            return None
        try:
            return Bank.read(self._place / INDEX_FOLDER / record.generation)
        except CollectionError as error:
            _log.debug("%s; scores are not calibrated", error)
            return None

    def _passing(self, where: str, values: Values) -> npt.NDArray[np.bool_]:
        return self._rows.among_clips(self._catalog.clip_ids_where(where, values))

    @cached_property
    def _filters(self) -> Filters:
        return Filters(self._passing)

    @cached_property
    def _lexical(self) -> Lexical:
        if self._root is not self:
            return self._root._lexical
        from .querying.lexical import Lexical  # tantivy loads only where words are looked for

        return Lexical(self._catalog.words())

    @cached_property
    def _catalog(self) -> Catalog | IsolatedCatalog:
        if self._root is not self:
            return self._root._catalog
        tables = {CLIPS_FOLDER: self._clips, SEGMENTS_FOLDER: self._segments}
        for name, record in self._whole.encodings.items():
            if name != self._encoding:
                tables[f"{SEGMENTS_FOLDER}_{sql_name(name)}"] = self.heard_by(record.encoder.digest).segments
        for name in self.manifest.annexes:
            annex = read_annex(self.path, self.manifest, name)
            if annex is not None:
                tables[name] = annex
        if self._isolate_sql:
            from .sql.isolated import IsolatedCatalog, TablePlace

            places = {name: TablePlace(table.folder, table.version) for name, table in tables.items()}
            return IsolatedCatalog(places, search=self._rows_of_search)
        from .sql.catalog import Catalog  # DuckDB loads only where SQL is asked

        return Catalog({name: table.dataset() for name, table in tables.items()}, search=self._rows_of_search)

    @cached_property
    def _ranking(self) -> Ranking:
        from .index import Index

        index, record = None, self.manifest.encoding.index
        if record is not None:
            try:
                index = Index.open(
                    self._place / INDEX_FOLDER, record, embedding_dim=self.manifest.encoding.embedding_dim
                )
            except CollectionError as error:
                _log.warning("%s; searching without it, exactly and more slowly", error)
        return Ranking(self._rows, index, table=self._segments, embedding_dim=self.manifest.encoding.embedding_dim)
