"""The cache: where the user's machine keeps what was fetched, converted or found out once."""

from __future__ import annotations

import contextlib
import functools
import os
import stat
import tempfile
from pathlib import Path

from .paths import user_path
from .system import user_number

CACHE_VARIABLE = "SOUNDGREP_CACHE"


def cache_folder() -> Path:
    """Where it is: `$SOUNDGREP_CACHE`, or `soundgrep` in the user's caches; a temporary one for who has no home."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return user_path(chosen)
    folder = user_path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    return _temporary() if folder.parts[0] == "~" else folder / "soundgrep"


@functools.cache
def _temporary() -> Path:
    """Return a folder of this user alone, the same each time unless another user has taken its name."""
    user = user_number()
    folder = Path(tempfile.gettempdir(), f"soundgrep-{user}")
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        if stat.S_ISDIR(status.st_mode) and status.st_uid == user:
            return folder
    return Path(tempfile.mkdtemp(prefix="soundgrep-"))
