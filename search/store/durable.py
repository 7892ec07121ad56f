"""Durable writes: what is named by a manifest has reached the disk before the manifest names it."""

import errno
from pathlib import Path

from ...model.atomic import write_atomically
from ...model.system import open_plain


def write_durably(path: Path, data: bytes) -> None:
    """Replace a file in one step: after a crash at any instant it holds the old bytes or the new ones, whole.

    Args:
        path: The file to write; its folder exists.
        data: Everything the file shall hold.

    Raises:
        OSError: If the folder cannot be written or the disk is full; the old file is untouched.
    """
    write_atomically(path, data, is_durable=True)


def read_plain(path: Path, *, most_bytes: int) -> bytes:
    """Read a small file of a collection, which is a file and no link to one.

    Args:
        path: The file.
        most_bytes: What it may have at most.

    Raises:
        OSError: If it cannot be read, is no regular file or is larger; `strerror` says so in plain words.
    """
    with open_plain(path) as file:
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise OSError(errno.EINVAL, f"it has more than {most_bytes:,} bytes")
    return data
