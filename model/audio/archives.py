"""Archives: the members of a tar file and where their bytes lie, without unpacking anything."""

import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ..errors import ArchiveError

ARCHIVE_SUFFIX = b".tar"
COMPRESSED_SUFFIXES = (b".tar.gz", b".tgz", b".tar.bz2", b".tbz2", b".tar.xz", b".txz", b".tar.zst", b".tzst")
"""Suffixes of archives that are recognised and refused."""

_MEMBER = ARCHIVE_SUFFIX + b"!/"
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")


@dataclass(frozen=True)
class Member:
    """A file in an archive.

    Attributes:
        name: Its name in the archive, exact bytes, without a leading "./".
        offset: Where its bytes begin in the archive.
        size_bytes: How many they are.
        problem: Why it cannot be used, as the rest of a sentence that begins with its name; None if it can.
    """

    name: bytes
    offset: int
    size_bytes: int
    problem: str | None = None


def member_path(archive: bytes, name: bytes) -> bytes:
    """Name a clip in an archive: `shard.tar!/folder/x.wav`."""
    return archive + b"!/" + name


def split_member(path: bytes) -> tuple[bytes, bytes] | None:
    """Split the name of a clip in an archive into the archive's path and the member's name; None for any other."""
    archive, separator, name = path.partition(_MEMBER)
    return (archive + ARCHIVE_SUFFIX, name) if separator and name else None


def read_members(file: BinaryIO) -> Iterator[Member]:
    """List the regular files in a tar archive; a hard link is a file with the bytes of the one that it leads to.

    Names are only names: nothing is written anywhere. Those that are absolute or hold ".." are told as a problem all
    the same, since no honest shard has them.

    Args:
        file: The archive, open for reading at its start and seekable; between two members the caller may read from it.

    Yields:
        The members in their order; a name that stands in it twice comes twice, and the later one counts, as for tar.

    Raises:
        ArchiveError: If it is no tar archive, is compressed, or breaks off; what comes before has been yielded by then.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if file.read(6).startswith(_COMPRESSED):
        raise ArchiveError("the archive is compressed, so its members cannot be read one by one: decompress it first")
    file.seek(0)
    try:
        with tarfile.open(fileobj=file, mode="r:", encoding="utf-8", errors="surrogateescape") as archive:
            spans: dict[bytes, tuple[int, int]] = {}
            while (info := archive.next()) is not None:
                vars(archive)["members"].clear()  # it would keep them all
                if info.islnk() and (span := spans.get(_name(info.linkname))) is not None:
                    info.type, info.offset_data, info.size = tarfile.REGTYPE, *span
                if info.isreg():  # soft links and devices hold no bytes of their own
                    member = _member(info, size)
                    spans[member.name] = (member.offset, member.size_bytes)
                    yield member
    except (tarfile.TarError, EOFError, ValueError, OverflowError, MemoryError) as error:
        what = "is no tar archive" if isinstance(error, tarfile.ReadError) and not _is_cut(error) else "breaks off"
        raise ArchiveError(f"the archive {what} ({error})") from error


def _member(info: tarfile.TarInfo, archive_bytes: int) -> Member:
    name = _name(info.name)
    problem = None
    if name.startswith(b"/") or b".." in name.split(b"/"):
        problem = "its name leads out of the archive (it is absolute or holds '..')"
    elif info.issparse():
        problem = "it is stored as a sparse file, whose bytes do not lie together"
    elif info.offset_data + info.size > archive_bytes:
        problem = "the archive breaks off before its end"
    return Member(name, info.offset_data, info.size, problem)


def _name(text: str) -> bytes:
    name = text.encode("utf-8", "surrogateescape")
    while name.startswith(b"./"):
        name = name[2:].lstrip(b"/")
    return name


def _is_cut(error: tarfile.ReadError) -> bool:
    return "unexpected end" in str(error)
