"""Encoding: what one encoder made of a collection's clips, and the search through it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..model.errors import CollectionError
from ..model.paths import readable_path
from .encoders import EncoderSource
from .index import Index
from .index.bank import Bank
from .querying.clips import Clips
from .querying.condition import Condition, Filters, Values
from .querying.embedder import EmbeddedQuery, QueryEmbedder
from .querying.finder import Finder
from .querying.hits import Explanation, Hits
from .querying.query import Query
from .querying.ranking import Ranking
from .querying.request import SearchOptions, SearchRequest
from .querying.rows import SegmentRows
from .querying.table_view import TableView
from .store.encodings import coverage_table, encoding_folder
from .store.manifest import INDEX_FOLDER, SEGMENTS_FOLDER, IndexRecord, Manifest
from .store.tables import Table

if TYPE_CHECKING:
    from ..model.encoders.encoder import Encoder

_log = logging.getLogger(__name__)


class Encoding:
    """The segments of a collection as one encoder embedded them, with their index. Threads may share it.

    Args:
        name: Its name in the manifest.
        collection: The collection's folder.
        manifest: The collection's manifest.
        clips: The collection's clips.
        encoder: Its encoder, if it is open already.

    Attributes:
        name: Its name in the manifest.
        record: What the manifest says of it.
        clips: The collection's clips.
    """

    def __init__(
        self, name: str, collection: Path, manifest: Manifest, clips: Clips, *, encoder: Encoder | None = None
    ) -> None:
        self.name = name
        self.record = manifest.encodings[name]
        self.clips = clips
        self._collection = collection
        self._manifest = manifest
        self._folder = encoding_folder(collection, manifest, name)
        self._source = EncoderSource(self.record.encoder, collection=collection, opened=encoder)
        self._filters = Filters(self._passing)

    def __repr__(self) -> str:
        return f"Encoding({self.encoder_id!r}, n_segments={self.record.n_segments})"

    @property
    def encoder_id(self) -> str:
        """Name of its encoder."""
        return self.record.encoder.id

    @property
    def encoder(self) -> Encoder:
        """The encoder that made it, and that embeds its queries.

        Raises:
            CheckpointError: If it is not on this machine any more.
            EncoderMismatchError: If what goes by its name now is another one.
        """
        return self._source.encoder

    @property
    def segments(self) -> TableView:
        """Its segments, each with its embedding."""
        return TableView(self.table)

    @property
    def coverage(self) -> TableView:
        """The clips that it covers; it may lag behind, where its encoder was not at hand when clips came."""
        return TableView(coverage_table(self._collection, self._manifest, self.name) or self.clips.table)

    @property
    def index(self) -> IndexRecord | None:
        """What is known of its index; None if it has none."""
        return self.record.index

    def search(
        self,
        embedding: npt.ArrayLike,
        *,
        k: int = 10,
        where: str | None = None,
        where_values: Values | None = None,
        options: SearchOptions | None = None,
    ) -> Hits:
        """Find the clips nearest to an embedding.

        Args:
            embedding: A query [embedding_dim] embedded elsewhere by the same encoder; its length does not matter.
            k: Hits wanted, at least 1.
            where: As in `Collection.search`.
            where_values: As in `Collection.search`.
            options: As in `Collection.search`.

        Raises:
            QueryError, CollectionError: As `Collection.search`.
        """
        condition = Condition.of(where, where_values)
        request = SearchRequest((Query.embedding(embedding),), k, condition, options or SearchOptions())
        return self.answer(request)[0]

    def answer(self, request: SearchRequest) -> list[Hits]:
        """Answer each query of a request: embed, allow, rank, list.

        Raises:
            QueryError, AudioError, CollectionError: As `Collection.search`.
        """
        k, options = request.k, request.options
        started = time.perf_counter()
        queries = self.embed(request.queries)
        embedded = time.perf_counter()
        allowed = self._filters.allowed(request.condition)
        filtered = time.perf_counter()
        answers: list[Hits] = []
        for query in queries:
            begun = time.perf_counter()
            found = self._finder.rank(query, k=k, allowed=allowed, options=options)
            hits = Hits(self._finder.hits(found, query, k=k, options=options))
            if request.explain:
                plan = self._ranking.plan(options.offset + k, allowed=allowed)
                hits.explanation = Explanation(
                    plan,
                    query_ms=1e3 * (embedded - started),
                    filter_ms=1e3 * (filtered - embedded),
                    ranking_ms=1e3 * (time.perf_counter() - begun),
                )
            answers.append(hits)
        return answers

    def embed(self, queries: Sequence[Query]) -> list[EmbeddedQuery]:
        """Turn queries into the embeddings that are searched for.

        Raises:
            QueryError, AudioError: As `Collection.search`.
        """
        return self._embedder.embed(queries)

    def sample(self, n: int) -> npt.NDArray[np.float32]:
        """Draw the embeddings [m, embedding_dim] of `n` segments at random, always the same; of all if fewer.

        Raises:
            CollectionError: If the tables or the index cannot be read.
        """
        return self._ranking.embeddings(self.rows.drawn(n))

    def read_embeddings(
        self, *, n_batch: int = 8_192
    ) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]]:
        """Yield segment ids [n] and embeddings [n, embedding_dim] of all segments, at most `n_batch` at a time.

        Raises:
            CollectionError: If the table cannot be read.
        """
        return self.table.read_embeddings(embedding_dim=self.record.embedding_dim, n_batch=n_batch)

    def close(self) -> None:
        """Let go of the index and of what was read."""
        for part in ("rows", "bank", "_embedder", "_finder", "_ranking"):
            self.__dict__.pop(part, None)
        self._filters = Filters(self._passing)

    @cached_property
    def table(self) -> Table:
        """The table of its segments."""
        return Table.open(self._folder / SEGMENTS_FOLDER, version=self.record.segments_version)

    @cached_property
    def rows(self) -> SegmentRows:
        """Its segments without their embeddings."""
        return SegmentRows(self.table)

    @cached_property
    def bank(self) -> Bank | None:
        """How well ordinary descriptions are answered; None where no index was built since there are banks."""
        if self.index is None:
            return None
        try:
            return Bank.read(self._folder / INDEX_FOLDER / self.index.generation)
        except CollectionError as error:
            _log.debug("%s; scores are not calibrated", error)
            return None

    def _passing(self, where: str, values: Values) -> npt.NDArray[np.bool_]:
        return self.rows.among_clips(self.clips.ids_where(where, values))

    @cached_property
    def _embedder(self) -> QueryEmbedder:
        return QueryEmbedder(
            self._source,
            self._ranking,
            self.clips,
            hop_s=self.record.hop_s,
            embedding_dim=self.record.embedding_dim,
            place=readable_path(self._collection),
        )

    @cached_property
    def _finder(self) -> Finder:
        return Finder(self._ranking, self.clips, self.bank)

    @cached_property
    def _ranking(self) -> Ranking:
        index, dim = None, self.record.embedding_dim
        if self.index is not None:
            try:
                index = Index.open(self._folder / INDEX_FOLDER, self.index, embedding_dim=dim)
            except CollectionError as error:
                _log.warning("%s; searching without it, exactly and more slowly", error)
        return Ranking(self.rows, index, table=self.table, embedding_dim=dim)
