"""Clip files: the one way to a clip's bytes, be it a file, a member of a tar archive or an object in a store."""

import contextlib
import dataclasses
import errno
import functools
import os
from collections.abc import Iterator
from typing import BinaryIO, TypeVar

from ..errors import ArchiveError, AudioReadError
from ..paths import AnyPath, encoded_path, readable_path
from ..system import open_regular
from .archives import read_members, split_member
from .clip_state import ClipState
from .indexed_clip import Identity, IndexedClip
from .spliced import spliced
from .stores import fetch_object, is_url, object_state, stream_object

Span = tuple[int, int]
Place = TypeVar("Place")
_N_LISTINGS = 16


def open_clip(path: AnyPath, *, span: Span | None = None) -> BinaryIO:
    """Open a clip's bytes for reading, wherever they are.

    Args:
        path: The clip's path as the collection has it: a file; a member of a tar archive, `shard.tar!/x.wav`; or a URL,
            `s3://bucket/x.wav` or `s3://bucket/shard.tar!/x.wav`. Of an `IndexedClip` the bytes are those that were
            indexed, or none are given.
        span: First byte and number of bytes of a member, where the caller knows them; None to look for it.

    Returns:
        A file that can be sought in. Nothing is unpacked, and what comes from a store is a temporary copy.

    Raises:
        FileNotFoundError: If there is no such file, object or member.
        IsADirectoryError: If it is a folder.
        OSError: If it cannot be read, is no regular file or not what was indexed; `strerror` says why in plain words.
    """
    if not isinstance(path, IndexedClip):
        return _open(encoded_path(path), span)[0]
    path.check_place()
    file, identity = _open(path.path, span)
    try:
        path.check_content(file, identity)
    except BaseException:
        file.close()
        raise
    return file


def checked_clip(path: Place) -> Place:
    """Check that an indexed clip has the bytes that were indexed, before it is handed to another process to open.

    Returns:
        The clip, whose bytes need not be checked again as long as its file stays the same; any other path as it is.

    Raises:
        AudioReadError: If it cannot be opened, or has others.
    """
    if not isinstance(path, IndexedClip):
        return path
    try:
        path.check_place()
        identity: Identity = ()
        if not is_url(path.path):  # of an object, whoever fetches it looks at what came
            file, identity = _open(path.path, None)
            with file:
                path.check_content(file, identity)
    except OSError as error:
        raise AudioReadError(f"{readable_path(path.path)}: {reading_failed(error)}") from error
    return dataclasses.replace(path, identity=identity)


def reading_failed(error: OSError) -> str:
    """Return why a clip cannot be read, as the rest of a sentence that begins with its path."""
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if error.errno in (errno.EISDIR, errno.EINVAL) and error.strerror:
        return error.strerror  # no file at all, said in our own words
    return f"it cannot be read ({(error.strerror or 'input/output error').lower()})"


def clip_state(path: str | bytes | os.PathLike[str]) -> ClipState:
    """Return the state of a clip's bytes without reading them; a member has its archive's.

    Raises:
        OSError: As `open_clip`.
    """
    exact = encoded_path(path)
    member = _member(exact)
    if member is not None:
        exact = member[0]
    if is_url(exact):
        return object_state(exact)
    return ClipState.of_file(os.stat(exact))  # noqa: PTH116 - bytes


@contextlib.contextmanager
def open_in_place(path: bytes) -> Iterator[BinaryIO]:
    """Open an archive, or a list, where it is, to look through it.

    Raises:
        OSError: As `open_clip`; reading may raise it as well.
    """
    with stream_object(path) if is_url(path) else _open_file(path) as file:
        yield file


def _member(path: bytes) -> tuple[bytes, bytes] | None:
    """Archive and member that a path names; None where it names a file, which may be called so itself."""
    member = split_member(path)
    if member is None or (not is_url(path) and os.path.exists(path)):  # noqa: PTH110 - bytes
        return None
    return member


def _open(exact: bytes, span: Span | None) -> tuple[BinaryIO, Identity]:
    """Open a clip, and tell which file it is and in what state; of what comes from a store nothing."""
    member = _member(exact)
    if member is None:
        return (fetch_object(exact), ()) if is_url(exact) else _known(_open_file(exact))
    archive, name = member
    span = span or _find(archive, name)
    if is_url(archive):
        return fetch_object(archive, span=span), ()
    file, identity = _known(_open_file(archive))
    return spliced(file, [span], closes=True), (*identity, *span)


def _known(file: BinaryIO) -> tuple[BinaryIO, Identity]:
    status = os.fstat(file.fileno())
    return file, (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _open_file(path: bytes) -> BinaryIO:
    if os.path.isdir(path):  # noqa: PTH112 - bytes
        raise IsADirectoryError(errno.EISDIR, "it is a folder, not a file")
    try:
        return open_regular(path)
    except ValueError as error:
        raise OSError(errno.EINVAL, "its path holds a null character") from error


def _find(archive: bytes, name: bytes) -> Span:
    span = _listing(archive, clip_state(archive)).get(name)
    if span is None:
        raise FileNotFoundError(errno.ENOENT, "there is no such member in the archive")
    return span


@functools.lru_cache(maxsize=_N_LISTINGS)
def _listing(archive: bytes, state: ClipState) -> dict[bytes, Span]:  # noqa: ARG001 - another state, another listing
    spans: dict[bytes, Span] = {}
    with open_in_place(archive) as file, contextlib.suppress(ArchiveError):  # what comes before the damage is good
        for member in read_members(file):
            if member.problem is None:
                spans[member.name] = (member.offset, member.size_bytes)
    return spans
