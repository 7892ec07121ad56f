"""Sources: folders, files, patterns, lists, archives and stores, each turned into the clips that it shows."""

import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from ...model.audio.archives import split_member
from ...model.audio.clip_files import clip_state
from ...model.audio.clip_state import ClipState
from ...model.audio.stores import is_folder, is_url, list_objects, plain_url, remember_store
from ...model.errors import UsageError
from ...model.paths import readable_path
from ...search.store.identity import clip_id_of, path_of
from .coverage import MAGIC, ArchiveCoverage, FolderCoverage, PatternCoverage
from .exclusions import Exclusions, is_hidden
from .files import Findings, FolderWalk, FoundFile, is_audio_path
from .lists import look_into_list
from .shards import is_shard, look_into_shard
from .usertable import TABLE_SUFFIXES, suffix_of

Source = str | os.PathLike[str]


def find_clips(sources: Iterable[Source], *, collection: Path, exclude: Iterable[str] = ()) -> Findings:
    """Look for clips.

    Args:
        sources: Each a folder, looked through for audio files; a file, taken whatever its suffix; a pattern such as
            `~/Sounds/**/*.flac`; a list of paths in csv, tsv, Parquet or JSON lines; a tar archive, whose members are
            clips; a folder that holds such archives and no audio; or the URL of any of these in a store.
        collection: The collection's folder, which may lie in one of them.
        exclude: Patterns of what to pass over (see `Exclusions`).

    Returns:
        What was found; of folders, in the order of the paths' bytes within each.

    Raises:
        UsageError: If a source does not exist, cannot be read, or is the collection or lies in it; if there is no such
            pattern as one to exclude.
    """
    findings = Findings()
    exclusions = Exclusions.of(map(os.fsencode, exclude))
    entered: set[tuple[int, int]] = set()
    for source in sources:
        part = Findings()
        walk = FolderWalk(collection, part, entered=entered, exclusions=exclusions)
        base = _look_at(os.fspath(source), part, walk, collection)
        part.files = {path: file for path, file in part.files.items() if not exclusions.cover(path, below=base)}
        in_lists = {clip_id for ids in part.lists.values() for clip_id in ids}
        part.outside_lists.update({clip_id_of(path) for path in part.files} - in_lists)
        findings.add(part)
    findings.empty = [
        root for root in findings.empty if not any(path.startswith(root + b"/") for path in findings.files)
    ]
    return findings


def _look_at(source: str, findings: Findings, walk: FolderWalk, collection: Path) -> bytes:
    """Look at one source, and give the folder below which what it shows has names of its own."""
    exact = os.fsencode(source)
    try:
        if is_url(exact):
            remember_store(exact)
            return _look_at_url(exact, findings, walk)
        exact = path_of(os.path.expanduser(source))  # noqa: PTH111 - a pattern is no Path
        return _look_at_path(exact, findings, walk, collection)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError) and not is_url(exact)
        reason = "there is no such file or folder" if missing else f"cannot be read ({error.strerror or error})"
        raise UsageError(f"{readable_path(exact)}: {reason}") from error


def _look_at_path(path: bytes, findings: Findings, walk: FolderWalk, collection: Path) -> bytes:
    if os.path.lexists(path) or not MAGIC.search(path):
        member = split_member(path)
        if member is not None and not os.path.lexists(path):
            _take_member(path, member[0], findings)
            return path
        status = os.stat(path)  # noqa: PTH116 - bytes
        _refuse_inside(path, collection)
        if not stat.S_ISDIR(status.st_mode):
            walk.take(path, status)
            _look_into(path, findings, walk)
            return path if is_shard(path) else path.rpartition(b"/")[0]
        os.scandir(path).close()
        walk.enter(path, status)
        if not findings.files and any(map(is_shard, map(os.fsencode, findings.passed_over))):
            FolderWalk(collection, findings).enter(path, status, is_wanted=is_shard)
            _look_into_all(findings, walk)
        findings.coverage.append(FolderCoverage(path))
        if not findings.files:
            findings.empty.append(path)
        return path
    pattern = PatternCoverage(path)
    base = pattern.base if pattern.base.rpartition(b"/")[1] else pattern.base + b"/"  # of the disk, or of a drive
    FolderWalk(collection, findings).enter(base, os.stat(base), is_wanted=pattern.wants)  # noqa: PTH116 - bytes
    findings.coverage.append(pattern)
    _look_into_all(findings, walk)
    return base


def _look_at_url(url: bytes, findings: Findings, walk: FolderWalk) -> bytes:
    member = split_member(url)
    if member is not None:
        _take_member(url, member[0], findings)
        return url
    if MAGIC.search(url):
        pattern = PatternCoverage(plain_url(PatternCoverage(url).base) + url[len(PatternCoverage(url).base) :])
        _take_objects(pattern.base, pattern.wants, findings)
        findings.coverage.append(pattern)
        _look_into_all(findings, walk)
        return pattern.base
    if not _is_read_through(url) and is_folder(url):
        root = plain_url(url)
        _take_objects(root, lambda path: is_audio_path(path) and not is_hidden(path, below=root + b"/"), findings)
        if not findings.files:
            _take_objects(root, is_shard, findings)
            _look_into_all(findings, walk)
        findings.coverage.append(FolderCoverage(root))
        if not findings.files:
            findings.empty.append(root)
        return root
    state = clip_state(url)
    findings.files[url] = FoundFile(url, state.size_bytes, state.mtime_ns)
    _look_into(url, findings, walk)
    return url if is_shard(url) else url.rpartition(b"/")[0]


def _refuse_inside(path: bytes, collection: Path) -> None:
    """Refuse a source that is the collection, or lies in it: what a collection holds is no one's sounds."""
    real, home = os.path.realpath(path), os.path.realpath(os.fsencode(collection))
    if real == home:
        raise UsageError(
            f"{readable_path(path)}: is both the source and the collection, which needs a folder of its own"
        )
    if real.startswith(home.rstrip(b"/") + b"/"):
        raise UsageError(f"{readable_path(path)}: lies in the collection {readable_path(collection)}")


def _look_into_all(findings: Findings, walk: FolderWalk) -> None:
    for found in list(findings.files):
        _look_into(found, findings, walk)


def _take_objects(root: bytes, is_wanted: Callable[[bytes], bool], findings: Findings) -> None:
    for url, state in list_objects(root):
        if is_wanted(url):
            findings.files[url] = FoundFile(url, state.size_bytes, state.mtime_ns)


def _take_member(path: bytes, archive: bytes, findings: Findings) -> None:
    """Take one member of an archive that was named by itself."""
    clip_state(archive)  # told at once, if it is not there
    inside = Findings()
    look_into_shard(archive, inside)
    if path in inside.files:
        findings.files[path] = inside.files[path]
    else:
        why = next((one.reason for one in inside.failures), "there is no such member in the archive")
        raise UsageError(f"{readable_path(path)}: {why}")


def _look_into(path: bytes, findings: Findings, walk: FolderWalk) -> None:
    """Put the clips of an archive or a list in its place; any other file stays what it is."""
    if path not in findings.files or not _is_read_through(path):
        return
    file = findings.files.pop(path)
    if is_shard(path):
        look_into_shard(path, findings, state=ClipState(file.size_bytes, file.mtime_ns))
        findings.coverage.append(ArchiveCoverage(path))
    else:
        look_into_list(path, findings, walk)


def _is_read_through(path: bytes) -> bool:
    return is_shard(path) or suffix_of(path) in TABLE_SUFFIXES
