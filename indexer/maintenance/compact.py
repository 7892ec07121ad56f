"""Compacting: fewer and larger files, and nothing kept that nobody reads any more."""

from __future__ import annotations

import dataclasses
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc

from ...model.errors import CollectionError, UsageError
from ...model.paths import readable_path, user_path
from ...search.store.annexes import annex_folder
from ...search.store.encodings import encoding_folder, find_encoding
from ...search.store.manifest import (
    ANNEXES_FOLDER,
    CLIPS_FOLDER,
    COVERAGE_FOLDER,
    ENCODINGS_FOLDER,
    FAILURES_ANNEX,
    INDEX_FOLDER,
    MANIFEST_NAME,
    SEGMENTS_FOLDER,
    AnnexRecord,
    Manifest,
    read_manifest,
    write_manifest,
)
from ...search.store.tables import LOG_FOLDER, Table
from ..writing.lock import writer_lock
from ..writing.tables import EncodingTables
from ..writing.upgrade import clear_old_places, upgraded
from ..writing.writer import Writer

KEEP_HOURS = 24
"""Versions that were the newest within so many hours are kept for those who still read them."""


_MAX_HOURS = 1_000_000  # a century is for ever, and still a time that can be computed with


@dataclass(frozen=True)
class CompactReport:
    """What compacting a collection did.

    Attributes:
        collection: The collection's folder.
        n_files_before: Parquet files of its tables before.
        n_files: Parquet files of its tables now.
        size_bytes_before: What the whole folder took before.
        size_bytes: What it takes now.
        old_bytes: How much of that is kept for those who still read older versions.
    """

    collection: Path
    n_files_before: int
    n_files: int
    size_bytes_before: int
    size_bytes: int
    old_bytes: int

    def to_json(self) -> dict[str, object]:
        """Return the report as plain values that JSON can hold."""
        return {**dataclasses.asdict(self), "collection": readable_path(self.collection)}


def compact_collection(
    path: str | os.PathLike[str], *, keep_hours: int = KEEP_HOURS, drop_encoder: str | None = None
) -> CompactReport:
    """Merge a collection's small files, and remove versions of its parts that nobody reads any more.

    What is found stays the same. Until the old versions go, the collection takes more room, not less.

    Args:
        path: The collection's folder.
        keep_hours: Whoever opened the collection within so many hours goes on reading what they opened; at least 0.
        drop_encoder: Name of an encoder, of several, whose segments and index go. Clips, their ids, metadata and labels
            stay; where it is the default, the next becomes it, and must have embedded every clip.

    Returns:
        What was done.

    Raises:
        UsageError: If `keep_hours` is below 0.
        CollectionError: If the encoder to drop is not one of the collection's, is its only one, or no other embedded
            every clip; if the folder is no collection, is damaged, cannot be written, or is being written by another
            run; what it holds is as it was.
    """
    if keep_hours < 0:
        raise UsageError(f"keep_hours must be at least 0, not {keep_hours}")
    keep_hours = min(keep_hours, _MAX_HOURS)
    folder = user_path(path)
    read_manifest(folder)  # a folder that is no collection gets no lock file
    if drop_encoder is not None:
        with Writer.open(folder, encoder=None, hop_s=None) as writer:
            writer.drop_encoding(find_encoding(writer.manifest, drop_encoder, collection=folder))
    with writer_lock(folder):
        before = _sizes(folder)
        manifest = upgraded(folder, read_manifest(folder))
        unchanged_s = _age_s(folder / MANIFEST_NAME)
        manifest = _with_compacted_tables(folder, manifest, keep_hours=keep_hours)
        manifest = _with_compacted_annexes(folder, manifest, keep_hours=keep_hours)
        _remove_unread(folder, manifest, unchanged_s=unchanged_s, keep_hours=keep_hours)
        after = _sizes(folder)
    return CompactReport(
        collection=folder,
        n_files_before=before[0],
        n_files=after[0],
        size_bytes_before=before[1],
        size_bytes=after[1],
        old_bytes=_old_bytes(folder, manifest),
    )


def _with_compacted_tables(folder: Path, manifest: Manifest, *, keep_hours: int) -> Manifest:
    def with_clips(manifest: Manifest, table: Table) -> Manifest:
        return dataclasses.replace(manifest, clips_version=table.version)

    clips = Table.open(folder / CLIPS_FOLDER)
    # What a run that was killed left goes first, or merging would make it count.
    clips.restore(manifest.clips_version)
    manifest = _compacted(folder, manifest, clips, named=with_clips, keep_hours=keep_hours)
    for name, record in manifest.encodings.items():
        tables = EncodingTables.open(folder, manifest, name)
        tables.restore(record)

        def with_tables(manifest: Manifest, _: Table, name: str = name, tables: EncodingTables = tables) -> Manifest:
            encodings = {**manifest.encodings, name: tables.recorded(manifest.encodings[name])}
            return dataclasses.replace(manifest, encodings=encodings)

        for table in (tables.segments, tables.coverage):
            manifest = _compacted(folder, manifest, table, named=with_tables, keep_hours=keep_hours)
    return manifest


