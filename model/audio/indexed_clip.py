"""Indexed clips: what is handed out of a collection is what was indexed, whoever made the collection."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import BinaryIO

from ..paths import readable_path
from ..system import is_share
from .stores import is_named_store, is_url

HASH_BYTES = 16
"""Bytes of a content hash, which is a blake2b."""

CHANGED = "it is not the file that was indexed: index it again"

_BLOCK_BYTES = 1 << 20
_N_KEPT = 4_096

Identity = tuple[int, ...]


@dataclass(frozen=True)
class IndexedClip(os.PathLike[bytes]):
    """A clip as a collection knows it. `open_clip` opens it only if its bytes are still the ones that were indexed.

    Size and time prove nothing: who makes a collection up can write those of any file into it. The hash of a file's
    content is known only to who has the content.

    Attributes:
        path: Its path as the collection has it, exact bytes.
        size_bytes: Its size when it was indexed.
        content_hash: Hash of its bytes, in hexadecimal.
        identity: The file, and the state it was in, when its bytes were found to be these: they need not be read again
            as long as it is the same. Of an object in a store empty, where it may be fetched. None for not yet.
    """

    path: bytes
    size_bytes: int
    content_hash: str
    identity: Identity | None = None

    def __fspath__(self) -> bytes:
        """Return the path."""
        return self.path

    @property
    def is_allowed(self) -> bool:
        """Whether it lies on this machine, or in a store that the user named."""
        return not (is_url(self.path) or is_share(self.path)) or is_named_store(self.path)

    def check_place(self) -> None:
        """Check that it lies on this machine, or in a store that the user named.

        Raises:
            OSError: If it does not: a collection could have us ask any server for anything.
        """
        if self.identity is None and not self.is_allowed:
            place = readable_path(self.path.rpartition(b"/")[0])
            raise OSError(errno.EINVAL, f"it lies in a store that you have not named: SOUNDGREP_STORES={place}")

    def check_content(self, file: BinaryIO, identity: Identity) -> None:
        """Check that an open file has the bytes that were indexed.

        Args:
            file: The file, at its start, where it is left.
            identity: Which file it is, and in what state; empty where that cannot be told.

        Raises:
            OSError: If it has others, or cannot be read.
        """
        if identity and identity == self.identity:
            return
        size_bytes = file.seek(0, os.SEEK_END)
        file.seek(0)
        if size_bytes != self.size_bytes or _hashes.hash_of(file, identity) != self.content_hash:
            raise OSError(errno.EINVAL, CHANGED)
        file.seek(0)


class _Hashes:
    """Hashes of files, by the state that each was in."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Identity, str] = OrderedDict()
        self._lock = threading.Lock()

    def hash_of(self, file: BinaryIO, identity: Identity) -> str:
        """Hash an open file from its start, or remember its hash."""
        with self._lock:
            known = self._kept.get(identity)
        if known is not None:
            return known
        digest = hashlib.blake2b(digest_size=HASH_BYTES)
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
        found = digest.hexdigest()
        if identity:
            with self._lock:
                self._kept[identity] = found
                while len(self._kept) > _N_KEPT:
                    self._kept.popitem(last=False)
        return found


_hashes = _Hashes()
