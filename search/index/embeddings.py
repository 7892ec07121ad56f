"""Embeddings in half precision, memory-mapped: exact scores of any of them without holding them in memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import faiss as _untyped_faiss
import numpy as np
import numpy.typing as npt

from .mapped import MappedFile
from .scan import dots, scan
from .sums import Checked, Sums

faiss: Any = _untyped_faiss

Float = npt.NDArray[np.float32]
Half = npt.NDArray[np.float16]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

# Rows turned into single precision at a time: they stay in a core's cache until they are multiplied.
_N_BLOCK = 256


class HalfEmbeddings:
    """Embeddings of unit length in a file of nothing but their numbers, little-endian float16, row after row.

    The error of a score against single precision is about 1e-5.

    Attributes:
        rows: The embeddings [n, embedding_dim], float16, read from the disk as they are touched.
    """

    def __init__(self, rows: Half, file: MappedFile, *, sums: Sums | None) -> None:
        self.rows = rows
        self.file = file
        self._checked = Checked(file, sums)
        n, dim = rows.shape
        self._index = faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        self._index.is_trained = True
        if n:
            # The scan reads the map itself; `rows` keeps it alive.
            view, nobody = faiss.MaybeOwnedVectorUInt8, faiss.MaybeOwnedVectorUInt8().owner
            self._index.codes = view.create_view(_pointer(rows), rows.nbytes, nobody)
            self._index.ntotal = n

    @classmethod
    def open(cls, path: Path, *, n: int, embedding_dim: int, sums: Sums | None = None) -> "HalfEmbeddings":
        """Map a file.

        Args:
            path: The file.
            n: Embeddings in it.
            embedding_dim: Numbers in each.
            sums: What to check each of them by [n]; None for nothing.

        Raises:
            OSError: If it cannot be opened.
            ValueError: If it has another size.
        """
        file = MappedFile(path)
        if len(file.content) != 2 * n * embedding_dim:
            raise ValueError(f"{path.name} is cut short or swapped")
        return cls(file.content.view("<f2").reshape(n, embedding_dim), file, sums=sums)

    def __len__(self) -> int:
        return len(self.rows)

    def embeddings(self, positions: Int) -> Float:
        """Give the embeddings [m, embedding_dim] at some positions [m], brought back to unit length."""
        found = self._read(positions)
        unit: Float = found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
        return unit

    def scores(self, query: Float, positions: Int) -> Float:
        """Compare a query [embedding_dim] with the embeddings at some positions [n]: their scores [n]."""
        scores = np.empty(len(positions), np.float32)
        for first in range(0, len(positions), _N_BLOCK):
            scores[first : first + _N_BLOCK] = dots(self._read(positions[first : first + _N_BLOCK]), query)
        return scores

    def nearest(self, query: Float, n: int, *, allowed: Bool | None) -> tuple[Float, Int]:
        """Find the nearest of all, or of those allowed [len(self)], by comparing every one.

        Returns:
            Scores and positions [m], best first, m at most `n`.
        """
        self._checked.allowed_rows(self.rows, allowed)
        return scan(self._index, query, n, allowed=allowed)

    def blocks(self, n_block: int) -> Iterator[tuple[int, Float]]:
        """Read all of them in order.

        Yields:
            First position and embeddings [m, embedding_dim] of each block, m at most `n_block`.
        """
        for first in range(0, len(self), n_block):
            rows = self.rows[first : first + n_block]
            self._checked.rows(rows, slice(first, first + n_block))
            yield first, self._single(rows)

    def _read(self, positions: Int) -> Float:
        rows = self.rows[positions]
        self._checked.rows(rows, positions)
        return self._single(rows)

    def _single(self, rows: Half) -> Float:
        """Turn rows [m, dim] into single precision: FAISS does it several times as fast as numpy."""
        rows = np.ascontiguousarray(rows)
        out = np.empty(rows.shape, np.float32)
        if len(rows):
            self._index.sq.decode_c(_pointer(rows), faiss.swig_ptr(out), len(rows))
        return out


def _pointer(rows: Half) -> Any:
    return faiss.swig_ptr(rows.reshape(-1).view(np.uint8))
