"""Ears: a collection as each of its encoders heard it.

The first encoder's segments and index lie in the collection's own folder, as in a collection of one encoder. Those of
a further one lie in a folder of their own under `ears`, with a table of the clips that it heard: it may lag behind,
where its checkpoint was not at hand when clips came or changed.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from ...model.errors import CollectionError
from ...model.paths import readable_path
from .manifest import EARS_FOLDER, EncoderRecord, Manifest

FIRST = ""
"""Name of the ear whose tables lie in the collection's own folder."""

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")


def ears_of(manifest: Manifest) -> dict[str, EncoderRecord]:
    """List the encoders of a collection by the names of their ears, the first one first."""
    return {FIRST: manifest.encoder, **{ear: record.encoder for ear, record in manifest.ears.items()}}


def ear_folder(collection: Path, ear: str) -> Path:
    """Tell where an ear's segments and index lie."""
    return collection / EARS_FOLDER / ear if ear else collection


def as_heard(manifest: Manifest, ear: str) -> Manifest:
    """Give a collection's manifest as if the encoder of an ear were its only one."""
    if ear == FIRST:
        return dataclasses.replace(manifest, ears={})
    record = manifest.ears[ear]
    own = {one.name: getattr(record, one.name) for one in dataclasses.fields(record)}
    for name in ("heard_version", "n_clips"):
        del own[name]
    return dataclasses.replace(manifest, **own, ears={})


def find_ear(manifest: Manifest, encoder: str, *, collection: Path) -> str:
    """Find the ear of an encoder.

    Args:
        manifest: The collection's manifest.
        encoder: The encoder's name, or its digest.
        collection: The collection, for the message.

    Raises:
        CollectionError: If the collection has no such encoder, with those that it has.
    """
    ears = ears_of(manifest)
    for ear, record in ears.items():
        if encoder in (record.id, record.digest):
            return ear
    names = ", ".join(record.id for record in ears.values())
    raise CollectionError(
        f"{readable_path(collection)}: has nothing that the encoder {readable_path(encoder)!r} heard, only {names}; "
        "soundgrep index with --encoder adds one"
    )


def new_ear(collection: Path, encoder_id: str) -> str:
    """Name the ear of an encoder that is added, as no other is named and no folder is."""
    stem = _NOT_IN_A_NAME.sub("-", encoder_id).strip(".-") or "ear"
    number, name = 1, stem
    while ear_folder(collection, name).exists():
        number += 1
        name = f"{stem}-{number}"
    return name


def sql_name(ear: str) -> str:
    """Write the name of an ear as part of a table's name in SQL."""
    return re.sub(r"\W", "_", ear).lower()
