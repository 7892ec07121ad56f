"""Stores: objects behind a URL (`s3://bucket/key`), through whatever fsspec has a package for."""

import contextlib
import datetime
import errno
import hashlib
import math
import os
import re
import tempfile
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, cast

from ..cache import cache_folder
from ..errors import MissingPackageError
from ..extras import need_extra
from .clip_state import ClipState

STORES_VARIABLE = "SOUNDGREP_STORES"
"""Stores that the user named, beyond those that were indexed from: URLs with spaces between them."""

_NAMED = "stores.txt"

_URL = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]+://.")
_BLOCK_BYTES = 4 << 20
_IN_MEMORY_BYTES = 16 << 20  # what is longer is spooled to a temporary file
_NS = 1_000_000_000
_TIME_KEYS = ("LastModified", "last_modified", "mtime", "updated", "modified", "created")
_TAG_KEYS = ("ETag", "etag", "e_tag", "md5Hash", "content_md5")


def is_url(path: bytes) -> bool:
    """Tell whether a path names something in a store; `file://` does too, and works."""
    return _URL.match(path) is not None


def name_store(url: str | bytes) -> None:
    """Note that the user named a store, so that clips in it may be handed out: in this process and its children."""
    if not is_named_store(os.fsencode(url)):
        os.environ[STORES_VARIABLE] = f"{os.environ.get(STORES_VARIABLE, '')} {os.fsdecode(url)}".strip()


def remember_store(url: bytes) -> None:
    """Note a store that the user indexes from: for later commands of this user on this machine, too."""
    if is_named_store(url) or b"\n" in url:
        return
    name_store(url)
    with contextlib.suppress(OSError):  # then it is named again where it is needed
        place = cache_folder() / _NAMED
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("ab") as file:
            file.write(url + b"\n")


def is_named_store(url: bytes) -> bool:
    """Tell whether a URL, or a path of a share, lies below one that the user named."""
    plain = url.replace(b"\\", b"/")
    parts = urllib.parse.unquote_to_bytes(plain).split(b"/")
    if b".." in parts or b"::" in plain:  # a way up, or one that leads through one store into another
        return False
    named = re.split(r"\s+(?=\S+://|[/\\]{2})", os.environ.get(STORES_VARIABLE, ""))
    with contextlib.suppress(OSError):
        named += os.fsdecode((cache_folder() / _NAMED).read_bytes()).splitlines()
    prefixes = [os.fsencode(one.strip().replace("\\", "/").rstrip("/")) for one in named]
    return any(one and (plain == one or plain.startswith(one + b"/")) for one in prefixes)


def plain_url(url: bytes) -> bytes:
    """Write a URL the one way in which its store writes it, without a slash at the end.

    Raises:
        OSError: If nothing that is installed reads such URLs.
    """
    with _told():
        filesystem, path = _opened(url)
        return str(filesystem.unstrip_protocol(path)).rstrip("/").encode("utf-8", "surrogateescape")


def object_state(url: bytes) -> ClipState:
    """Ask what state an object is in.

    Raises:
        FileNotFoundError: If there is no such object.
        OSError: If the store cannot be reached or refuses; `strerror` says why in plain words.
    """
    with _told():
        filesystem, path = _opened(url)
        info = filesystem.info(path)
        if info.get("type") == "directory":
            raise IsADirectoryError
        return _state(info)


def is_folder(url: bytes) -> bool:
    """Tell whether there are objects below a URL; a bucket is a folder though it may be empty.

    Raises:
        OSError: If the store cannot be reached or refuses.
    """
    with _told():
        filesystem, path = _opened(url)
        return bool(filesystem.isdir(path))


def list_objects(url: bytes) -> list[tuple[bytes, ClipState]]:
    """List all objects below a URL, however deep, in the order of their names.

    Raises:
        FileNotFoundError: If there is nothing, not even an empty bucket.
        OSError: If the store cannot be reached or refuses.
    """
    with _told():
        filesystem, path = _opened(url)
        entries = filesystem.find(path, detail=True)
        if not entries and not filesystem.exists(path):
            raise FileNotFoundError
        found = [
            (str(filesystem.unstrip_protocol(name)).encode("utf-8", "surrogateescape"), _state(info))
            for name, info in entries.items()
            if info.get("type") == "file" and not name.endswith("/")
        ]
        return sorted(found, key=lambda one: one[0])


