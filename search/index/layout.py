"""Layout: what the bytes of FAISS's files must be, for a file that came from anywhere, before FAISS reads it.

FAISS believes what a file says: sizes, where lists lie, even the names of other files. Here the few kinds that are ever
written are compared field by field with what is known from elsewhere; only numbers of the embeddings are left open.
The fields are those of `faiss/impl/index_write.cpp`.
"""

import struct

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Int = npt.NDArray[np.int64]

_INNER_PRODUCT, _L2 = 0, 1
_UNUSED = 1 << 20
_FLOAT_BYTES, _ID_BYTES = 4, 8


def flat_offset(content: Bytes, *, n: int, dim: int) -> int:
    """Return where the numbers of a flat index [n, dim] begin in its file, which is nothing else.

    Raises:
        ValueError: If it is anything else.
    """
    reader = _Reader(content)
    reader.expect(_header(b"IxFI", dim, n, _INNER_PRODUCT) + struct.pack("<Q", n * dim))
    reader.end_after(_FLOAT_BYTES * n * dim)
    return reader.place


def cells_offset(content: Bytes, *, dim: int, sizes: Int) -> int:
    """Return where the first cell begins in a file of cells [nlist] of so many codes of `dim` bytes each.

    Behind it the cells follow one another, each its codes and then their positions.

    Raises:
        ValueError: If the file is anything else.
    """
    nlist, n = len(sizes), int(sizes.sum())
    reader = _Reader(content)
    reader.expect(_header(b"IwSq", dim, n, _INNER_PRODUCT) + struct.pack("<Q", nlist))
    reader.skip(8)  # cells to visit, which every search says anew
    reader.expect(_header(b"IxF2", dim, nlist, _L2) + struct.pack("<Q", nlist * dim))
    reader.skip(_FLOAT_BYTES * nlist * dim)
    reader.expect(bytes(9))  # no map of ids
    reader.expect(struct.pack("<iifQQQ", 0, 0, 0.0, dim, dim, 2 * dim))  # eight bits a number
    reader.skip(_FLOAT_BYTES * 2 * dim)
    reader.expect(struct.pack("<QB", dim, 1))
    filled = np.flatnonzero(sizes)
    if len(filled) > nlist // 2:
        reader.expect(b"ilar" + struct.pack("<QQ4sQ", nlist, dim, b"full", nlist) + sizes.astype("<u8").tobytes())
    else:
        pairs = np.stack([filled, sizes[filled]], axis=1).astype("<u8")
        reader.expect(b"ilar" + struct.pack("<QQ4sQ", nlist, dim, b"sprs", pairs.size) + pairs.tobytes())
    reader.end_after(n * (dim + _ID_BYTES))
    return reader.place


def cell_starts(offset: int, *, dim: int, sizes: Int) -> Int:
    """Return where each cell begins in its file, and the end of the last [nlist + 1]."""
    return offset + np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]) * (dim + _ID_BYTES)


def _header(kind: bytes, dim: int, n: int, metric: int) -> bytes:
    return struct.pack("<4siqqqBi", kind, dim, n, _UNUSED, _UNUSED, 1, metric)


class _Reader:
    def __init__(self, content: Bytes) -> None:
        self._content, self.place = content, 0

    def expect(self, wanted: bytes) -> None:
        self.skip(len(wanted))
        if self._content[self.place - len(wanted) : self.place].tobytes() != wanted:
            raise ValueError("the file is of another kind, or says what is not so")

    def skip(self, n: int) -> None:
        self.place += n
        if self.place > len(self._content):
            raise ValueError("the file ends too soon")

    def end_after(self, n: int) -> None:
        if self.place + n != len(self._content):
            raise ValueError("the file is of another size")
