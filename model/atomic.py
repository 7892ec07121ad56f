"""Atomic writes: a file holds what it held before, or all of what is new."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

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
    with replacing(path, is_durable=is_durable) as file:
        file.write(data)
    if is_durable:
        sync_folder(path.parent)


@contextlib.contextmanager
def replacing(path: Path, *, is_durable: bool = False) -> Iterator[BinaryIO]:
    """Write a file piece by piece that takes the place of another when the block ends; after an error in it, none does.

    Args:
        path: The file to write; its folder exists.
        is_durable: Whether its bytes have reached the disk before it takes its place.

    Yields:
        The file to write into.

    Raises:
        OSError: As `write_atomically`.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        aside.unlink(missing_ok=True)
        with aside.open("xb") as file:  # follows no link that somebody put there
            yield file
            if is_durable:
                file.flush()
                os.fsync(file.fileno())
        replace_file(aside, path)
    finally:
        aside.unlink(missing_ok=True)
