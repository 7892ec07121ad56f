"""Paths as people read them: file names may hold line breaks or bytes that are not text."""

import os
import unicodedata
from pathlib import Path

AnyPath = str | bytes | os.PathLike[str] | os.PathLike[bytes]


def readable_path(path: AnyPath) -> str:
    r"""Write a path on one line of plain text, whatever bytes its name holds.

    Args:
        path: Any path; a `str` may carry undecodable bytes as surrogates, as `os.listdir` returns them.

    Returns:
        The path with undecodable bytes as ``\xNN`` and with control characters escaped (a line break becomes ``\n``).
    """
    plain = os.fspath(path)
    text = (_utf8(plain) if isinstance(plain, str) else plain).decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def user_path(path: str | os.PathLike[str]) -> Path:
    """Read a path as a person writes it, `~` being home; where nobody knows whose home that is, it is a plain name."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser fails where there is no home


def encoded_path(path: AnyPath) -> bytes:
    """Give a path's exact bytes; a name that the charset of the system has no letters for was written in UTF-8."""
    try:
        return os.fsencode(path)
    except UnicodeEncodeError:
        return _utf8(os.fsdecode(path))


def path_columns(path: bytes) -> dict[str, str | bytes | None]:
    """Give the columns `path` and `path_bytes` in which a collection has a path, alike on every system."""
    readable = readable_path(path)
    return {"path": readable, "path_bytes": None if readable.encode() == path else path}


def exact_path(path: str, path_bytes: bytes | None) -> bytes:
    """Give a path's exact bytes, out of the columns in which a collection has it."""
    return path.encode() if path_bytes is None else path_bytes


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half of a pair, which no file system gives
        return text.encode("utf-8", "backslashreplace")


def normal_name(path: bytes) -> bytes:
    """Write a path so that all spellings of one name are one: "é" may be one character, or two, as macOS has it.

    Args:
        path: Exact bytes; those that are no text stay as they are.
    """
    if path.isascii():
        return path
    return unicodedata.normalize("NFC", path.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
