"""Refreshing: bring the index up to what the segments table holds, by as little work as will do."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from ...model.errors import CollectionError, IndexDamagedError
from ...search.index import read_segment_ids
from ...search.index.bank import Bank
from ...search.index.building import EXACT_BELOW, Progress, Source, TextQueries, build_index, fold_index
from ...search.store.manifest import INDEX_FOLDER, EncodingRecord, IndexRecord
from ...search.store.schema import embedding_matrix
from ...search.store.tables import Table

TARGET_RECALL = 0.99
"""Share of the exact top 10 that an index finds, unless a collection was asked for another."""

# What came or went since is searched exactly meanwhile: so much of it costs less than a millisecond a query.
_MAX_STALE = 1_000
_MAX_STALE_SHARE = 0.005
# Cells are made anew when they hold this many times the segments they were made for, or lie this unevenly.
_MAX_GROWTH = 2.0
_MAX_IMBALANCE = 2.0
_N_READ = 50_000

Ids = npt.NDArray[np.int64]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class IndexOptions:
    """How the index is to be.

    Attributes:
        recall: Share of the exact top 10 that it must find, above 0, at most 1; None for what the collection has.
        rebuild: Whether to make cells anew even where those there would do.
    """

    recall: float | None = None
    rebuild: bool = False


def refreshed_index(
    folder: Path,
    encoding: EncodingRecord,
    segments: Table,
    *,
    text_queries: TextQueries,
    options: IndexOptions,
    progress: Progress | None,
) -> IndexRecord | None:
    """Write a new generation of the index if the one there lags behind the table or is not what was asked for.

    Args:
        folder: The encoding's folder.
        encoding: Its record.
        segments: Its segments, at the version to index; at least one.
        text_queries: Gives embeddings [n, embedding_dim] of `n` texts, to measure recall with.
        options: How the index is to be.
        progress: Called with what is being done and what share of it is done.

    Returns:
        The new generation, or None where the one there will do.

    Raises:
        CollectionError: If the table cannot be read or the index cannot be written.
    """
    place, dim, n = folder / INDEX_FOLDER, encoding.embedding_dim, segments.n_rows
    record = encoding.index
    current: Ids = segments.read(["segment_id"]).column("segment_id").to_numpy()
    indexed = _indexed(place, record)
    tuning = None if record is None else record.tuning
    target = options.recall or (TARGET_RECALL if tuning is None else tuning.target_recall)
    deed = _deed(record, indexed, current, target=target, rebuild=options.rebuild)
    if deed == "nothing":
        return None
    texts = _Texts(None if record is None else place / record.generation, text_queries, embedding_dim=dim)
    generation = next_generation(place)
    if deed == "build" or record is None or indexed is None:
        source = Source(lambda: segments.read_embeddings(embedding_dim=dim), n, dim, texts)
        return build_index(place, generation, source, target=target, progress=progress)
    fresh = np.setdiff1d(current, indexed, assume_unique=True)
    source = Source(lambda: _read(segments, fresh, embedding_dim=dim), n, dim, texts)
    try:
        return fold_index(place, generation, source, old=(record, np.isin(indexed, current)), progress=progress)
    except IndexDamagedError as error:
        _log.warning("%s; building a new one", error)
        source = Source(lambda: segments.read_embeddings(embedding_dim=dim), n, dim, texts)
        return build_index(place, generation, source, target=target, progress=progress)


def _indexed(place: Path, record: IndexRecord | None) -> Ids | None:
    if record is None:
        return None
    try:
        return read_segment_ids(place, record)
    except CollectionError as error:
        _log.warning("%s; building a new one", error)
        return None


def _deed(
    record: IndexRecord | None, indexed: Ids | None, current: Ids, *, target: float, rebuild: bool
) -> Literal["nothing", "build", "fold"]:
    if record is None or indexed is None or rebuild:
        return "build"
    n_common = len(np.intersect1d(indexed, current, assume_unique=True))
    n_stale = len(indexed) + len(current) - 2 * n_common
    if len(current) < EXACT_BELOW or record.tuning is None:
        return "build" if n_stale or (record.tuning is None) != (len(current) < EXACT_BELOW) else "nothing"
    tuning = record.tuning
    if target != tuning.target_recall:
        return "build"
    if n_stale <= max(_MAX_STALE, _MAX_STALE_SHARE * len(current)):
        return "nothing"
    has_grown = len(current) > _MAX_GROWTH * tuning.n_trained
    has_drifted = tuning.imbalance > _MAX_IMBALANCE * tuning.trained_imbalance
    return "build" if has_grown or has_drifted else "fold"


def _read(segments: Table, ids: Ids, *, embedding_dim: int) -> Iterator[tuple[Ids, npt.NDArray[np.float32]]]:
    for first in range(0, len(ids), _N_READ):
        rows = segments.read_of("segment_id", ids[first : first + _N_READ], columns=["segment_id", "embedding"])
        embeddings = embedding_matrix(rows.column("embedding"), embedding_dim=embedding_dim)
        yield rows.column("segment_id").to_numpy(), embeddings


def next_generation(place: Path) -> str:
    """Name a generation of the index that is newer than those in a folder."""
    names = [path.name for path in place.iterdir()] if place.is_dir() else []
    return f"{max((int(name) for name in names if name.isdecimal()), default=0) + 1:06d}"


class _Texts:
    """Embeddings of texts, those of the last generation where it has enough: the encoder is the same."""

    def __init__(self, generation: Path | None, text_queries: TextQueries, *, embedding_dim: int) -> None:
        self._generation = generation
        self._text_queries = text_queries
        self._dim = embedding_dim

    def __call__(self, n: int) -> npt.NDArray[np.float32]:
        if self._generation is not None:
            try:
                known = Bank.read(self._generation).embeddings
            except CollectionError:
                known = np.empty((0, self._dim), np.float16)
            if known.shape[0] >= n and known.shape[1] == self._dim:
                return known[:n].astype(np.float32)
        # As they are kept: an index made anew is measured with just those that the first one was.
        return self._text_queries(n).astype(np.float16).astype(np.float32)
