"""Patterns: names with wild cards, as a shell has them."""

import functools
import re

from ...model.errors import UsageError
from ...model.paths import readable_path


@functools.lru_cache(maxsize=64)
def expression(pattern: bytes) -> re.Pattern[bytes]:
    """Write a pattern as a regular expression: `*`, `?` and `[...]` for parts of a name, `**` for any folders.

    Raises:
        UsageError: If a bracket in it holds no letters, as `[z-a]`.
    """
    parts = []
    pieces = pattern.split(b"/")
    for place, piece in enumerate(pieces):
        is_last = place == len(pieces) - 1
        if piece == b"**":
            parts.append(rb".*" if is_last else rb"(?:[^/]+/)*")
        else:
            parts.append(_piece(piece) + (b"" if is_last else b"/"))
    try:
        return re.compile(b"".join(parts), re.DOTALL)
    except re.error as error:
        raise UsageError(f"{readable_path(pattern)}: is no pattern ({error.msg})") from error


def _piece(piece: bytes) -> bytes:
    """Write one name of a pattern as a regular expression."""
    parts, place = [], 0
    while place < len(piece):
        char = piece[place : place + 1]
        place += 1
        end = piece.find(b"]", place + 1)
        if char == b"*":
            parts.append(rb"[^/]*")
        elif char == b"?":
            parts.append(rb"[^/]")
        elif char == b"[" and end > 0:
            inside = piece[place:end].replace(b"\\", rb"\\").replace(b"[", rb"\[")
            parts.append(b"[" + (b"^" + inside[1:] if inside.startswith(b"!") else inside) + b"]")
            place = end + 1
        else:
            parts.append(re.escape(char))
    return b"".join(parts)
