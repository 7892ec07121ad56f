"""Ranges: parts of a file, as browsers ask for them when somebody seeks in a sound (RFC 9110, section 14)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

_BLOCK_BYTES = 1 << 16
_ONE_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.ASCII | re.IGNORECASE)


class UnsatisfiableError(Exception):
    """A range that lies beyond the end of the file."""


def parse_range(header: str | None, *, size: int) -> range | None:
    """Read a Range header.

    Args:
        header: The header, or None if there is none.
        size: Bytes of the file.

    Returns:
        The bytes asked for; None for the whole file, which is also the answer to what is malformed, to units other than
        bytes and to several ranges at once: a server may leave out what it does not offer.

    Raises:
        UnsatisfiableError: If the range is well formed, and no byte of the file lies in it.
    """
    found = _ONE_RANGE.fullmatch(header or "")
    if found is None or not any(found.groups()):
        return None
    first, last = found.groups()
    if not first:  # the last so many bytes
        if int(last) == 0 or size == 0:
            raise UnsatisfiableError
        return range(max(0, size - int(last)), size)
    start, end = int(first), min(int(last) + 1, size) if last else size
    if last and int(last) < start:
        return None
    if start >= size:
        raise UnsatisfiableError
    return range(start, end)


def blocks(file: BinaryIO, part: range) -> Iterator[bytes]:
    """Yield a part of a file block by block, and close it at the end, whoever breaks off."""
    with file:
        file.seek(part.start)
        left = len(part)
        while left > 0:
            block = file.read(min(_BLOCK_BYTES, left))
            if not block:  # the file has become shorter
                return
            left -= len(block)
            yield block
