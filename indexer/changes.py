"""Changes: what a collection must do to agree with the files that were found."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..search.identity import clip_id_of, path_of
from .files import Findings, FoundFile


@dataclass(frozen=True)
class KnownClip:
    """What the collection knows of a clip's file.

    Attributes:
        path: Its absolute path, exact bytes.
        size_bytes: Its size when it was indexed.
        mtime_ns: When it was last written, by then.
        content_hash: Hash of its bytes then.
    """

    path: bytes
    size_bytes: int
    mtime_ns: int
    content_hash: str


@dataclass(frozen=True)
class Changes:
    """The work of a run.

    Attributes:
        to_read: Files that are new, or may have changed.
        touched: Clips whose files are to be read again.
        n_unchanged: Files that are in the collection as they are, by size and time of last writing.
        gone: Clips whose files are no longer there.
    """

    to_read: tuple[FoundFile, ...]
    touched: tuple[int, ...]
    n_unchanged: int
    gone: tuple[int, ...]


def find_changes(findings: Findings, known: Mapping[int, KnownClip], *, sources: Iterable[Path]) -> Changes:
    """Compare what was found with what is known.

    Args:
        findings: What a look through the sources found.
        known: The collection's clips by id.
        sources: The folders and files that were looked through: clips from elsewhere are left alone, and so are clips
            in folders that could not be looked into.
    """
    to_read: list[FoundFile] = []
    touched: list[int] = []
    seen: set[int] = set()
    for file in findings.files.values():
        clip_id = clip_id_of(file.path)
        seen.add(clip_id)
        clip = known.get(clip_id)
        if clip is None or (clip.size_bytes, clip.mtime_ns) != (file.size_bytes, file.mtime_ns):
            to_read.append(file)
            if clip is not None:
                touched.append(clip_id)
    roots = tuple(path_of(source.expanduser()) for source in sources)
    gone = (
        clip_id
        for clip_id, clip in known.items()
        if clip_id not in seen and _lies_in(clip.path, roots) and not _lies_in(clip.path, findings.unseen)
    )
    return Changes(
        to_read=tuple(to_read), touched=tuple(touched), n_unchanged=len(seen) - len(to_read), gone=tuple(gone)
    )


def _lies_in(path: bytes, roots: Iterable[bytes]) -> bool:
    separator = os.fsencode(os.sep)
    return any(path == root or path.startswith(root.rstrip(separator) + separator) for root in roots)
