"""Names: what files are called in an archive, so that every system can unpack it and nothing lands elsewhere."""

from __future__ import annotations

import posixpath
import unicodedata
from collections.abc import Sequence

_MAX_BYTES = 180  # of a name that may yet be followed by a number, and 255 are allowed
_MAX_SUFFIX_BYTES = 16
_FORBIDDEN = frozenset('<>:"/\\|?*')  # by Windows
_RESERVED = frozenset(
    ["con", "prn", "aux", "nul", *(f"com{digit}" for digit in range(1, 10)), *(f"lpt{digit}" for digit in range(1, 10))]
)


class Names:
    """Gives out names, each once; two that differ only in case or in how letters are composed count as one."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def unique(self, folders: Sequence[str], stem: str, suffix: str) -> str:
        """Return a path in the archive, its parts made safe, and with a number if it is taken.

        Args:
            folders: The folders that it lies in.
            stem: The file's name without its ending.
            suffix: Its ending, with the dot, or nothing.
        """
        suffix = safe_name(suffix)[:_MAX_SUFFIX_BYTES] if suffix.strip(".") else ""
        inside = [safe_name(folder) for folder in folders]
        number = 1
        while True:
            last = safe_name(_cut(stem)) + (f" ({number})" if number > 1 else "") + suffix
            path = "/".join([*inside, last])
            key = unicodedata.normalize("NFKC", path).casefold()
            if key not in self._taken:
                self._taken.add(key)
                return path
            number += 1


def safe_name(name: str) -> str:
    """Write one part of a path so that every system takes it and nobody is misled by it.

    What Windows forbids, control characters, those that turn the direction of writing, and bytes that are no text
    become `_`; so do dots and blanks at the end, and names that are none.
    """
    text = unicodedata.normalize("NFC", name)
    text = "".join("_" if char in _FORBIDDEN or _is_hidden(char) else char for char in text)
    kept = text.rstrip(". ")
    text = (kept + "_" * (len(text) - len(kept))).lstrip(" ")
    if not text.strip("._ "):
        return "_" * max(1, len(text))
    return f"_{text}" if text.partition(".")[0].lower() in _RESERVED else text


def split_name(exact: bytes) -> tuple[list[str], str, str]:
    """Take a clip's path apart: its folders from the root, its name without the ending, and the ending."""
    *folders, name = exact.decode("utf-8", "replace").split("/")
    stem, suffix = posixpath.splitext(name)
    return [folder.removesuffix("!") for folder in folders if folder not in ("", ".")], stem, suffix


def common_folders(paths: Sequence[Sequence[str]]) -> int:
    """Return how many folders from the root on all paths share."""
    n = 0
    for parts in zip(*paths, strict=False):
        if len(set(parts)) > 1:
            break
        n += 1
    return n


def _cut(stem: str) -> str:
    return stem.encode()[:_MAX_BYTES].decode("utf-8", "ignore") if len(stem.encode()) > _MAX_BYTES else stem


def _is_hidden(char: str) -> bool:
    """Whether a character is a control, a format (as those of direction), or stands for a byte that is no text."""
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") or char == "\ufffd"
