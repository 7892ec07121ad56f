"""Buckets: embeddings sorted by cell on the disk, so that never all of them are in memory."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

_BUCKET_BYTES = 2**28
_N_BLOCK = 16_384

Float = npt.NDArray[np.float32]
Half = npt.NDArray[np.float16]
Int = npt.NDArray[np.int64]


class Buckets:
    """Files of embeddings in half precision, one for each range of cells; each fits in memory by itself.

    Args:
        folder: Where the files are made; each is removed once it is read.
        nlist: Cells.
        n_rows: Embeddings to come, about.
        embedding_dim: Numbers in an embedding.
    """

    def __init__(self, folder: Path, *, nlist: int, n_rows: int, embedding_dim: int) -> None:
        n_buckets = max(1, math.ceil(2 * n_rows * embedding_dim / _BUCKET_BYTES))
        self._bounds = np.linspace(0, nlist, n_buckets + 1).round().astype(np.int64)[1:]
        self._paths = [folder / f"bucket-{number:04d}.tmp" for number in range(n_buckets)]
        self._ids: list[list[Int]] = [[] for _ in self._paths]
        self._cells: list[list[Int]] = [[] for _ in self._paths]
        self._dim = embedding_dim
        self._n = 0

    def __len__(self) -> int:
        return self._n

    def put(self, ids: Int, embeddings: Float, cells: Int) -> None:
        """Write segments to the buckets of their cells.

        Args:
            ids: Their ids [n].
            embeddings: Their embeddings [n, embedding_dim].
            cells: Their cells [n].

        Raises:
            OSError: If the disk cannot be written.
        """
        bucket_of = np.searchsorted(self._bounds, cells, side="right")
        for number in np.unique(bucket_of):
            inside = bucket_of == number
            with self._paths[number].open("ab") as file:
                file.write(embeddings[inside].astype("<f2").tobytes())
            self._ids[number].append(ids[inside])
            self._cells[number].append(cells[inside].astype(np.int32))
        self._n += len(ids)

    def in_order(self) -> Iterator[tuple[Int, Half, Int]]:
        """Read everything back in the order of the cells, and of ids within each: that of arrival leaves no trace.

        Yields:
            Ids [n], embeddings [n, embedding_dim] in half precision, and cells [n].

        Raises:
            OSError: If the disk cannot be read.
        """
        for number, path in enumerate(self._paths):
            if not self._ids[number]:
                continue
            rows = np.fromfile(path, "<f2").reshape(-1, self._dim)
            path.unlink()
            ids, cells = np.concatenate(self._ids[number]), np.concatenate(self._cells[number]).astype(np.int64)
            order = np.lexsort((ids, cells))
            for first in range(0, len(order), _N_BLOCK):
                block = order[first : first + _N_BLOCK]
                yield ids[block], rows[block], cells[block]