def _with_compacted_annexes(folder: Path, manifest: Manifest, *, keep_hours: int) -> Manifest:
    """Compact every annex, without the rows of clips that are gone; files that failed never were clips."""
    present = Table.open(folder / CLIPS_FOLDER).read(["clip_id"]).column("clip_id").combine_chunks()
    for name, record in sorted(manifest.annexes.items()):

        def with_annex(manifest: Manifest, table: Table, name: str = name) -> Manifest:
            now = AnnexRecord(version=table.version, n_rows=table.n_rows)
            return dataclasses.replace(manifest, annexes={**manifest.annexes, name: now})

        table = Table.open(annex_folder(folder, name))
        table.restore(record.version)
        if name != FAILURES_ANNEX:
            ids = pc.unique(table.read(["clip_id"]).column("clip_id"))
            table.delete(ids.filter(pc.invert(pc.is_in(ids, value_set=present))).to_pylist())
        manifest = _compacted(folder, manifest, table, named=with_annex, keep_hours=keep_hours)
    return manifest


def _compacted(
    folder: Path, manifest: Manifest, table: Table, *, named: Callable[[Manifest, Table], Manifest], keep_hours: int
) -> Manifest:
    """Compact a table; the manifest names its new version before anything of the old ones goes."""
    for file in table.files():
        if not file.path.is_file():
            raise CollectionError(
                f"{readable_path(file.path)}: is missing; `soundgrep verify --repair` mends what it can"
            )
    table.merge_files()
    manifest = _written(folder, named(manifest, table))
    table.drop_old_versions(keep_hours=keep_hours)
    manifest = _written(folder, named(manifest, table))
    table.shorten_log(keep_hours=keep_hours)
    return manifest


def _written(folder: Path, manifest: Manifest) -> Manifest:
    if manifest != read_manifest(folder):
        write_manifest(folder, manifest)
    return manifest


def _remove_unread(folder: Path, manifest: Manifest, *, unchanged_s: float, keep_hours: int) -> None:
    """Remove generations of the index and annexes that the manifest does not name, and has not for long enough."""
    places = [(folder / ANNEXES_FOLDER, set(manifest.annexes), unchanged_s)]
    places.append((folder / ENCODINGS_FOLDER, set(manifest.encodings), unchanged_s))
    for name, record in manifest.encodings.items():
        place = encoding_folder(folder, manifest, name) / INDEX_FOLDER
        named = set[str]() if record.index is None else {record.index.generation}
        places.append((place, named, max((_age_s(place / name) for name in named), default=unchanged_s)))
    for parent, kept, since_s in places:
        for path in sorted(parent.iterdir()) if parent.is_dir() else []:
            if path.name not in kept and min(since_s, _age_s(path)) >= keep_hours * 3600:
                shutil.rmtree(path, ignore_errors=True)
    if unchanged_s >= keep_hours * 3600:
        clear_old_places(folder, manifest)


def _old_bytes(folder: Path, manifest: Manifest) -> int:
    """Sum up the files of tables that are not of the versions in the manifest."""
    tables = [folder / CLIPS_FOLDER, *(annex_folder(folder, one) for one in manifest.annexes)]
    for name in manifest.encodings:
        tables += [encoding_folder(folder, manifest, name) / part for part in (SEGMENTS_FOLDER, COVERAGE_FOLDER)]
    own = {file.path for table in tables for file in Table.open(table).files()}
    return sum(path.stat().st_size for table in tables for path in table.glob("*.parquet") if path not in own)


def _age_s(path: Path) -> float:
    """Return the time since anything in a folder was written last."""
    try:
        return time.time() - max(one.stat().st_mtime for one in (path, *path.rglob("*")))
    except OSError as error:
        raise CollectionError(f"{readable_path(path)}: cannot be read ({error.strerror})") from error


def _sizes(folder: Path) -> tuple[int, int]:
    """Count the Parquet files of a collection's tables, and give the size of the whole folder."""
    try:
        sizes = [(path, path.stat().st_size) for path in folder.rglob("*") if path.is_file()]
    except OSError as error:
        raise CollectionError(f"{readable_path(folder)}: cannot be read ({error.strerror})") from error
    n_files = sum(path.suffix == ".parquet" and path.parent.name != LOG_FOLDER for path, _ in sizes)
    return n_files, sum(size for _, size in sizes)
