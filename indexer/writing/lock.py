"""The lock: one writer a collection, for as long as its process lives and no longer."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from ...model.errors import CollectionError
from ...model.paths import readable_path
from ...search.store.manifest import LOCK_NAME


@contextlib.contextmanager
def writer_lock(collection: Path) -> Iterator[None]:
    """Hold a collection's writer lock.

    The system gives it back when the process ends, however it ends: there is no stale lock to clean up.

    Args:
        collection: The collection's folder, which exists.

    Raises:
        CollectionError: If another run holds it, or the folder cannot be written.
    """
    name = readable_path(collection)
    try:
        descriptor = os.open(collection / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise CollectionError(f"{name}: cannot be written ({error.strerror})") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CollectionError(f"{name}: another run is writing it, wait until it ends") from None
        except OSError as error:
            raise CollectionError(f"{name}: cannot be locked ({error.strerror})") from error
        yield
    finally:
        os.close(descriptor)
