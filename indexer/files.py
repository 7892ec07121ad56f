"""Files: what there is to index under some folders."""

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..model.decoding import AUDIO_SUFFIXES
from ..model.errors import UsageError
from ..model.paths import readable_path
from ..search.identity import path_of
from .report import Failure

_SUFFIXES = frozenset(os.fsencode(suffix) for suffix in AUDIO_SUFFIXES)
_HIDDEN = b"."


@dataclass(frozen=True)
class FoundFile:
    """A file to index.

    Attributes:
        path: Its absolute path, exact bytes.
        size_bytes: Its size when it was found.
        mtime_ns: When it was last written, by then.
    """

    path: bytes
    size_bytes: int
    mtime_ns: int


@dataclass
class Findings:
    """What a look through some folders found.

    Attributes:
        files: The files to index, each path once.
        failures: Files and folders that could not be looked at.
        unseen: Folders and files that could not be looked into: nothing is known of what they hold.
    """

    files: dict[bytes, FoundFile] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    unseen: list[bytes] = field(default_factory=list)


def find_files(sources: Iterable[Path], *, collection: Path) -> Findings:
    """Look for audio files.

    Symbolic links to folders are followed, after everything else, and no folder is entered twice, so loops end. Hidden
    files and folders (a dot first) are passed over, and so is the collection itself. A file given by name is taken
    whatever its suffix.

    Args:
        sources: Folders and files.
        collection: The collection's folder, which may lie in one of them.

    Returns:
        What was found, in the order of the paths' bytes within each folder.

    Raises:
        UsageError: If a source does not exist or cannot be read.
    """
    walk = _Walk(collection)
    for source in sources:
        path = path_of(source.expanduser())
        try:
            status = source.expanduser().stat()
            if stat.S_ISDIR(status.st_mode):
                os.scandir(path).close()
        except OSError as error:
            what = (
                "there is no such file or folder"
                if isinstance(error, FileNotFoundError)
                else f"cannot be read ({error.strerror})"
            )
            raise UsageError(f"{readable_path(path)}: {what}") from error
        if stat.S_ISDIR(status.st_mode):
            walk.enter(path, status)
        else:
            walk.take(path, status)
    return walk.findings


class _Walk:
    def __init__(self, collection: Path) -> None:
        self.findings = Findings()
        self._collection = path_of(collection)
        self._entered: set[tuple[int, int]] = set()
        if collection.is_dir():
            status = collection.stat()
            self._entered.add((status.st_dev, status.st_ino))

    def enter(self, root: bytes, status: os.stat_result) -> None:
        """Look through a folder: real folders depth first and in order, then what links lead to."""
        folders, links = [(root, status)], list[tuple[bytes, os.stat_result]]()
        while folders or links:
            path, status = folders.pop() if folders else links.pop(0)
            if path == self._collection or (status.st_dev, status.st_ino) in self._entered:
                continue
            self._entered.add((status.st_dev, status.st_ino))
            inner: list[tuple[bytes, os.stat_result]] = []
            for entry in self._entries(path):
                is_audio = _suffix(entry.name) in _SUFFIXES
                try:
                    inside = entry.stat()
                except OSError as error:
                    if is_audio:
                        self.findings.unseen.append(entry.path)
                        self._fail(entry.path, error)
                    continue
                if stat.S_ISDIR(inside.st_mode):
                    (links if entry.is_symlink() else inner).append((entry.path, inside))
                elif is_audio:
                    self.take(entry.path, inside)
            folders.extend(reversed(inner))

    def take(self, path: bytes, status: os.stat_result) -> None:
        """Note a file; pipes and devices would hang whoever reads them."""
        if stat.S_ISREG(status.st_mode):
            self.findings.files[path] = FoundFile(path, status.st_size, status.st_mtime_ns)
        else:
            self.findings.failures.append(Failure(readable_path(path), "it is not a regular file"))

    def _entries(self, folder: bytes) -> "list[os.DirEntry[bytes]]":
        try:
            with os.scandir(folder) as entries:
                return sorted((e for e in entries if not e.name.startswith(_HIDDEN)), key=lambda entry: entry.name)
        except OSError as error:
            self.findings.unseen.append(folder)
            self._fail(folder, error)
            return []

    def _fail(self, path: bytes, error: OSError) -> None:
        self.findings.failures.append(Failure(readable_path(path), f"cannot be read ({error.strerror or error})"))


def _suffix(name: bytes) -> bytes:
    _, dot, suffix = name.rpartition(b".")
    return dot + suffix.lower()
