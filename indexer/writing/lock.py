"""The lock: one writer a collection, for as long as its process lives and no longer."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from ...model.errors import CollectionError
from ...model.paths import readable_path
from ...search.store.confined import check_confined
from ...search.store.manifest import LOCK_NAME


@contextlib.contextmanager
def writer_lock(collection: Path) -> Iterator[None]:
    """Hold a collection's writer lock.

    The system gives it back when the process ends, however it ends: there is no stale lock to clean up.

    Args:
        collection: The collection's folder, which exists.

    Raises:
        CollectionError: If another run holds it, or the folder cannot be written; if the collection reaches outside it.
    """
    name = readable_path(collection)
    check_confined(collection)
    lock = FileLock(collection / LOCK_NAME, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise CollectionError(f"{name}: another run is writing it, wait until it ends") from None
    except NotImplementedError:
        raise CollectionError(f"{name}: cannot be locked (its file system has no locks)") from None
    except OSError as error:
        raise CollectionError(f"{name}: cannot be written ({error.strerror or error})") from error
    try:
        yield
    finally:
        lock.release()
