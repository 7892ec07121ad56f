"""Identities: stable 63-bit ids of clips and segments, made of what they are and never of where their rows lie."""

import hashlib
import os
import re
from collections.abc import Iterable

from ...model.system import absolute_path

_MASK = (1 << 63) - 1
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")


def path_of(path: str | os.PathLike[str]) -> bytes:
    """Write a path as its exact bytes, absolute, symbolic links left as they are; see `absolute_path`."""
    return absolute_path(os.fspath(path))


def clip_id_of(path: bytes) -> int:
    """Name the clip at an absolute path.

    Args:
        path: The path's exact bytes.

    Returns:
        An integer from 0 to 2**63 - 1, the same on every machine.
    """
    return _number(path)


def segment_id_of(clip_id: int, *, content_hash: str, number: int, encoder_digest: str) -> int:
    """Name a segment: another content or another encoder gives another segment, so an index can't mix them up.

    Args:
        clip_id: The segment's clip.
        content_hash: Hash of the clip's bytes.
        number: Place of the segment in its clip, from 0.
        encoder_digest: Digest of the encoder that embedded it.

    Returns:
        An integer from 0 to 2**63 - 1, the same on every machine.
    """
    return _number(f"{clip_id}\n{content_hash}\n{number}\n{encoder_digest}".encode())


def encoding_name(encoder_id: object, *, taken: Iterable[str]) -> str:
    """Choose the name of an encoder's encoding: a folder's, and no other one's, whether letters are small or large."""
    stem = _NOT_IN_A_NAME.sub("-", str(encoder_id)).strip(".-")[:200] or "encoding"
    others = {other.lower() for other in taken}
    number, name = 1, stem
    while name.lower() in others:
        number += 1
        name = f"{stem}-{number}"
    return name


def _number(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big") & _MASK
