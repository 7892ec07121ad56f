"""Atomic writes: a file holds what it held before, or all of what is new."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from .system import replace_file, sync_folder


def write_atomically(path: Path, data: bytes, *, is_durable: bool = False) -> None:
    """Replace a file in one step.

    Args:
        path: The file to write; its folder exists.
        data: Everything the file shall hold.
        is_durable: Whether it has reached the disk when this returns, so that a crash at any instant leaves the old
            bytes or the new ones, whole. What can be made again need not.

    Raises:
        OSError: If the folder cannot be written or the disk is full; the old file is untouched.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        aside.unlink(missing_ok=True)
        with aside.open("xb") as file:  # follows no link that somebody put there
            file.write(data)
            if is_durable:
                file.flush()
                os.fsync(file.fileno())
        replace_file(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    if is_durable:
        sync_folder(path.parent)
