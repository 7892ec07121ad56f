"""Formats: manifests of collections that older versions wrote, read as those that are written now."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_OF_AN_ENCODING = (
    "encoder",
    "embedding_dim",
    "sampling_rate_hz",
    "segment_s",
    "hop_s",
    "segments_version",
    "n_clips",
    "n_segments",
    "index",
)
_OF_A_COLLECTION = (
    "pipeline_version",
    "clips_version",
    "n_clips",
    "created_at",
    "updated_at",
    "annexes",
    "format_version",
)


def in_format_4(record: dict[str, Any]) -> dict[str, Any]:
    """Convert a manifest of format 1 to 3, whose fields nobody has checked yet, to the fields of format 4.

    There the first encoder's fields stood beside the collection's, its tables and index in the collection's own folder,
    and the clips table told what it covers. Further encoders' stood under `ears`.

    Args:
        record: The manifest's JSON object.

    Returns:
        The same object where its format is newer or unknown, else one whose `format_version` still tells where things
        lie.

    Raises:
        ValueError: If `ears` is not an object.
    """
    version = record.get("format_version")
    if not isinstance(version, int) or version >= 4:
        return record
    further = record.get("ears", {})
    if not isinstance(further, dict):
        raise ValueError("ears is not an object")  # noqa: TRY004 - a wrong value in a file
    encoder = record.get("encoder")
    name = encoding_name(encoder.get("id") if isinstance(encoder, dict) else None, taken=further)
    first = {key: record[key] for key in _OF_AN_ENCODING if key in record} | {"coverage_version": None}
    return {key: record[key] for key in _OF_A_COLLECTION if key in record} | {
        "default_encoding": name,
        "encodings": {name: first} | {other: _converted(one) for other, one in further.items()},
    }


def encoding_name(encoder_id: object, *, taken: Iterable[str]) -> str:
    """Choose the name of an encoder's encoding: a folder's, and no other one's, whether letters are small or large."""
    stem = _NOT_IN_A_NAME.sub("-", str(encoder_id)).strip(".-")[:200] or "encoding"
    others = {other.lower() for other in taken}
    number, name = 1, stem
    while name.lower() in others:
        number += 1
        name = f"{stem}-{number}"
    return name


def _converted(ear: Any) -> Any:
    if not isinstance(ear, dict):
        return ear
    return {"coverage_version" if key == "heard_version" else key: value for key, value in ear.items()}
