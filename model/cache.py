"""The cache: where the user's machine keeps what was fetched, converted or found out once."""

from __future__ import annotations

import os
from pathlib import Path

CACHE_VARIABLE = "SOUNDGREP_CACHE"


def cache_folder() -> Path:
    """Where it is: `$SOUNDGREP_CACHE`, or `soundgrep` in the user's cache folder."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "soundgrep"
