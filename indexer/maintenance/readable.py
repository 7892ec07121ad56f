"""Readable: what only cannot be read now, for want of a right, of memory or of its disk, is not damaged."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from ...model.errors import CollectionError
from ...model.paths import readable_path
from ...model.system_errors import system_error

# What says that a file is not there, or that it is not what it was taken for.
_SAID_OF_FILES = {
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ELOOP,
    errno.EINVAL,
    errno.ENAMETOOLONG,
}


def check_readable(folder: Path) -> None:
    """Open every folder and every file of a collection.

    Raises:
        CollectionError: If one is there and cannot be read: what it holds is not known then, nor whether it is damaged.
    """
    for place, folders, files in os.walk(folder, onerror=_refuse):
        for name in (*files, *folders):
            path = Path(place, name)
            try:
                os.close(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)))
            except OSError as error:
                _refuse(error)


def check_is_damage(error: BaseException) -> None:
    """Accept an error that says that something is damaged or missing.

    Raises:
        CollectionError: If it says that something cannot be read now, or was caused by what does.
    """
    number = system_error(error)
    if number is None or number in _SAID_OF_FILES:
        return
    if isinstance(error, CollectionError):
        raise error
    raise CollectionError(
        f"something cannot be read now ({os.strerror(number).lower()}); it is left as it is"
    ) from error


def _refuse(error: OSError) -> None:
    if error.errno not in _SAID_OF_FILES:
        name = readable_path(error.filename)
        raise CollectionError(f"{name}: cannot be read now ({(error.strerror or str(error)).lower()})") from error
