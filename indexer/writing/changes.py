"""Changes: what a collection must do to agree with the files that were found."""

from collections.abc import Mapping, Set
from dataclasses import dataclass

from ...search.store.identity import clip_id_of
from ..inputs.files import Findings, FoundFile
from ..report import Failure
from .failures import KnownFailure


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
        n_unchanged: Files that are in the collection as they are, by size and time of last writing.
        unchanged: Their clips, and those of files that failed before.
        gone: Clips whose files are no longer there.
        doubtful: Those of them from a source that shows no file at all any more, as a disk that is away.
        unknown: Clips that the sources cover, but whose files could not be looked at: they may be there or not.
        broken: Clips whose files changed and failed in an earlier run, and have not changed since.
        remembered: Files that failed in an earlier run and have not changed since.
        forgotten: Earlier failures, by clip id, of files that are gone, or again what they were before.
        n_within: Clips that the collection has from the sources.
    """

    to_read: tuple[FoundFile, ...]
    n_unchanged: int
    unchanged: frozenset[int]
    gone: tuple[int, ...]
    doubtful: frozenset[int]
    unknown: tuple[int, ...]
    broken: tuple[int, ...]
    remembered: tuple[Failure, ...]
    forgotten: tuple[int, ...]
    n_within: int


def find_changes(
    findings: Findings,
    known: Mapping[int, KnownClip],
    failed: Mapping[int, KnownFailure],
    *,
    retry_failed: bool = False,
) -> Changes:
    """Compare what was found with what is known.

    Args:
        findings: What a look through the sources found: clips that these do not cover are left alone, and so are clips
            in folders that could not be looked into.
        known: The collection's clips by id.
        failed: Files that failed in earlier runs, by clip id.
        retry_failed: Whether files that failed are read again though they have not changed.
    """
    to_read: list[FoundFile] = []
    broken: list[int] = []
    remembered: list[Failure] = []
    forgotten: list[int] = []
    seen: set[int] = set()
    for file in findings.files.values():
        clip_id = clip_id_of(file.path)
        seen.add(clip_id)
        clip = known.get(clip_id)
        failure = failed.get(clip_id)
        if clip is not None and (clip.size_bytes, clip.mtime_ns) == (file.size_bytes, file.mtime_ns):
            if failure is not None:
                forgotten.append(clip_id)
            continue
        if failure is not None and failure.tells_of(file) and not retry_failed:
            remembered.append(failure.failure())
            if clip is not None:
                broken.append(clip_id)
            continue
        to_read.append(file)

    unseen, empty = frozenset(findings.unseen), frozenset(findings.empty)

    def missing_of(before: Mapping[int, KnownClip] | Mapping[int, KnownFailure]) -> list[int]:
        return [clip_id for clip_id, one in before.items() if clip_id not in seen and findings.covers(one.path)]

    missing = missing_of(known)
    unknown = {clip_id for clip_id in missing if _lies_in(known[clip_id].path, unseen)}
    gone = tuple(clip_id for clip_id in missing if clip_id not in unknown)
    return Changes(
        to_read=tuple(to_read),
        n_unchanged=len(seen) - len(to_read) - len(remembered),
        unchanged=frozenset(seen.difference(clip_id_of(file.path) for file in to_read)),
        gone=gone,
        doubtful=frozenset(clip_id for clip_id in gone if _lies_in(known[clip_id].path, empty)),
        unknown=tuple(unknown),
        broken=tuple(broken),
        remembered=tuple(remembered),
        forgotten=(*forgotten, *(one for one in missing_of(failed) if not _lies_in(failed[one].path, unseen))),
        n_within=sum(clip_id in seen or findings.covers(clip.path) for clip_id, clip in known.items()),
    )


def _lies_in(path: bytes, roots: Set[bytes]) -> bool:
    """Return whether a path is one of some, or lies below one."""
    if not roots:
        return False
    place = len(path)
    while place > 0:
        if path[:place] in roots:
            return True
        place = path.rfind(b"/", 0, place)
    return path[:1] in roots