@contextlib.contextmanager
def stream_object(url: bytes) -> Iterator[BinaryIO]:
    """Open an object where it is; each step to another place in it is a request to the store.

    Raises:
        OSError: As `object_state`; reading may raise it as well.
    """
    with _told():
        filesystem, path = _opened(url)
        with filesystem.open(path, "rb", block_size=_BLOCK_BYTES) as file:
            yield file


def fetch_object(url: bytes, *, span: tuple[int, int] | None = None) -> BinaryIO:
    """Copy an object, in bounded memory, to a file that has no name and goes when it is closed.

    Args:
        url: The object.
        span: First byte and number of bytes to copy; None for all.

    Returns:
        The copy, at its start.

    Raises:
        OSError: As `object_state`, or if the disk for temporary files is full.
    """
    copy = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - the caller closes it
    try:
        with stream_object(url) as file:
            left = None if span is None else span[1]
            if span is not None:
                file.seek(span[0])
            while left is None or left > 0:
                block = file.read(_BLOCK_BYTES if left is None else min(_BLOCK_BYTES, left))
                if not block:
                    break
                copy.write(block)
                left = None if left is None else left - len(block)
        copy.seek(0)
    except BaseException:
        copy.close()
        raise
    return cast("BinaryIO", copy)


def _opened(url: bytes) -> tuple[Any, str]:
    """Give the store's file system and the object's path in it; listings are asked for anew each time."""
    if url.startswith(b"s3://"):
        need_extra("s3", wanted_by="S3")
    from fsspec.core import url_to_fs  # only who uses stores need have it

    filesystem, path = url_to_fs(url.decode("utf-8", "surrogateescape"), use_listings_cache=False)
    return filesystem, str(path)


def _state(info: Mapping[str, Any]) -> ClipState:
    """Read an object's state; its tag goes into the digits below a second, which stores do not tell."""
    time_ns = next((_nanoseconds(info[key]) for key in _TIME_KEYS if info.get(key) is not None), 0)
    tag = next((str(info[key]).strip('"') for key in _TAG_KEYS if info.get(key)), None)
    if tag is not None:
        number = int.from_bytes(hashlib.blake2b(tag.encode(), digest_size=8).digest(), "big")
        time_ns = time_ns // _NS * _NS + number % _NS
    return ClipState(size_bytes=int(info.get("size") or 0), mtime_ns=time_ns)


def _nanoseconds(value: object) -> int:
    if isinstance(value, str):
        try:
            value = datetime.datetime.fromisoformat(value)
        except ValueError:
            return 0
    if isinstance(value, datetime.datetime):
        value = value.replace(tzinfo=value.tzinfo or datetime.UTC).timestamp()
    if isinstance(value, int):
        return value * _NS
    return round(value * _NS) if isinstance(value, float) and math.isfinite(value * _NS) else 0


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Turn what stores' packages raise, each in its own way, into the system's errors with a plain reason."""
    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(errno.ENOENT, "there is no such object or bucket in the store") from error
    except IsADirectoryError as error:
        raise IsADirectoryError(errno.EISDIR, "it is a folder, not a file") from error
    except PermissionError as error:
        raise PermissionError(errno.EACCES, f"the store refuses access{_because(error)}") from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        raise OSError(errno.EIO, f"the store cannot be reached{_because(error)}") from error
    except MissingPackageError as error:
        raise OSError(errno.EINVAL, str(error)) from error
    except (ImportError, ValueError) as error:
        raise OSError(errno.EINVAL, f"such addresses cannot be read here{_because(error)}") from error
    except Exception as error:
        if type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError", "TokenRetrievalError"):
            raise PermissionError(errno.EACCES, "there are no credentials for the store") from error
        raise OSError(errno.EIO, f"the store cannot be reached{_because(error)}") from error


def _because(error: Exception) -> str:
    reason = " ".join((getattr(error, "strerror", None) or str(error)).split())
    return f" ({reason})" if reason else ""
