"""Errors of the system: what number they have, whatever library they came through."""

from __future__ import annotations

import errno
import os
import re

# How Delta and Arrow write the number of a system's error into their texts; others write it in words.
_ERROR_NUMBER = re.compile(r"(?:os error|[Ee]rrno) (\d+)")
_ERROR_WORDS = {
    os.strerror(number): number
    for number in (
        errno.EACCES,
        errno.EPERM,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.ENOSPC,
        errno.EFBIG,
        errno.EIO,
        errno.ESTALE,
    )
}


def system_error(error: BaseException) -> int | None:
    """Return the number of the system's error that an error says or was caused by; None if it was none of the system's.

    Arrow, Delta and FAISS write it into their texts.
    """
    seen: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in seen:
        seen.append(one)
        number = _number_of(one)
        if number is not None:
            return number
        one = one.__cause__ or one.__context__
    return None


def _number_of(error: BaseException) -> int | None:
    if isinstance(error, MemoryError):
        return errno.ENOMEM
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    found = _ERROR_NUMBER.search(str(error))
    if found:
        return int(found[1])
    return next((number for words, number in _ERROR_WORDS.items() if words in str(error)), None)
