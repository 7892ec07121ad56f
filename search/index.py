"""Index: FAISS files that find the nearest embeddings, exactly or by visiting the most promising cells."""

import math
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import faiss as _untyped_faiss
import numpy as np
import numpy.typing as npt

from ..model.errors import CollectionError
from ..model.paths import readable_path
from .calibration import N_TOP, choose_nprobe
from .durable import sync_file, sync_folder
from .manifest import IndexRecord

# FAISS's type hints describe its C++ constructors, not the Python ones.
faiss: Any = _untyped_faiss

EXACT_BELOW = 5_000
"""Collections of fewer segments are searched exactly: visiting every embedding takes a millisecond or two."""

_INDEX_NAME = "embeddings.faiss"
_IDS_NAME = "segment_ids.npy"
_SEED = 20_240_607
_TRAINING_PER_CELL = 64
_N_AUDIO_QUERIES = 200
# Cells visited hold at least this many allowed segments for each one asked for.
_VISITED_PER_ASKED = 20

Float = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Batches = Callable[[], Iterable[tuple[Int, Float]]]


class Index:
    """One immutable generation of the index; positions number its segments from 0.

    Many threads may search one object: nothing in it changes, search parameters travel with each call.

    Attributes:
        segment_ids: Segment at each position [n], int64.
    """

    def __init__(self, index: Any, segment_ids: Int, *, nlist: int | None, nprobe: int | None) -> None:
        self.segment_ids = segment_ids
        self._index = index
        self._nlist = nlist
        self._nprobe = nprobe

    @classmethod
    def open(cls, folder: Path, record: IndexRecord, *, embedding_dim: int) -> "Index":
        """Open the generation that a manifest names.

        Args:
            folder: The folder of all generations.
            record: What the manifest says of it.
            embedding_dim: Numbers in an embedding.

        Raises:
            CollectionError: If a file is missing or damaged, or is not what the manifest says.
        """
        segment_ids = read_segment_ids(folder, record)
        path = folder / record.generation / _INDEX_NAME
        try:
            index = faiss.read_index(str(path))
        except (OSError, RuntimeError, MemoryError) as error:
            why = getattr(error, "strerror", None) or "it is damaged"
            raise CollectionError(f"{readable_path(path)}: the index cannot be read ({why})") from error
        if (index.ntotal, index.d, getattr(index, "nlist", None)) != (record.n_segments, embedding_dim, record.nlist):
            raise CollectionError(f"{readable_path(path)}: the index is not the one that the manifest names")
        return cls(index, segment_ids, nlist=record.nlist, nprobe=record.nprobe)

    def __len__(self) -> int:
        return len(self.segment_ids)

    def search(self, embedding: Float, n: int, *, allowed: Bool | None = None) -> tuple[Float, Int]:
        """Find the segments nearest to a query.

        The fewer segments are allowed, or the more are asked for, the more cells are visited, up to all of them, where
        the search is exact.

        Args:
            embedding: The query [embedding_dim], unit length.
            n: Segments wanted, at least 1.
            allowed: Whether each position may be returned [len(self)]; None for all.

        Returns:
            Scores and positions [m], best first, m the smaller of `n` and the number allowed.
        """
        n_allowed = len(self) if allowed is None else int(np.count_nonzero(allowed))
        n = min(n, n_allowed)
        if not n:
            return np.empty(0, np.float32), np.empty(0, np.int64)
        nprobe = self.cells(n, n_allowed=n_allowed)[1]
        query = embedding[np.newaxis]
        scores, positions = _nearest(self._index, query, n, nprobe=nprobe, allowed=allowed)
        if positions[0, -1] < 0:  # the cells visited held too few
            scores, positions = _nearest(self._index, query, n, nprobe=self._nlist, allowed=allowed)
        found = positions[0] >= 0
        return scores[0, found], positions[0, found]

    def cells(self, n: int, *, n_allowed: int) -> tuple[int | None, int | None]:
        """Give the number of cells, and how many of them a search visits; None for none."""
        if self._nlist is None or self._nprobe is None or not n_allowed:
            return self._nlist, None
        wanted = max(self._nprobe * len(self), _VISITED_PER_ASKED * n * self._nlist) / n_allowed
        return self._nlist, min(self._nlist, math.ceil(wanted))

    def embedding(self, position: int) -> Float:
        """Give the embedding [embedding_dim] at a position.

        Raises:
            CollectionError: If there is no such position.
        """
        found: Float
        if self._nlist is None and 0 <= position < len(self):
            found = self._index.reconstruct(position)
            return found
        # An IVF index keeps no way back from a position: look for it in every cell.
        for cell in range(self._nlist or 0):
            lists = self._index.invlists
            size = lists.list_size(cell)
            ids = faiss.rev_swig_ptr(lists.get_ids(cell), size) if size else np.empty(0, np.int64)
            places = np.flatnonzero(ids == position)
            if len(places):
                codes = faiss.rev_swig_ptr(lists.get_codes(cell), size * lists.code_size)
                found = codes.reshape(size, -1)[places[0]].copy().view(np.float32)
                return found
        raise CollectionError(f"the index holds no segment at position {position}")


