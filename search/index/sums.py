"""Sums: one number for each row of embeddings and for each cell of codes, to notice flipped bits when they are read."""

import itertools
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...model.system import open_plain
from .mapped import MappedFile

SUMS_NAME = "sums.npy"
_N_BLOCK = 8_192

Int = npt.NDArray[np.int64]
Sums = npt.NDArray[np.uint32]
Bool = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]


class Checked:
    """Parts of a file, each of which is checked when it is read for the first time.

    Args:
        file: The file.
        sums: The sum of each part [n]; None where the index was built before there were sums.
        starts: Where each part begins, and the last one ends [n + 1], where they are stretches of bytes.
    """

    def __init__(self, file: MappedFile, sums: Sums | None, *, starts: Int | None = None) -> None:
        self._file = file
        self._starts = starts
        self._sums = np.zeros(0, np.uint32) if sums is None else sums
        self._is_known = np.zeros(len(self._sums), np.bool_)
        self._all_known = sums is None  # then a search asks nothing else
        self._last: Bool | None = None  # the filter that was checked last: most are asked again

    def rows(self, found: npt.NDArray[np.generic], positions: Int | slice) -> None:
        """Check rows [m, dim] that lie at some positions [m].

        Raises:
            IndexDamagedError: If one is not what was written.
        """
        if self._all_known or self._is_known[positions].all():
            return
        if not np.array_equal(row_sums(found), self._sums[positions]):
            raise self._file.damaged("is damaged")
        self._know(positions)

    def allowed_rows(self, rows: npt.NDArray[np.generic], allowed: Bool | None) -> None:
        """Check all rows [n, dim], or those allowed [n]."""
        if self._all_known or (allowed is not None and allowed is self._last):
            return
        if allowed is None:
            for first in range(0, len(rows), _N_BLOCK):
                self.rows(rows[first : first + _N_BLOCK], slice(first, first + _N_BLOCK))
            return
        unknown = np.flatnonzero(allowed > self._is_known)
        for first in range(0, len(unknown), _N_BLOCK):
            positions = unknown[first : first + _N_BLOCK]
            self.rows(rows[positions], positions)
        self._last = None if allowed.flags.writeable else allowed

    def stretches(self, numbers: Int) -> None:
        """Check stretches of bytes by their numbers [m]."""
        if self._all_known or self._starts is None or self._is_known[numbers].all():
            return
        unknown, content = numbers[~self._is_known[numbers]], self._file.content.data
        ends = (self._starts[unknown].tolist(), self._starts[unknown + 1].tolist())
        for first, end, wanted in zip(*ends, self._sums[unknown].tolist(), strict=True):
            if zlib.crc32(content[first:end]) != wanted:
                raise self._file.damaged("is damaged")
        self._know(unknown)

    def _know(self, positions: Int | slice) -> None:
        self._is_known[positions] = True
        self._all_known = bool(self._is_known.all())


def row_sums(rows: npt.NDArray[np.generic]) -> Sums:
    """Sum rows [n, dim] up, each by itself [n]: the parity of its words, which any flipped bit changes."""
    n, n_bytes = len(rows), rows.shape[1] * rows.itemsize
    if n_bytes % 8:
        word = np.uint32 if n_bytes % 4 == 0 else np.uint16
        sums: Sums = np.bitwise_xor.reduce(rows.view(word).reshape(n, -1), axis=1).astype(np.uint32)
        return sums
    halves = np.bitwise_xor.reduce(rows.view(np.uint64).reshape(n, -1), axis=1).view(np.uint32).reshape(n, 2)
    folded: Sums = halves[:, 0] ^ halves[:, 1]
    return folded


def stretch_sums(content: Bytes, starts: Int) -> Sums:
    """Sum stretches of bytes up, which begin and end at `starts` [n + 1]: [n]."""
    pairs = itertools.pairwise(starts.tolist())
    return np.array([zlib.crc32(content[first:end].data) for first, end in pairs], np.uint32)


def write_sums(generation: Path, ids: Int, *parts: Sums) -> None:
    """Write the sums of a generation: of all its segments' ids [n], of stretches and then of rows."""
    np.save(generation / SUMS_NAME, np.concatenate([row_sums(ids[np.newaxis]), *parts]), allow_pickle=False)


def read_sums(generation: Path, ids: Int, n: int) -> Sums | None:
    """Read the sums of the `n` parts of a generation; None if it was built before there were any.

    Raises:
        OSError: If they cannot be read.
        ValueError: If they are of another number of parts, or the ids of its segments are not what was written.
    """
    sums = _read(generation)
    if sums is None:
        return None
    if sums.shape != (1 + n,):
        raise ValueError(f"{SUMS_NAME} belongs to another index")
    if sums[:1] != row_sums(ids[np.newaxis]):
        raise ValueError("the ids are not what was written")
    return sums[1:]


def renew_sum_of_ids(generation: Path, ids: Int) -> None:
    """Write the sum of other ids [n] in the place of the one that a generation has."""
    sums = _read(generation)
    if sums is not None:
        sums[:1] = row_sums(ids[np.newaxis])
        np.save(generation / SUMS_NAME, sums, allow_pickle=False)


def _read(generation: Path) -> Sums | None:
    path = generation / SUMS_NAME
    if not path.exists():
        return None
    with open_plain(path) as file:
        sums: Sums = np.load(file, allow_pickle=False)
    if sums.ndim != 1 or sums.dtype != np.uint32:
        raise ValueError(f"{SUMS_NAME} holds something else")
    return sums
