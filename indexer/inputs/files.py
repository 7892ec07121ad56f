"""Files: what there is to index, and how folders are looked through for it."""

import os
import re
import stat
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from ...model.audio.clip_state import ClipState
from ...model.audio.decoding import AUDIO_SUFFIXES
from ...model.paths import readable_path
from ...model.system import folder_identity
from ...search.store.identity import path_of
from ..report import Failure
from .exclusions import Exclusions, is_hidden_name

_SUFFIXES = frozenset(os.fsencode(suffix) for suffix in AUDIO_SUFFIXES)


# Suffixes that other things have too: TypeScript, device trees, assembler, lists of words.
_SHARED = frozenset({b".ts", b".mts", b".dts", b".mac", b".tp", b".voc", b".rm", b".qt", b".snd", b".evo"})
HEAD_BYTES = 512
_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")


def is_audio_path(path: bytes) -> bool:
    """Return whether a file, by its suffix, is worth trying to decode."""
    _, dot, suffix = path.rpartition(b"/")[2].rpartition(b".")
    return dot + suffix.lower() in _SUFFIXES


def is_shared_suffix(path: bytes) -> bool:
    """Return whether files of this name's suffix are as often text as sound."""
    return os.path.splitext(path)[1].lower() in _SHARED  # noqa: PTH122 - bytes


def is_text(head: bytes) -> bool:
    """Return whether the first bytes of a file are text: no container of sound begins without a control character."""
    try:
        head.decode()
    except UnicodeDecodeError as error:
        if error.end < len(head):  # else a letter is cut in two
            return False
    return bool(head) and not _NO_TEXT.search(head)


