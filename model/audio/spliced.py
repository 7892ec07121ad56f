"""Spliced files: stretches of a file and bytes of our own, read as one file."""

from __future__ import annotations

import bisect
import errno
import io
import itertools
import os
from collections.abc import Sequence
from typing import BinaryIO, cast

Part = bytes | tuple[int, int]
"""Bytes, or the first byte and the number of bytes of a stretch of the file."""


def spliced(file: BinaryIO, parts: Sequence[Part], *, closes: bool = False) -> BinaryIO:
    """Read parts of a file one after the other.

    Args:
        file: The file.
        parts: What is read of it, or between its stretches.
        closes: Whether closing the result closes the file.

    Returns:
        The parts as one file.
    """
    return cast("BinaryIO", io.BufferedReader(_Spliced(file, parts, closes=closes)))


class _Spliced(io.RawIOBase):
    def __init__(self, file: BinaryIO, parts: Sequence[Part], *, closes: bool) -> None:
        self._file, self._parts, self._place = file, list(parts), 0
        self._closes = closes
        sizes = (len(part) if isinstance(part, bytes) else part[1] for part in self._parts)
        self._starts = list(itertools.accumulate(sizes, initial=0))

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        place = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._starts[-1]}[whence] + offset
        if place < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._place = place
        return place

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast("bytearray", buffer)).cast("B")
        if self._place >= self._starts[-1]:
            return 0
        number = bisect.bisect_right(self._starts, self._place) - 1
        part, skipped = self._parts[number], self._place - self._starts[number]
        n = min(len(view), self._starts[number + 1] - self._place)
        if isinstance(part, bytes):
            block = part[skipped : skipped + n]
        else:
            self._file.seek(part[0] + skipped)
            block = self._file.read(n)
        view[: len(block)] = block
        self._place += len(block)
        return len(block)

    def close(self) -> None:
        if self._closes:
            self._file.close()
        super().close()
