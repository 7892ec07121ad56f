"""Links of a chained Ogg file (RFC 3533, section 4): recordings one after the other, each with a head of its own."""

from __future__ import annotations

import os
from typing import BinaryIO

_FIRST_PAGE = b"OggS\x00\x02"
_HEAD_BYTES, _MAX_HEAD_BYTES = 27, 27 + 255
_BLOCK_BYTES = 1 << 20


def ogg_links(file: BinaryIO) -> list[tuple[int, int]]:
    """Find the links of a file.

    Args:
        file: A file; where it stands does not matter.

    Returns:
        First byte and number of bytes of each link; one for all of a file that is not chained, or not Ogg.

    Raises:
        OSError: If reading fails.
    """
    n_bytes = file.seek(0, os.SEEK_END)
    file.seek(0)
    if file.read(len(_FIRST_PAGE)) != _FIRST_PAGE:
        return [(0, n_bytes)]
    starts: list[int] = []
    expected = -1  # where the next first page belongs to the same link, as those of streams side by side do
    for place in _first_pages(file):
        if place != expected:
            starts.append(place)
        file.seek(place)
        head = file.read(_MAX_HEAD_BYTES)
        n_laces = head[_HEAD_BYTES - 1] if len(head) >= _HEAD_BYTES else 0
        expected = place + _HEAD_BYTES + n_laces + sum(head[_HEAD_BYTES : _HEAD_BYTES + n_laces])
    return [(start, end - start) for start, end in zip(starts, [*starts[1:], n_bytes], strict=True)]


def _first_pages(file: BinaryIO) -> list[int]:
    """Return where pages start that begin a stream."""
    places: list[int] = []
    first, kept = 0, b""
    file.seek(0)
    while block := file.read(_BLOCK_BYTES):
        joined = kept + block
        place = joined.find(_FIRST_PAGE)
        while place >= 0:
            places.append(first + place)
            place = joined.find(_FIRST_PAGE, place + 1)
        kept = joined[-len(_FIRST_PAGE) + 1 :]
        first += len(joined) - len(kept)
    return places
