"""Durable writes: what is named by a manifest has reached the disk before the manifest names it."""

import os
from pathlib import Path

from ...model.system import replace_file, sync_folder


def write_durably(path: Path, data: bytes) -> None:
    """Replace a file in one step: after a crash at any instant it holds the old bytes or the new ones, whole.

    Args:
        path: The file to write; its folder exists.
        data: Everything the file shall hold.

    Raises:
        OSError: If the folder cannot be written or the disk is full; the old file is untouched.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        replace_file(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    sync_folder(path.parent)
