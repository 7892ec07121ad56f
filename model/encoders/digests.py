"""Digests of large files, remembered between processes: hashing half a gigabyte takes longer than a search."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from ..atomic import write_atomically
from ..cache import cache_folder
from ..documents import json_of

MIN_REMEMBERED_BYTES = 64 << 20
"""Files smaller than this together are hashed again each time, which takes a few hundredths of a second."""

_CACHE_NAME = "digests.json"
_MAX_REMEMBERED = 64

_log = logging.getLogger(__name__)


def digest_of(paths: Sequence[Path]) -> str:
    """Hash files, or remember their hash.

    It is remembered in the user's cache folder by each file's path, size, number and times of last change; a file that
    is written to gets another time from the system, whatever its owner says of it.

    Args:
        paths: The files, in their order.

    Returns:
        `sha256:` and the hash of the files' hashes, in hexadecimal.

    Raises:
        OSError: If one cannot be read.
    """
    states = [path.stat() for path in paths]
    if sum(state.st_size for state in states) < MIN_REMEMBERED_BYTES:
        return _hashed(paths)
    facts = [
        (os.fsencode(path.absolute()), state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
        for path, state in zip(paths, states, strict=True)
    ]
    name = hashlib.sha256(repr(facts).encode()).hexdigest()[:32]
    remembered = _read()
    if name not in remembered:
        remembered[name] = _hashed(paths)
        _write(remembered)
    return remembered[name]


def _hashed(paths: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return f"sha256:{digest.hexdigest()}"


def _read() -> dict[str, str]:
    try:
        content = json_of((cache_folder() / _CACHE_NAME).read_bytes())
    except (OSError, ValueError):
        return {}  # none yet, or not ours: hashed again
    return {str(name): str(digest) for name, digest in content.items()} if isinstance(content, dict) else {}


def _write(digests: dict[str, str]) -> None:
    """Note them; two processes at once may lose a note, which costs one more hashing."""
    kept = dict(list(digests.items())[-_MAX_REMEMBERED:])
    cache = cache_folder() / _CACHE_NAME
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(cache, json.dumps(kept).encode())
    except OSError as error:
        _log.debug("%s: digests are not remembered (%s)", cache, error)
