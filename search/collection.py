"""The collection: a folder that the indexer wrote, opened for questions."""

from __future__ import annotations

import logging
import operator
import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..model.errors import CollectionError, QueryError
from ..model.paths import readable_path
from .encoders import check_encoder, open_encoder
from .hit import Hit
from .manifest import CLIPS_FOLDER, INDEX_FOLDER, SEGMENTS_FOLDER, Manifest, read_manifest
from .query import audio_query, embedding_query, text_query
from .ranking import Ranking
from .rows import ClipRows, SegmentRows
from .tables import Table

if TYPE_CHECKING:
    from ..model.encoder import Encoder
    from .catalog import Catalog

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
        manifest: What it is, and which versions of its parts are read.
    """

    def __init__(self, path: Path, manifest: Manifest, *, encoder: Encoder | None) -> None:
        self.path = path
        self.manifest = manifest
        self._encoder = encoder
        self._clips = Table.open(path / CLIPS_FOLDER, version=manifest.clips_version)
        self._segments = Table.open(path / SEGMENTS_FOLDER, version=manifest.segments_version)

    @classmethod
    def open(
        cls, path: str | os.PathLike[str], *, encoder: Encoder | str | os.PathLike[str] | None = None
    ) -> Collection:
        """Open a collection.

        Args:
            path: Its folder.
            encoder: The encoder that queries will be embedded with, or its name or folder; None for the one that made
                the collection, opened when the first text or audio is asked for.

        Raises:
            CollectionError: If it is no collection, damaged, or of a newer format version.
            EncoderMismatchError: If it was made by another encoder.
            CheckpointError: If the encoder named cannot be opened.
        """
        folder = Path(path).expanduser().absolute()
        manifest = read_manifest(folder)
        if isinstance(encoder, str | os.PathLike):
            from ..model.encoder import Encoder

            encoder = Encoder.from_pretrained(encoder)
        if encoder is not None:
            check_encoder(manifest.encoder, encoder, collection=folder)
        return cls(folder, manifest, encoder=encoder)

    def __repr__(self) -> str:
        return f"Collection({readable_path(self.path)!r}, n_clips={self.n_clips}, n_segments={self.n_segments})"

    @property
    def n_clips(self) -> int:
        """Clips in the collection."""
        return self.manifest.n_clips

    @property
    def n_segments(self) -> int:
        """Segments in the collection."""
        return self.manifest.n_segments

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder that made the collection, and that embeds its queries.

        Raises:
            CheckpointError: If it is not on this machine any more.
            EncoderMismatchError: If what goes by its name now is another one.
        """
        return self._encoder or open_encoder(self.manifest.encoder, collection=self.path)

    def search(
        self,
        text: str | None = None,
        *,
        audio: str | os.PathLike[str] | npt.NDArray[np.float32] | None = None,
        like: Hit | None = None,
        embedding: npt.NDArray[np.float32] | None = None,
        k: int = 10,
        where: str | None = None,
    ) -> list[Hit]:
        """Find the clips that answer a query best, each with its best segment.

        Args:
            text: A description of the sound.
            audio: A sound to find others like: a file, or a mono waveform [n_samples] at the encoder's rate. One longer
                than a segment is asked for by the mean of its segments.
            like: A hit of this collection to find more like; its own clip is left out.
            embedding: A query [embedding_dim] embedded elsewhere by the same encoder; its length does not matter.
            k: Clips wanted, at least 1.
            where: Only clips for which this SQL expression over the columns of `clips` holds ("duration_s < 30").

        Returns:
            Up to `k` hits, best first; fewer if the collection, or what the filter leaves of it, has fewer clips.

        Raises:
            QueryError: If not exactly one of text, audio, like and embedding is given, or it is empty or unusable, or
                `k` is under 1, or `where` is malformed.
            AudioError: If the audio file cannot be decoded.
            CollectionError: If the tables or the index cannot be read.
        """
        n_kinds = sum(query is not None for query in (text, audio, like, embedding))
        if n_kinds != 1:
            raise QueryError(f"a search takes one of text, audio, like and embedding, not {n_kinds} of them")
        k = _checked_k(k)
        allowed = None if where is None else self._allowed(where)
        if like is not None:
            row = self._row_of(like)
            not_itself = self._rows.clip_ids != self._rows.clip_ids[row]
            allowed = not_itself if allowed is None else allowed & not_itself
            query = self._ranking.embedding(row)
        elif text is not None:
            query = text_query(text, encoder=lambda: self.encoder)
        elif audio is not None:
            query = audio_query(audio, encoder=self.encoder, hop_s=self.manifest.hop_s)
        else:
            query = embedding_query(embedding, embedding_dim=self.manifest.embedding_dim)
        scores, rows = self._ranking.best_of_clips(query, k, allowed=allowed)
        return [
            self._hit(rank, float(score), int(row))
            for rank, (score, row) in enumerate(zip(scores, rows, strict=True), start=1)
        ]

    def sql(self, query: str) -> pa.Table:
        """Ask the collection's tables `clips` and `segments` in SQL.

        Args:
            query: One reading statement in DuckDB's dialect; it can reach nothing but the two tables.

        Returns:
            The rows, as an Arrow table.

        Raises:
            QueryError: If the statement is malformed, is not one reading statement, or reaches for files or network.
        """
        return self._catalog.sql(query)

    def _hit(self, rank: int, score: float, row: int) -> Hit:
        clip_id = int(self._rows.clip_ids[row])
        clip = self._clip_rows[clip_id]
        return Hit(
            rank=rank,
            score=max(-1.0, min(1.0, score)),
            path=clip.path,
            start_s=float(self._rows.start_s[row]),
            end_s=float(self._rows.end_s[row]),
            duration_s=clip.duration_s,
            clip_id=clip_id,
            segment_id=int(self._rows.segment_ids[row]),
            path_bytes=clip.path_bytes,
        )

    def _allowed(self, where: str) -> npt.NDArray[np.bool_]:
        return np.isin(self._rows.clip_ids, self._catalog.clip_ids_where(where))

    def _row_of(self, hit: Hit) -> int:
        row = int(self._rows.find(np.array([hit.segment_id], np.int64))[0])
        if row < 0:
            raise QueryError(
                f"{hit.path}: the hit to find more like is not in {readable_path(self.path)}, or not any more"
            )
        return row

    @cached_property
    def _rows(self) -> SegmentRows:
        return SegmentRows.read(self._segments)

    @cached_property
    def _clip_rows(self) -> ClipRows:
        return ClipRows.read(self._clips)

    @cached_property
    def _catalog(self) -> Catalog:
        from .catalog import Catalog  # DuckDB loads only where SQL is asked

        return Catalog(clips=self._clips.dataset(), segments=self._segments.dataset())

    @cached_property
    def _ranking(self) -> Ranking:
        from .index import Index

        index, record = None, self.manifest.index
        if record is not None:
            try:
                index = Index.open(self.path / INDEX_FOLDER, record, embedding_dim=self.manifest.embedding_dim)
            except CollectionError as error:
                _log.warning("%s; searching without it, exactly and more slowly", error)
        return Ranking(self._rows, index, table=self._segments, embedding_dim=self.manifest.embedding_dim)


def _checked_k(k: int) -> int:
    try:
        number = operator.index(k)
    except TypeError:
        raise QueryError(f"k must be a whole number from 1, not {k!r}") from None
    if isinstance(k, bool) or number < 1:
        raise QueryError(f"k must be a whole number from 1, not {k!r}")
    return number
