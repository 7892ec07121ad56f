"""Exclusions: what a look through folders passes over, by itself or because it was asked to."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ...model.errors import UsageError
from .patterns import expression

_HIDDEN = b"."
# What network storage, operating systems and archivers put beside people's files: thumbnails, bins, older versions.
_SYSTEM_FOLDERS = frozenset(
    (
        b"@eadir",
        b"@recycle",
        b"@recently-snapshot",
        b"@tmp",
        b"#recycle",
        b"#snapshot",
        b"~snapshot",
        b"$recycle.bin",
        b"recycler",
        b"system volume information",
        b"__macosx",
        b"lost+found",
    )
)


def is_hidden(path: bytes, *, below: bytes) -> bool:
    """Return whether a look through a folder passes over a path in it, for one of its names.

    That is a name with a dot first, or one of a system's own folders, such as `@eaDir`, `$RECYCLE.BIN` or `__MACOSX`.

    Args:
        path: The path.
        below: The folder, whose own name does not matter.
    """
    return any(is_hidden_name(part) for part in path.removeprefix(below).split(b"/"))


def is_hidden_name(name: bytes) -> bool:
    """Return of one name of a path what `is_hidden` returns of all."""
    return name.startswith(_HIDDEN) or name.lower() in _SYSTEM_FOLDERS


@dataclass(frozen=True)
class Exclusions:
    """Patterns of files and folders that a user wants to be passed over.

    Attributes:
        patterns: Each fits a name at any depth, as `*.mp3` or `drafts`, or with a slash in it a path below the source,
            as `old/*/takes`, or an absolute one; `*`, `?` and `[...]` stand for parts of a name, `**` for any folders.
    """

    patterns: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, patterns: Iterable[bytes]) -> "Exclusions":
        """Take patterns as a user wrote them.

        Raises:
            UsageError: If one is empty.
        """
        kept = tuple(pattern.rstrip(b"/") for pattern in patterns)
        if not all(kept):
            raise UsageError("a pattern of what to exclude is empty")
        return cls(kept)

    def cover(self, path: bytes, *, below: bytes) -> bool:
        """Return whether a path, or a folder that it lies in, is to be passed over.

        Args:
            path: The path, or the URL.
            below: The folder that is looked through, which itself is never passed over.
        """
        if not self.patterns:
            return False
        root = below.rstrip(b"/") + b"/"
        return any(self._fit(one, root) for one in _ways_down(path, root))

    def _fit(self, path: bytes, root: bytes) -> bool:
        inside = path.removeprefix(root)
        for pattern in self.patterns:
            if b"/" not in pattern:
                text = path.rpartition(b"/")[2]
            else:
                text = path if pattern.startswith(b"/") or b"://" in pattern else inside
            if expression(pattern).fullmatch(text):
                return True
        return False


def _ways_down(path: bytes, root: bytes) -> Iterator[bytes]:
    """Yield a path and every folder above it, up to a root."""
    start = len(root) if path.startswith(root) else 1
    place = path.find(b"/", start)
    while place > 0:
        yield path[:place]
        place = path.find(b"/", place + 1)
    yield path
