"""Encodings: where what each encoder made of a collection lies, and which clips it covers.

An encoding may lag behind the clips, where its checkpoint was not at hand when clips came or changed: its coverage
tells which clips it has embedded, and with what content.
"""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ...model.errors import CollectionError
from ...model.paths import readable_path
from .manifest import (
    CLIPS_FOLDER,
    COVERAGE_FOLDER,
    ENCODINGS_FOLDER,
    FORMAT_VERSION,
    INDEX_FOLDER,
    SEGMENTS_FOLDER,
    Manifest,
)
from .schema import COVERAGE
from .tables import Table

OLD_FOLDERS = (SEGMENTS_FOLDER, INDEX_FOLDER, "ears")
"""What formats 1 to 3 kept in the collection's own folder: the first encoder's parts, and the folders of others."""

_OLD_COVERAGE_FOLDER = "heard"


def encoding_folder(collection: Path, manifest: Manifest, name: str) -> Path:
    """Return the folder in which an encoding's segments and index lie."""
    if manifest.format_version >= FORMAT_VERSION:
        return collection / ENCODINGS_FOLDER / name
    return collection if name == _old_first(manifest) else collection / OLD_FOLDERS[-1] / name


def coverage_folder(collection: Path, manifest: Manifest, name: str) -> Path | None:
    """Return the folder of an encoding's coverage table; None where the clips table tells what it covers."""
    if manifest.encodings[name].coverage_version is None:
        return None
    is_old = manifest.format_version < FORMAT_VERSION
    return encoding_folder(collection, manifest, name) / (_OLD_COVERAGE_FOLDER if is_old else COVERAGE_FOLDER)


def coverage_table(collection: Path, manifest: Manifest, name: str) -> Table | None:
    """Open an encoding's coverage table; None where the clips table tells what it covers.

    Raises:
        CollectionError: If the table is missing or damaged.
    """
    folder = coverage_folder(collection, manifest, name)
    return None if folder is None else Table.open(folder, version=manifest.encodings[name].coverage_version)


def read_coverage(collection: Path, manifest: Manifest, name: str) -> pa.Table:
    """Read which clips an encoding covers.

    Returns:
        `clip_id`, the `content_hash` of what was embedded, and `n_segments`, a row a clip.

    Raises:
        CollectionError: If the table is missing or damaged.
    """
    table = coverage_table(collection, manifest, name)
    if table is not None:
        return table.read(COVERAGE.names)
    rows = Table.open(collection / CLIPS_FOLDER, version=manifest.clips_version).read(COVERAGE.names)
    return rows.filter(pc.field("n_segments") > 0).cast(COVERAGE)


def find_encoding(manifest: Manifest, encoder: str, *, collection: Path) -> str:
    """Find the encoding that an encoder made.

    Args:
        manifest: The collection's manifest.
        encoder: The encoder's name, or its digest.
        collection: The collection, for the message.

    Returns:
        The encoding's name.

    Raises:
        CollectionError: If there is none, with the encoders that there are.
    """
    for name, record in manifest.encodings.items():
        if encoder in (record.encoder.id, record.encoder.digest):
            return name
    names = ", ".join(readable_path(record.encoder.id) for record in manifest.encodings.values())
    raise CollectionError(
        f"{readable_path(collection)}: has no encoding by {readable_path(encoder)!r}, only by {names}; "
        "soundgrep index with --encoder adds one"
    )


def sql_name(encoding: str) -> str:
    """Write the name of an encoding as part of a table's name in SQL."""
    return re.sub(r"\W", "_", encoding).lower()


def _old_first(manifest: Manifest) -> str | None:
    return next((name for name, one in manifest.encodings.items() if one.coverage_version is None), None)
