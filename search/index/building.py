"""Building the index: from the tables, batch by batch, in bounded memory."""

import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...model.errors import CollectionError
from ...model.paths import readable_path
from ..store.manifest import IndexRecord, Tuning
from .bank import Bank
from .buckets import Buckets
from .calibration import TARGET_RECALL, calibrate
from .celled import Celled
from .cells import Cells
from .embeddings import HalfEmbeddings
from .flat import write_flat
from .generation import CELLS, EMBEDDINGS_NAME, FLAT, file_digests, read_ids_and_sums, told, written_aside
from .opening import Index
from .space import Space
from .sums import row_sums, write_sums

EXACT_BELOW = 20_000
"""Collections of fewer segments are searched exactly: comparing every embedding takes a few milliseconds."""

N_TEXTS_FLAT = 200
N_TEXTS_CELLS = 2_000

# An odd number whose multiples lie evenly over 64 bits (Knuth, The Art of Computer Programming, 6.4).
_SPREAD = 0x9E37_79B9_7F4A_7C15
_N_COLUMNS = 64
_N_SUMMED = 16_384
_TRAINING_PER_CELL = 40
_MAX_SAMPLE_BYTES = 2**30
# Share of the variance that the codes keep; what they leave out, the ranking by full embeddings puts right.
_KEPT_VARIANCE = 0.995

Float = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Batches = Callable[[], Iterable[tuple[Int, Float]]]
TextQueries = Callable[[int], Float]
Progress = Callable[[str, float], None]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """What an index is built from.

    Attributes:
        batches: Gives segment ids [n] and embeddings [n, embedding_dim] batch by batch, the same ones each time it is
            called; never all are held in memory.
        n_segments: How many there are.
        embedding_dim: Numbers in an embedding.
        text_queries: Gives embeddings [n, embedding_dim] of `n` texts that people might type, to measure recall with.
    """

    batches: Batches
    n_segments: int
    embedding_dim: int
    text_queries: TextQueries


