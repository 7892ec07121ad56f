"""Annexes: writing further tables about a collection's clips."""

import dataclasses
import datetime
import os
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ...model.errors import CollectionError
from ...model.paths import readable_path, user_path
from ...search.store.annexes import annex_folder
from ...search.store.manifest import (
    CLIPS_FOLDER,
    FAILURES_ANNEX,
    SEGMENTS_FOLDER,
    AnnexRecord,
    Manifest,
    read_manifest,
    write_manifest,
)
from ...search.store.tables import Table
from .lock import writer_lock
from .upgrade import upgraded

_TAKEN = (CLIPS_FOLDER, SEGMENTS_FOLDER, FAILURES_ANNEX)
_NAME = re.compile(r"[a-z_]+")


def write_annex(collection: str | os.PathLike[str], name: str, rows: pa.Table) -> None:
    """Replace an annex of a collection whole, or add it; readers see the old rows or the new ones.

    Args:
        collection: The collection's folder.
        name: The annex: lower-case letters and underscores.
        rows: Its rows; the column `clip_id`, int64, says which clip each is about, the others are free.

    Raises:
        CollectionError: If the collection is none, is being written by another run or cannot be written; if the name is
            malformed or a table's own; if `clip_id` is missing, of another type or null; or if two columns have one
            name.
    """
    folder = user_path(collection)
    read_manifest(folder)  # a folder that is no collection gets no lock file
    with writer_lock(folder):
        manifest = upgraded(folder, read_manifest(folder))
        write_manifest(folder, put_annex(folder, manifest, name, rows))


def drop_annex(collection: str | os.PathLike[str], name: str) -> None:
    """Take an annex away from a collection; there may be none of that name.

    Raises:
        CollectionError: If the collection is none, is being written by another run or cannot be written.
    """
    folder = user_path(collection)
    read_manifest(folder)
    with writer_lock(folder):
        manifest = upgraded(folder, read_manifest(folder))
        if name in manifest.annexes:
            kept = {one: record for one, record in manifest.annexes.items() if one != name}
            write_manifest(folder, _with_annexes(manifest, kept))


def put_annex(collection: Path, manifest: Manifest, name: str, rows: pa.Table) -> Manifest:
    """Write an annex's rows, for a manifest that is yet to be written.

    Args:
        collection: The collection's folder, whose writer lock the caller holds.
        manifest: What the collection is now.
        name: The annex.
        rows: Its rows.

    Returns:
        The manifest that names them.

    Raises:
        CollectionError: As `write_annex`.
    """
    _check(name, rows)
    table = Table.open_or_create(annex_folder(collection, name), rows.schema)
    table.overwrite(rows)
    record = AnnexRecord(version=table.version, n_rows=rows.num_rows)
    return _with_annexes(manifest, {**manifest.annexes, name: record})


def _check(name: str, rows: pa.Table) -> None:
    if not _NAME.fullmatch(name) or name in _TAKEN:
        raise CollectionError(f"{readable_path(name)!r} cannot be the name of an annex")
    names = [column.lower() for column in rows.column_names]
    double = sorted({column for column in names if names.count(column) > 1})
    if double:
        raise CollectionError(f"the annex {name!r} would have two columns {double[0]!r}")
    if "clip_id" not in rows.column_names or rows.schema.field("clip_id").type != pa.int64():
        raise CollectionError(f"the rows of the annex {name!r} have no column clip_id of type int64")
    if pc.any(pc.is_null(rows.column("clip_id"))).as_py():
        raise CollectionError(f"a row of the annex {name!r} has no clip_id")


def _with_annexes(manifest: Manifest, annexes: dict[str, AnnexRecord]) -> Manifest:
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return dataclasses.replace(manifest, annexes=dict(sorted(annexes.items())), updated_at=now)
