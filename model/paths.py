"""Paths as people read them: file names may hold line breaks or bytes that are not text."""

import os
import unicodedata


def readable_path(path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> str:
    r"""Write a path on one line of plain text, whatever bytes its name holds.

    Args:
        path: Any path; a `str` may carry undecodable bytes as surrogates, as `os.listdir` returns them.

    Returns:
        The path with undecodable bytes as ``\xNN`` and with control characters escaped (a line break becomes ``\n``).
    """
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else _escape(char) for char in text)


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