def build_index(
    folder: Path,
    generation: str,
    source: Source,
    *,
    target: float = TARGET_RECALL,
    progress: Progress | None = None,
) -> IndexRecord:
    """Write a new generation of the index; it counts once a manifest names it.

    Args:
        folder: The folder of all generations.
        generation: Name of the new one.
        source: The segments.
        target: Share of the exact top 10 that must be found, above 0, at most 1.
        progress: Called now and then with what is being done and what share of it is done.

    Returns:
        What the manifest shall say of it.

    Raises:
        CollectionError: If the folder cannot be written, or the batches don't hold `n_segments`.
    """
    say = progress or _logged
    with written_aside(folder, generation) as (place, write_ids):
        if source.n_segments < EXACT_BELOW:
            say("embedding texts", 0.0)
            return _build_flat(folder, generation, place, write_ids, source)
        nlist = round(4 * math.sqrt(source.n_segments))
        n_sample = min(source.n_segments, nlist * _TRAINING_PER_CELL, _MAX_SAMPLE_BYTES // (4 * source.embedding_dim))
        sample = _sample(folder, source, n=n_sample, say=say)
        say("finding cells", 0.0)
        space = Space.fitted(sample, share=_KEPT_VARIANCE)
        cells = Cells.trained(sample, nlist=min(nlist, len(sample)), space=space)
        del sample
        parts = ((ids, embeddings, cells.cell_of(embeddings)) for ids, embeddings in source.batches())
        tuning, ids = _fill(place, cells, parts, source, target=target, trained=None, say=say)
        write_ids(ids)
        size_bytes = _write(place, cells, ids, dim=source.embedding_dim)
        return _record(generation, cells, tuning, size_bytes=size_bytes, files=file_digests(place))


def fold_index(
    folder: Path,
    generation: str,
    source: Source,
    *,
    old: tuple[IndexRecord, Bool],
    progress: Progress | None = None,
) -> IndexRecord:
    """Write a new generation with the cells of an old one: without training, and reading only what is new.

    Args:
        folder: The folder of all generations.
        generation: Name of the new one.
        source: The segments; its batches give those that the old generation does not have.
        old: The old generation, one with cells, and which of its positions to keep.
        progress: Called now and then with what is being done and what share of it is done.

    Returns:
        What the manifest shall say of it.

    Raises:
        CollectionError: If the folder cannot be written, the old generation cannot be read, or old and new together are
            not `n_segments`.
    """
    say = progress or _logged
    record, is_live = old
    opened = Index.open(folder, record, embedding_dim=source.embedding_dim)
    if record.tuning is None:
        raise CollectionError(f"{readable_path(folder / record.generation)}: the index has no cells to add to")
    with told(folder / record.generation, "read"):
        _, sums = read_ids_and_sums(folder, record)
        before = Celled.open(folder / record.generation, record, embedding_dim=source.embedding_dim, sums=sums)
        cells = before.cells.emptied(folder / record.generation)

    def parts() -> Iterator[tuple[Int, Float, Int]]:
        for first, embeddings in before.stored.blocks(16_384):
            kept = first + np.flatnonzero(is_live[first : first + len(embeddings)])
            homes = np.searchsorted(before.cells.starts, kept, side="right") - 1
            yield opened.segment_ids[kept], embeddings[kept - first], homes
        for ids, embeddings in source.batches():
            yield ids, embeddings, cells.cell_of(embeddings)

    with written_aside(folder, generation) as (place, write_ids):
        target = record.tuning.target_recall
        tuning, ids = _fill(place, cells, parts(), source, target=target, trained=record.tuning, say=say)
        write_ids(ids)
        size_bytes = _write(place, cells, ids, dim=source.embedding_dim)
        return _record(generation, cells, tuning, size_bytes=size_bytes, files=file_digests(place))


def _build_flat(
    folder: Path, generation: str, place: Path, write_ids: Callable[[Int], None], source: Source
) -> IndexRecord:
    ids, embeddings = [np.empty(0, np.int64)], [np.empty((0, source.embedding_dim), np.float32)]
    for batch_ids, batch in source.batches():
        ids.append(batch_ids)
        embeddings.append(batch)
    together = np.concatenate(ids)
    _check_count(folder, len(together), source)
    order = np.argsort(together)
    rows = np.concatenate(embeddings)[order]
    texts = source.text_queries(N_TEXTS_FLAT)
    Bank.asked(texts, (texts @ rows.T).max(axis=1, initial=-1.0)).write(place)
    write_ids(together[order])
    size_bytes = write_flat(place, rows)
    write_sums(place, together[order], row_sums(rows))
    return IndexRecord(
        generation=generation,
        kind=FLAT,
        n_segments=len(together),
        size_bytes=size_bytes,
        files=file_digests(place),
    )


def _sample(place: Path, source: Source, *, n: int, say: Progress) -> Float:
    """Draw embeddings [about n, dim] without bias, always the same ones, in the order of their ids.

    Which are drawn, and their order, follow from the ids: two runs that embedded the same clips in another order make
    the same cells.
    """
    share = n / source.n_segments
    parts: list[Float] = []
    part_ids: list[Int] = []
    n_seen = 0
    for ids, embeddings in source.batches():
        say("reading a sample", n_seen / source.n_segments)
        drawn = ids.astype(np.uint64) * np.uint64(_SPREAD) / 2.0**64 <= share
        parts.append(embeddings[drawn])
        part_ids.append(ids[drawn])
        n_seen += len(ids)
    _check_count(place, n_seen, source)
    order = np.argsort(np.concatenate(part_ids))
    sample = np.empty((len(order), source.embedding_dim), np.float32)
    first = 0
    while parts:  # each is let go once it is copied
        part = parts.pop(0)
        sample[first : first + len(part)] = part
        first += len(part)
    for column in range(0, source.embedding_dim, _N_COLUMNS):  # in place but for so many
        some = slice(column, column + _N_COLUMNS)
        sample[:, some] = sample[order, some]
    return sample


def _fill(
    place: Path,
    cells: Cells,
    parts: Iterable[tuple[Int, Float, Int]],
    source: Source,
    *,
    target: float,
    trained: Tuning | None,
    say: Progress,
) -> tuple[Tuning, Int]:
    """Put segments with their cells into cell order, add them, and measure how to search them."""
    dim, n = source.embedding_dim, source.n_segments
    buckets = Buckets(place, nlist=cells.nlist, n_rows=n, embedding_dim=dim)
    for ids, embeddings, homes in parts:
        say("sorting into cells", len(buckets) / n)
        buckets.put(ids, embeddings, homes)
    _check_count(place.parent, len(buckets), source)
    ordered: list[Int] = []
    with (place / EMBEDDINGS_NAME).open("wb") as file:
        for ids, rows, homes in buckets.in_order():
            say("writing codes", len(cells) / n)
            file.write(rows.astype("<f2", copy=False).tobytes())
            cells.add(rows.astype(np.float32), homes)
            ordered.append(ids)
    stored = HalfEmbeddings.open(place / EMBEDDINGS_NAME, n=n, embedding_dim=dim)
    say("embedding texts", 0.0)
    texts = source.text_queries(N_TEXTS_CELLS)
    say("measuring recall", 0.0)
    tuning = calibrate(cells, stored, texts, target=target, trained=trained)
    engine = Celled(cells, stored, tuning)
    best = [engine.search(text, 1, n_sure=1, allowed=None)[0][0] for text in texts]
    Bank.asked(texts, np.array(best, np.float32)).write(place)
    return tuning, np.concatenate(ordered)


def _write(place: Path, cells: Cells, ids: Int, *, dim: int) -> int:
    """Write the cells, and the sums of all; return the size of the codes' file."""
    size_bytes, of_cells = cells.write(place)
    stored = HalfEmbeddings.open(place / EMBEDDINGS_NAME, n=len(cells), embedding_dim=dim)
    of_rows = [row_sums(stored.rows[first : first + _N_SUMMED]) for first in range(0, len(cells), _N_SUMMED)]
    write_sums(place, ids, of_cells, *of_rows)
    return size_bytes


def _record(generation: str, cells: Cells, tuning: Tuning, *, size_bytes: int, files: Mapping[str, str]) -> IndexRecord:
    nprobe = tuning.routes[0].nprobe
    return IndexRecord(
        generation=generation,
        kind=CELLS,
        n_segments=len(cells),
        size_bytes=size_bytes,
        files=files,
        nlist=cells.nlist,
        nprobe=nprobe,
        recall_at_10=next(point.text_recall for point in tuning.curve if point.nprobe == nprobe),
        tuning=tuning,
    )


def _check_count(folder: Path, n: int, source: Source) -> None:
    if n != source.n_segments:
        raise CollectionError(f"{readable_path(folder)}: the segments table has {n} rows, not {source.n_segments}")


def _logged(stage: str, share: float) -> None:
    _log.debug("index: %s, %d %%", stage, 100 * share)
