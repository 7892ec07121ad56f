"""Loading: what networks need while they are read and compiled, and whom a failure is blamed on."""

from __future__ import annotations

import contextlib
import locale
import os
import re
import threading
from collections.abc import Iterator

from ..cache import cache_folder
from ..errors import CheckpointError, SoundgrepError
from ..paths import readable_path, user_path

_lock = threading.RLock()


@contextlib.contextmanager
def loading_encoder(source: str | os.PathLike[str]) -> Iterator[None]:
    """Load an encoder, or a part of one, in this block: whatever fails in it is the encoder's failure.

    Args:
        source: The checkpoint's folder.

    Raises:
        CheckpointError: If anything fails that is no error of ours already.
    """
    try:
        with plain_letters(), home():
            yield
    except SoundgrepError:
        raise
    except MemoryError as error:
        raise CheckpointError(f"{readable_path(source)}: the encoder needs more memory than there is") from error
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise CheckpointError(f"{readable_path(source)}: the encoder cannot be loaded ({reason})") from error


@contextlib.contextmanager
def home() -> Iterator[None]:
    """See that there is a home in this block: OpenVINO asks for one as it is imported, and fails without."""
    if user_path("~").parts[0] != "~":
        yield
        return
    os.environ["HOME"] = str(cache_folder())
    try:
        yield
    finally:
        os.environ.pop("HOME", None)


@contextlib.contextmanager
def plain_letters() -> Iterator[None]:
    """Have C's functions turn I into i in this block, whatever the locale.

    OpenVINO looks up names of its own in small letters, which C makes by the locale: in Turkish, I does not become i.
    """
    if re.fullmatch(b"i", b"I", re.IGNORECASE | re.LOCALE):  # asks the locale of the process
        yield
        return
    with _lock:
        before = locale.setlocale(locale.LC_CTYPE)
        locale.setlocale(locale.LC_CTYPE, "C")
        try:
            yield
        finally:
            locale.setlocale(locale.LC_CTYPE, before)
