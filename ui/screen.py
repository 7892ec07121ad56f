"""What every command says and how: text safe for a terminal, one-line messages on stderr, JSON for pipes."""

from __future__ import annotations

import contextlib
import json
import locale
import math
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from ..model.paths import readable_path

PROGRAM = "soundgrep"
# All but line breaks and tabs; characters that turn the direction of writing around are written by `printable`.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
EXIT_ATTENTION = 3
"""Exit code of a command that did its work and found something that a person must look at."""


def say(sentence: str) -> None:
    """Write one line on stderr: `soundgrep: <sentence>`."""
    # A report must not be lost, nor become a traceback, because stderr is closed or full.
    try:
        sys.stderr.write(f"{PROGRAM}: {printable(sentence)}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        return


def write_line(line: str = "") -> None:
    """Write a line on stdout, or several; what would move the cursor or colour the rest is shown as an escape."""
    sys.stdout.write(_CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", line) + "\n")


def write_json(document: object, *, indent: int | None = 2) -> None:
    """Write a document on stdout as strict JSON, on one line if `indent` is None.

    NaN and infinity become null, anything unknown its text.
    """
    # Any terminal or pipe that is not UTF-8 still gets valid JSON.
    is_utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    write_line(json_text(document, indent=indent, ensure_ascii=not is_utf8))


def json_text(document: object, *, indent: int | None = 2, ensure_ascii: bool = False) -> str:
    """Return a document as strict JSON, as `write_json` writes it."""
    return json.dumps(_finite(document), ensure_ascii=ensure_ascii, allow_nan=False, indent=indent, default=str)


def printable(text: str) -> str:
    r"""Escape what would break a line or move the cursor: a line break becomes ``\n``, a stray byte ``\xff``."""
    return readable_path(text)


def shown_path(path: str | os.PathLike[str]) -> str:
    """Return a path as a person wants to read it: on one line, and relative if it lies under the current folder."""
    text = readable_path(path)
    try:
        here = readable_path(Path.cwd())
    except OSError:  # the current folder has been removed
        return text
    return text if here == "/" else text.removeprefix(here + "/")


def typed(word: str) -> str:
    """A word of the command line as the terminal's charset has it, which Python reads as UTF-8; a path as it is."""
    exact = os.fsencode(word)
    if os.path.exists(exact):  # noqa: PTH110 - bytes
        return word
    for charset in (locale.getencoding(), "utf-8"):  # "C" has few letters, and UTF-8 is what is typed there
        with contextlib.suppress(UnicodeDecodeError):
            return exact.decode(charset)
    return word


def quoted(path: str | os.PathLike[str]) -> str:
    """Return a path as it can be typed after a command."""
    import shlex

    return shlex.quote(shown_path(path))


def shortened(text: str, *, n_cells: int) -> str:
    """Take characters out of the middle so that the text fits; a file's name matters more than its folders.

    Args:
        text: One printable line.
        n_cells: Columns of the terminal that it may take, wide characters counting two.
    """
    from rich.cells import cell_len

    if cell_len(text) <= n_cells:
        return text
    if n_cells <= 1:
        return "…"[:n_cells]
    n_tail_cells = (n_cells - 1) * 2 // 3
    tail = ""
    for character in reversed(text):
        if cell_len(character + tail) > n_tail_cells:
            break
        tail = character + tail
    head = ""
    for character in text:
        if cell_len(head + character) + 1 + cell_len(tail) > n_cells:
            break
        head += character
    return f"{head}…{tail}"


def is_terminal(stream: TextIO) -> bool:
    """Return whether a person is looking at this stream."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def terminal_width() -> int:
    """Return the columns of the terminal, 80 where that cannot be known."""
    return shutil.get_terminal_size(fallback=(80, 24)).columns


def counted(n: int, noun: str) -> str:
    """`1 clip`, `12,345 clips`."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def spoken_duration(seconds: float) -> str:
    """Return a duration in two words at most: `3.2 s`, `4 min 10 s`, `31.4 h`."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest} s" if minutes < 60 else "1.0 h"
    return f"{seconds / 3600:,.1f} h"


def spoken_size(n_bytes: int) -> str:
    """Return a size with its unit: `812 B`, `4.2 MB`."""
    size = float(n_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 99.5 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="backslashreplace")
    if isinstance(value, str):
        return value  # json escapes what it must
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_finite(item) for item in value]
    return value
