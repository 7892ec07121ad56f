"""Cells: the segments in groups that lie together, each segment as a short code."""

import itertools
from pathlib import Path
from typing import Any

import faiss as _untyped_faiss
import numpy as np
import numpy.typing as npt

from .arrays import read_arrays, save_arrays
from .layout import cell_starts, cells_offset
from .mapped import MappedFile
from .scan import dots, one_thread
from .space import Space
from .sums import Checked, Sums, stretch_sums

faiss: Any = _untyped_faiss

Float = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

CODES_NAME = "codes.faiss"
SPACE_NAME = "space.npz"
_SEED = 20_240_607
_N_ITERATIONS = 8
_N_BLOCK = 1_024


class Cells:
    """The segments of a generation by cell: FAISS's inverted lists of scalar-quantised residuals.

    Positions number the segments cell by cell, so a cell is a range of positions.

    Attributes:
        space: Where cells and codes live.
        starts: First position of each cell, and the end of the last [nlist + 1], int64.
        spreads: How far the segments of each cell lie from its centre [nlist], root mean square.
    """

    def __init__(
        self, index: Any, *, space: Space, starts: Int, spreads: Float, checked: Checked | None = None
    ) -> None:
        self.space = space
        self._checked = checked
        self.starts = starts
        self.spreads = spreads
        self._index = index
        quantizer = faiss.downcast_index(index.quantizer)
        self.centres: Float = quantizer.reconstruct_n(0, index.nlist)

    @classmethod
    def trained(cls, sample: Float, *, nlist: int, space: Space) -> "Cells":
        """Find cells by k-means on a sample [n, embedding_dim]; they hold nothing yet."""
        points = space.segments(sample)
        means = faiss.Kmeans(
            space.dim,
            nlist,
            niter=_N_ITERATIONS,
            seed=_SEED,
            min_points_per_centroid=1,  # or FAISS prints a warning
            max_points_per_centroid=len(points),
        )
        means.train(points)
        return cls.around(means.centroids, points, space=space)

    @classmethod
    def around(cls, centres: Float, points: Float, *, space: Space) -> "Cells":
        """Make empty cells around centres [nlist, space.dim], their codes fitted to points [n, space.dim]."""
        quantizer = faiss.IndexFlatL2(space.dim)
        quantizer.add(centres)
        kind = faiss.ScalarQuantizer.QT_8bit
        index = faiss.IndexIVFScalarQuantizer(
            quantizer, space.dim, len(centres), kind, faiss.METRIC_INNER_PRODUCT, True
        )
        index.train(points)
        nlist = len(centres)
        return cls(index, space=space, starts=np.zeros(nlist + 1, np.int64), spreads=np.zeros(nlist, np.float32))

    @classmethod
    def open(cls, folder: Path, file: MappedFile, *, sums: Sums | None) -> "Cells":
        """Open the cells of a generation; the codes stay on the disk until they are read.

        Args:
            folder: The generation's.
            file: Its codes.
            sums: What to check its head and each cell by [nlist + 1]; None for nothing.

        Raises:
            OSError: If a file cannot be opened.
            RuntimeError: If the codes are damaged.
            ValueError: If a file is, or is of another kind.
            KeyError: If one lacks a part.
        """
        space, starts, spreads = _read_space(folder / SPACE_NAME)
        sizes = np.diff(starts)
        offset = cells_offset(file.content, dim=space.dim, sizes=sizes)
        checked = Checked(file, sums, starts=np.append(0, cell_starts(offset, dim=space.dim, sizes=sizes)))
        checked.stretches(np.zeros(1, np.int64))
        index = faiss.read_index(str(folder / CODES_NAME), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)
        lists = faiss.downcast_InvertedLists(index.invlists)
        if hasattr(lists, "prefetch_nthread"):
            lists.prefetch_nthread = 0  # 32 threads a query otherwise
            if lists.totsize == len(file.content):
                file.move_to(int(lists.ptr))
        return cls(index, space=space, starts=starts, spreads=spreads, checked=checked)

    def emptied(self, generation: Path) -> "Cells":
        """Make cells around the same centres, with the same codes, that hold nothing yet.

        Args:
            generation: The folder that these were opened from.

        Raises:
            RuntimeError: If the codes are damaged.
        """
        index = faiss.read_index(str(generation / CODES_NAME))
        index.reset()
        starts, spreads = np.zeros(self.nlist + 1, np.int64), np.zeros(self.nlist, np.float32)
        return Cells(index, space=self.space, starts=starts, spreads=spreads)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def nlist(self) -> int:
        """Number of cells."""
        return len(self.spreads)

    @property
    def sizes(self) -> Int:
        """Segments in each cell [nlist]."""
        return np.diff(self.starts)

    @property
    def imbalance(self) -> float:
        """How many times more a query compares than with cells of one size: 1 if all are alike."""
        sizes = self.sizes.astype(np.float64)
        return float(self.nlist * (sizes**2).sum() / max(1.0, sizes.sum() ** 2))

    def write(self, folder: Path) -> tuple[int, Sums]:
        """Write them into the folder of a generation.

        Returns:
            Size of the codes' file in bytes, and the sums of its head and of each cell [nlist + 1].

        Raises:
            OSError: If a file cannot be written.
            RuntimeError: If FAISS cannot write its own.
        """
        faiss.write_index(self._index, str(folder / CODES_NAME))
        with (folder / SPACE_NAME).open("wb") as file:
            save_arrays(file, mean=self.space.mean, axes=self.space.axes, starts=self.starts, spreads=self.spreads)
        content = MappedFile(folder / CODES_NAME).content
        offset = cells_offset(content, dim=self.space.dim, sizes=self.sizes)
        starts = np.append(0, cell_starts(offset, dim=self.space.dim, sizes=self.sizes))
        return len(content), stretch_sums(content, starts)

    def cell_of(self, embeddings: Float) -> Int:
        """Find the cell [n] that each embedding [n, embedding_dim] belongs to."""
        points = self.space.segments(embeddings)
        # Whole blocks, so that those a segment happens to come with don't decide between two cells as near.
        whole = np.pad(points, ((0, -len(points) % _N_BLOCK), (0, 0)))
        cells: Int = self._index.quantizer.search(whole, 1)[1][: len(points), 0]
        return cells

    def add(self, embeddings: Float, cells: Int) -> None:
        """Add segments, in the order of their cells, at the positions that follow the last.

        Args:
            embeddings: Their embeddings [n, embedding_dim].
            cells: Their cells [n], each at least the one before, also across calls.
        """
        points = self.space.segments(embeddings)
        first, n = len(self), len(points)
        positions, cells = np.arange(first, first + n, dtype=np.int64), np.ascontiguousarray(cells, np.int64)
        codes = np.empty((n, self._index.code_size), np.uint8)
        self._index.encode_vectors(n, *(faiss.swig_ptr(array) for array in (points, cells, codes)))
        # A cell at a time: added one by one, the codes would take up to twice the memory, for room to grow.
        for start, end in itertools.pairwise([*np.flatnonzero(np.diff(cells, prepend=-1)).tolist(), n]):
            entries = (faiss.swig_ptr(array[start:end]) for array in (positions, codes))
            self._index.invlists.add_entries(int(cells[start]), end - start, *entries)
        self._index.ntotal = first + n
        counts = np.bincount(cells, minlength=self.nlist)
        off = ((points - self.centres[cells]) ** 2).sum(axis=1)
        squares = self.spreads**2 * self.sizes + np.bincount(cells, weights=off, minlength=self.nlist)
        self.starts = self.starts + np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        self.spreads = np.sqrt(squares / np.maximum(1, self.sizes)).astype(np.float32)

    def appeal(self, queries: Float, *, spread_weight: float) -> Float:
        """Say how much each cell promises to each query.

        The best of a cell scores above its centre by what its segments spread: a wide cell is worth a visit where a
        tight one with the same centre is not (optimistic routing, arXiv 2405.12207, with one spread a cell).

        Args:
            queries: Queries in this space [n, space.dim].
            spread_weight: How much a cell's spread counts.

        Returns:
            The more the better [n, nlist].
        """
        appeal: Float = queries @ self.centres.T + np.float32(spread_weight) * self.spreads
        return appeal

    def choose(self, query: Float, nprobe: int, *, spread_weight: float, allowed: Bool | None) -> Int:
        """Choose the cells to visit for a query [space.dim]: the most promising that hold anything allowed.

        Returns:
            Their numbers [m], in no order: `nprobe` of them, or more if a filter leaves little in those.
        """
        appeal = dots(self.centres, query) + np.float32(spread_weight) * self.spreads
        if allowed is None:
            return np.argpartition(-appeal, nprobe - 1)[:nprobe] if nprobe < self.nlist else np.arange(self.nlist)
        counts = np.zeros(self.nlist, np.int64)
        filled = self.sizes > 0
        counts[filled] = np.add.reduceat(allowed, self.starts[:-1][filled], dtype=np.int64)
        order = np.argsort(-appeal, kind="stable")
        order = order[counts[order] > 0]
        # A filter that keeps little of what is near the query is followed further out, to as large a part of what it
        # keeps as the cells wanted are of all.
        share = np.cumsum(counts[order]) * (self.nlist / max(1, int(counts.sum())))
        return order[: max(nprobe, int(np.searchsorted(share, nprobe)) + 1)]

    def candidates(self, query: Float, cells: Int, n: int, *, allowed: Bool | None) -> Int:
        """Find the segments of some cells whose codes are nearest to a query.

        Args:
            query: The query in this space [space.dim].
            cells: The cells [m].
            n: Segments wanted.
            allowed: Whether each position may be found [len(self)]; None for all.

        Returns:
            Their positions, at most `n`.
        """
        if self._checked is not None:
            self._checked.stretches(cells + 1)
        bits = None if allowed is None else np.packbits(allowed, bitorder="little")
        selector = None if bits is None else faiss.IDSelectorBitmap(bits)
        parameters = faiss.SearchParametersIVF(nprobe=len(cells), sel=selector)
        wanted = np.ascontiguousarray(cells, np.int64)
        closeness = dots(self.centres[cells], query)
        scores, positions = np.empty(n, np.float32), np.empty(n, np.int64)
        # A tally of its own: FAISS's is one for all threads.
        tally = faiss.IndexIVFStats()
        with one_thread():
            self._index.search_preassigned_c(
                1,
                faiss.swig_ptr(query),
                n,
                *(faiss.swig_ptr(array) for array in (wanted, closeness, scores, positions)),
                False,
                parameters,
                tally,
            )
        return positions[positions >= 0]


def _read_space(path: Path) -> tuple[Space, Int, Float]:
    """Read the space of a generation, where its cells start and how far they spread."""
    parts = read_arrays(path)
    mean, axes, starts, spreads = (parts[name] for name in ("mean", "axes", "starts", "spreads"))
    kinds = [(str(array.dtype), array.ndim) for array in (mean, axes, starts, spreads)]
    if kinds != [("float32", 1), ("float32", 2), ("int64", 1), ("float32", 1)]:
        raise ValueError(f"{path.name} holds something else")
    if axes.shape[1] != len(mean) or not 0 < len(axes) <= len(mean) or len(starts) != len(spreads) + 1:
        raise ValueError(f"{path.name} holds parts of different sizes")
    if starts[0] != 0 or not len(spreads) or bool((np.diff(starts) < 0).any()):
        raise ValueError(f"{path.name} holds cells that are none")
    return Space(mean=mean, axes=axes), starts, spreads