def is_gone(path: bytes) -> bool:
    """Return whether there certainly is no such file any more: of what cannot be looked at, nothing is known."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return True
    except OSError:
        return False
    return False


@dataclass(frozen=True)
class FoundFile:
    """A file to index.

    Attributes:
        path: Its absolute path, exact bytes.
        size_bytes: Its size when it was found.
        mtime_ns: When it was last written, by then; see `ClipState` for what is no file.
        span: First byte and number of bytes of a member of an archive; None for all others.
    """

    path: bytes
    size_bytes: int
    mtime_ns: int
    span: tuple[int, int] | None = None


class Coverage(Protocol):
    """What a source covers."""

    def covers(self, path: bytes) -> bool:
        """Return whether the source would have shown a clip, were it there."""
        ...


@dataclass
class Findings:
    """What a look through the sources found.

    Attributes:
        files: The files to index, each path once.
        failures: Files and folders that could not be looked at.
        unseen: Folders and files that could not be looked into: nothing is known of what they hold.
        coverage: What the sources cover: a clip in it that was not found is gone.
        lists: Clips that each list names, by the list's path as people read it.
        outside_lists: Clips that were found without a list.
        columns: What the sources say of their clips: tables with a column `clip_id`, int64, the later ones counting.
        empty: Folders in which there was no file to index at all: a disk may be missing there.
        passed_over: Files in folders whose suffix is none of sound, by that suffix in lower case.
    """

    files: dict[bytes, FoundFile] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    unseen: list[bytes] = field(default_factory=list)
    coverage: list[Coverage] = field(default_factory=list)
    lists: dict[str, set[int]] = field(default_factory=dict)
    outside_lists: set[int] = field(default_factory=set)
    columns: list[pa.Table] = field(default_factory=list)
    empty: list[bytes] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Findings") -> None:
        """Take in what a look through a further source found."""
        self.files.update(other.files)
        self.failures.extend(other.failures)
        self.unseen.extend(other.unseen)
        self.coverage.extend(other.coverage)
        for name, ids in other.lists.items():
            self.lists.setdefault(name, set()).update(ids)
        self.outside_lists.update(other.outside_lists)
        self.columns.extend(other.columns)
        self.empty.extend(other.empty)
        self.passed_over.update(other.passed_over)

    def covers(self, path: bytes) -> bool:
        """Return whether the sources would have shown a clip, were it there."""
        return any(one.covers(path) for one in self.coverage)


class FolderWalk:
    """A look through folders of this machine, each entered once.

    Symbolic links to folders are followed, after everything else, so loops end. Hidden files and folders are passed
    over (see `is_hidden`), and so are the collection itself and what is excluded.

    Args:
        collection: The collection's folder, which may lie in one of those that are looked through.
        findings: Takes what is found.
        entered: Folders that were looked through before, by device and number; those of this look are added.
        exclusions: What else is passed over.
    """

    def __init__(
        self,
        collection: Path,
        findings: Findings,
        *,
        entered: set[tuple[int, int]] | None = None,
        exclusions: Exclusions | None = None,
    ) -> None:
        self.findings = findings
        self._exclusions = exclusions or Exclusions()
        self._collection = path_of(collection)
        self._entered = set() if entered is None else entered
        if collection.is_dir():
            self._entered.add(folder_identity(self._collection, collection.stat()))

    def enter(self, root: bytes, status: os.stat_result, *, is_wanted: Callable[[bytes], bool] = is_audio_path) -> None:
        """Look through a folder: real folders depth first and in order, then what links lead to.

        Args:
            root: The folder.
            status: Its status.
            is_wanted: Tells by its path whether a file is to be taken.
        """
        folders, links = [(root, status)], list[tuple[bytes, os.stat_result]]()
        while folders or links:
            path, status = folders.pop() if folders else links.pop(0)
            identity = folder_identity(path, status)
            if path == self._collection or identity in self._entered:
                continue
            self._entered.add(identity)
            inner: list[tuple[bytes, os.stat_result]] = []
            for entry in self._entries(path):
                place = path.rstrip(b"/") + b"/" + entry.name  # with a slash on Windows, too
                if self._exclusions.cover(place, below=root):
                    continue
                is_audio = is_wanted(place)
                try:
                    inside = entry.stat()
                except OSError as error:
                    self.findings.unseen.append(place)
                    # A link that leads nowhere is no news, unless it should be a sound; a folder behind it may be away.
                    if is_audio or (_is_folder(entry) and not isinstance(error, FileNotFoundError)):
                        self._fail(place, error)
                    continue
                if stat.S_ISDIR(inside.st_mode):
                    (links if entry.is_symlink() else inner).append((place, inside))
                elif is_audio and not (is_wanted is is_audio_path and _is_written(place, inside)):
                    self.take(place, inside)
                elif is_wanted is is_audio_path:
                    self.findings.passed_over[_suffix(entry.name)] += 1
            folders.extend(reversed(inner))

    def take(self, path: bytes, status: os.stat_result) -> None:
        """Note a file; pipes and devices would hang whoever reads them."""
        if stat.S_ISREG(status.st_mode):
            state = ClipState.of_file(status)
            self.findings.files[path] = FoundFile(path, state.size_bytes, state.mtime_ns)
        else:
            self.findings.failures.append(Failure(readable_path(path), "it is not a regular file"))

    def _entries(self, folder: bytes) -> "list[os.DirEntry[bytes]]":
        try:
            with os.scandir(folder) as entries:
                return sorted((e for e in entries if not is_hidden_name(e.name)), key=lambda entry: entry.name)
        except OSError as error:
            self.findings.unseen.append(folder)
            self._fail(folder, error)
            return []

    def _fail(self, path: bytes, error: OSError) -> None:
        self.findings.failures.append(Failure(readable_path(path), f"cannot be read ({error.strerror or error})"))


def _is_folder(entry: "os.DirEntry[bytes]") -> bool:
    """Return whether something that cannot be looked at is a folder, as far as its own folder says."""
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return True  # a disk that is not there, or a server


def _is_written(path: bytes, status: os.stat_result) -> bool:
    """Return whether a file is text that has the suffix of a sound; of what cannot be read, nothing is known."""
    if not is_shared_suffix(path) or not stat.S_ISREG(status.st_mode):
        return False
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - bytes
            return is_text(file.read(HEAD_BYTES))
    except OSError:
        return False


def _suffix(name: bytes) -> str:
    stem, dot, suffix = name.rpartition(b".")
    return readable_path((dot + suffix).lower()) if stem and dot else ""
