"""Durable writes: what is named by a manifest has reached the disk before the manifest names it."""

import os
from pathlib import Path


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
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """Wait until a file's bytes are on the disk.

    Raises:
        OSError: If the file is missing or the disk reports an error.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Wait until a folder's list of names is on the disk, so that a rename in it survives a power cut.

    Raises:
        OSError: If the folder is missing or the disk reports an error.
    """
    sync_file(folder)