def read_segment_ids(folder: Path, record: IndexRecord) -> Int:
    """Read which segments a generation holds, and check that its files are whole.

    Args:
        folder: The folder of all generations.
        record: What the manifest says of the generation.

    Returns:
        Segment at each position [n], int64.

    Raises:
        CollectionError: If a file is missing, damaged or cut short.
    """
    generation = folder / record.generation
    try:
        ids: Int = np.load(generation / _IDS_NAME, allow_pickle=False)
        size_bytes = (generation / _INDEX_NAME).stat().st_size
    except (OSError, ValueError, EOFError) as error:
        why = getattr(error, "strerror", None) or "it is damaged"
        raise CollectionError(f"{readable_path(generation)}: the index cannot be read ({why})") from error
    if size_bytes != record.size_bytes or ids.shape != (record.n_segments,) or ids.dtype != np.int64:
        raise CollectionError(f"{readable_path(generation)}: the index cannot be read (a file is cut short or swapped)")
    return ids


def build_index(
    folder: Path,
    generation: str,
    batches: Batches,
    *,
    n_segments: int,
    embedding_dim: int,
    text_queries: Callable[[], Float],
) -> IndexRecord:
    """Write a new generation of the index; it counts once a manifest names it.

    Args:
        folder: The folder of all generations.
        generation: Name of the new one.
        batches: Gives segment ids [n] and embeddings [n, embedding_dim] batch by batch, the same ones each time it is
            called; never all are held in memory.
        n_segments: How many there are.
        embedding_dim: Numbers in an embedding.
        text_queries: Gives embeddings [n, embedding_dim] of texts that people might type, to measure recall with;
            called only for an index that needs it.

    Returns:
        What the manifest shall say of it.

    Raises:
        CollectionError: If the folder cannot be written, or the batches don't hold `n_segments`.
    """
    index: Any = faiss.IndexFlatIP(embedding_dim)
    if n_segments >= EXACT_BELOW:
        index = _trained(batches, n_segments=n_segments, embedding_dim=embedding_dim, quantizer=index)
    ids: list[Int] = []
    for segment_ids, embeddings in batches():
        index.add(embeddings)
        ids.append(segment_ids)
    if index.ntotal != n_segments:
        raise CollectionError(f"{readable_path(folder)}: the segments table has {index.ntotal} rows, not {n_segments}")
    calibration = None
    if n_segments >= EXACT_BELOW:
        calibration = choose_nprobe(_probe(index, batches, text_queries()), nlist=index.nlist)
    try:
        size_bytes = _write(folder, generation, index, np.concatenate([np.empty(0, np.int64), *ids]))
    except (OSError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or "writing failed"
        raise CollectionError(f"{readable_path(folder)}: the index cannot be written ({why})") from error
    return IndexRecord(
        generation=generation,
        kind="flat" if calibration is None else "ivf",
        n_segments=n_segments,
        size_bytes=size_bytes,
        nlist=None if calibration is None else int(index.nlist),
        nprobe=None if calibration is None else calibration.nprobe,
        recall_at_10=None if calibration is None else round(calibration.recall_at_10, 4),
    )


def _trained(batches: Batches, *, n_segments: int, embedding_dim: int, quantizer: Any) -> Any:
    """Find cells for the embeddings by k-means on a sample."""
    nlist = round(4 * math.sqrt(n_segments))
    sample = _sample(batches, n_segments=n_segments, n=min(n_segments, nlist * _TRAINING_PER_CELL))[1]
    index = faiss.IndexIVFFlat(quantizer, embedding_dim, nlist, faiss.METRIC_INNER_PRODUCT)
    index.cp.seed = _SEED
    index.cp.min_points_per_centroid = 1  # or FAISS prints a warning
    index.cp.max_points_per_centroid = _TRAINING_PER_CELL
    index.train(sample)
    return index


def _probe(index: Any, batches: Batches, texts: Float) -> Callable[[int], list[Int]]:
    """Give what `choose_nprobe` asks: the nearest of text queries, and of segments, each without itself."""
    own, sounds = _sample(batches, n_segments=index.ntotal, n=min(index.ntotal, _N_AUDIO_QUERIES))

    def nearest(nprobe: int) -> list[Int]:
        by_sound = _nearest(index, sounds, N_TOP + 1, nprobe=nprobe, allowed=None)[1]
        by_text = _nearest(index, texts, N_TOP, nprobe=nprobe, allowed=None)[1]
        return [by_text, np.where(by_sound == own[:, np.newaxis], -1, by_sound)]

    return nearest


def _sample(batches: Batches, *, n_segments: int, n: int) -> tuple[Int, Float]:
    """Draw n positions without bias, always the same, and read their embeddings [n, dim]."""
    drawn = np.sort(np.random.default_rng(_SEED).choice(n_segments, size=n, replace=False))
    taken: list[Float] = []
    first = 0
    for _, embeddings in batches():
        inside = drawn[(drawn >= first) & (drawn < first + len(embeddings))] - first
        taken.append(embeddings[inside])
        first += len(embeddings)
    return drawn.astype(np.int64), np.concatenate(taken)


def _nearest(
    index: Any,
    embeddings: Float,
    n: int,
    *,
    nprobe: int | None,
    allowed: Bool | None,
) -> tuple[Float, Int]:
    """Give scores and positions [n_queries, n], best first, -1 where fewer were found."""
    # The selector reads these bits while it searches: they must outlive the call.
    bits = None if allowed is None else np.packbits(allowed, bitorder="little")
    selector = None if bits is None else faiss.IDSelectorBitmap(bits)
    parameters = None
    if nprobe is not None:
        parameters = faiss.SearchParametersIVF(nprobe=nprobe, sel=selector)
    elif selector is not None:
        parameters = faiss.SearchParameters(sel=selector)
    scores, positions = index.search(np.ascontiguousarray(embeddings, np.float32), n, params=parameters)
    return scores, positions


def _write(folder: Path, generation: str, index: Any, segment_ids: Int) -> int:
    """Write a generation aside and rename it into place, whole and on the disk."""
    aside, place = folder / f".{generation}.tmp", folder / generation
    # A writer killed before its manifest may have left either; no manifest names them.
    for old in (aside, place):
        if old.exists():
            shutil.rmtree(old)
    aside.mkdir(parents=True)
    faiss.write_index(index, str(aside / _INDEX_NAME))
    np.save(aside / _IDS_NAME, segment_ids, allow_pickle=False)
    sync_file(aside / _INDEX_NAME)
    sync_file(aside / _IDS_NAME)
    sync_folder(aside)
    aside.rename(place)
    sync_folder(folder)
    return (place / _INDEX_NAME).stat().st_size
