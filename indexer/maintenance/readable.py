"""Readable: what only cannot be read now, for want of a right, of memory or of its disk, is not damaged."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from ...model.errors import CollectionError
from ...model.paths import readable_path

# What says that a file is not there, or that it is not what it was taken for.
_SAID_OF_FILES = {
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ELOOP,
    errno.EINVAL,
    errno.EFBIG,
    errno.ENAMETOOLONG,
}
# How Delta and Arrow write the number of a system's error into their texts.
_NUMBER = re.compile(r"(?:os error|errno) (\d+)")
_IN_WORDS = {
    os.strerror(number): number
    for number in (errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.ESTALE)
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
    for one in _causes(error):
        number = _number_of(one)
        if isinstance(one, MemoryError) or (number is not None and number not in _SAID_OF_FILES):
            if isinstance(error, CollectionError):
                raise error
            reason = os.strerror(number) if number is not None else "there is not enough memory"
            raise CollectionError(f"something cannot be read now ({reason.lower()}); it is left as it is") from error


def _refuse(error: OSError) -> None:
    if error.errno not in _SAID_OF_FILES:
        name = readable_path(error.filename)
        raise CollectionError(f"{name}: cannot be read now ({(error.strerror or str(error)).lower()})") from error


def _number_of(error: BaseException) -> int | None:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    text = str(error)
    found = _NUMBER.search(text)
    if found:
        return int(found[1])
    return next((number for words, number in _IN_WORDS.items() if words in text), None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or one.__context__
