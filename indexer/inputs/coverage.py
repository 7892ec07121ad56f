"""Coverage: which clips a source would have shown, so that what it shows no more is gone, and nothing else."""

import re
from dataclasses import dataclass

from ...model.audio.archives import split_member
from ...model.audio.stores import is_url
from ...search.store.identity import clip_id_of
from .exclusions import is_hidden
from .files import is_audio_path, is_gone
from .patterns import expression

MAGIC = re.compile(rb"[*?\[]")


@dataclass(frozen=True)
class FolderCoverage:
    """A folder, or everything below a URL.

    What a look through it would pass over, as hidden files, those of other suffixes and archives, was named by another
    source: of this machine's, it is gone if it is not there any more.

    Attributes:
        root: Its path, or the URL.
    """

    root: bytes

    def covers(self, path: bytes) -> bool:
        """Return whether a clip lies below it."""
        prefix = self.root.rstrip(b"/") + b"/"
        if not path.startswith(prefix):
            return False
        member = split_member(path)
        file = path if member is None else member[0]
        if member is None and is_audio_path(file) and not is_hidden(file, below=prefix):
            return True
        return not is_url(file) and is_gone(file)


@dataclass(frozen=True)
class ArchiveCoverage:
    """The members of an archive.

    Attributes:
        archive: Its path or URL.
    """

    archive: bytes

    def covers(self, path: bytes) -> bool:
        """Return whether a clip lies in it."""
        return path.startswith(self.archive + b"!/")


@dataclass(frozen=True)
class PatternCoverage:
    """Whatever a pattern fits: files, and members of archives.

    Attributes:
        pattern: The absolute pattern; `*`, `?` and `[...]` stand for parts of a name, `**` for any folders.
    """

    pattern: bytes

    def covers(self, path: bytes) -> bool:
        """Return whether the pattern fits a clip, or the archive that it is in."""
        member = split_member(path)
        return self.fits(path if member is None else member[0])

    def fits(self, path: bytes) -> bool:
        """Return whether the pattern fits a path."""
        return expression(self.pattern).fullmatch(path) is not None

    def wants(self, path: bytes) -> bool:
        """Return whether a file is meant: one of audio, or any whose suffix the pattern itself names."""
        return self.fits(path) and (is_audio_path(path) or path.endswith(self._suffix or b"/"))

    @property
    def base(self) -> bytes:
        """The folder, or the URL, below which everything lies that the pattern fits."""
        return MAGIC.split(self.pattern, maxsplit=1)[0].rpartition(b"/")[0]

    @property
    def _suffix(self) -> bytes:
        _, dot, suffix = self.pattern.rpartition(b"/")[2].rpartition(b".")
        return b"" if MAGIC.search(suffix) else dot + suffix


@dataclass(frozen=True)
class ListCoverage:
    """Clips that a list names, or named when it was last indexed.

    Attributes:
        clip_ids: The clips.
    """

    clip_ids: frozenset[int]

    def covers(self, path: bytes) -> bool:
        """Return whether a clip is among them."""
        return clip_id_of(path) in self.clip_ids
