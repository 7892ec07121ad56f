"""Changes: what a collection must do to agree with the files that were found."""

from collections.abc import Iterable, Mapping
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
        gone: Clips whose files are no longer there.
        broken: Clips whose files changed and failed in an earlier run, and have not changed since.
        remembered: Files that failed in an earlier run and have not changed since.
        forgotten: Earlier failures, by clip id, of files that are gone, or again what they were before.
        n_within: Clips that the collection has from the sources.
    """

    to_read: tuple[FoundFile, ...]
    n_unchanged: int
    gone: tuple[int, ...]
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

    def gone_of(before: Mapping[int, KnownClip] | Mapping[int, KnownFailure]) -> tuple[int, ...]:
        return tuple(
            clip_id
            for clip_id, one in before.items()
            if clip_id not in seen and findings.covers(one.path) and not _lies_in(one.path, findings.unseen)
        )

    return Changes(
        to_read=tuple(to_read),
        n_unchanged=len(seen) - len(to_read) - len(remembered),
        gone=gone_of(known),
        broken=tuple(broken),
        remembered=tuple(remembered),
        forgotten=(*forgotten, *gone_of(failed)),
        n_within=sum(clip_id in seen or findings.covers(clip.path) for clip_id, clip in known.items()),
    )


def _lies_in(path: bytes, roots: Iterable[bytes]) -> bool:
    return any(path == root or path.startswith(root.rstrip(b"/") + b"/") for root in roots)
