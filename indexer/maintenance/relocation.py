"""Relocation: a library that was moved keeps its clips, and all that is known of them, under its new paths."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...model.atomic import write_atomically
from ...model.audio.archives import member_path, split_member
from ...model.audio.stores import is_url
from ...model.errors import CollectionError, UsageError
from ...model.paths import exact_path, normal_name, path_columns, readable_path, user_path
from ...search.index import read_segment_ids, renamed_generation
from ...search.saved import file_of, saved_queries
from ...search.store.annexes import LISTED_ANNEX, read_annex
from ...search.store.confined import check_confined
from ...search.store.encodings import encoding_folder, read_coverage
from ...search.store.identity import clip_id_of, path_of, segment_id_of
from ...search.store.manifest import (
    CLIPS_FOLDER,
    FAILURES_ANNEX,
    INDEX_FOLDER,
    AnnexRecord,
    IndexRecord,
    Manifest,
    read_manifest,
    write_manifest,
)
from ...search.store.tables import Table
from ..inputs.files import is_gone
from ..writing.annex_migration import migrate_annexes
from ..writing.lock import writer_lock
from ..writing.refreshing import next_generation
from ..writing.tables import EncodingTables
from ..writing.upgrade import upgraded
from ..writing.writer import with_index

_N_BATCH = 8_192

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class RelocationReport:
    """What came of a relocation.

    Attributes:
        collection: The collection's folder.
        n_moved: Clips that are under their new paths now, or would be.
        n_failures: Files that could not be indexed, and are remembered under their new paths.
        n_there: Clips under the new paths from before, as of a relocation that was done already.
        n_stayed: Clips that keep their old paths, as their files lie there and not at the new ones.
        n_occupied: Clips that keep their old paths, as the collection has another sound under the new ones.
        n_missing: Clips that were moved, though their files lie in neither place.
        is_dry_run: Whether nothing was written.
    """

    collection: Path
    n_moved: int
    n_failures: int
    n_there: int
    n_stayed: int
    n_occupied: int
    n_missing: int
    is_dry_run: bool

    def to_json(self) -> dict[str, object]:
        """Return the report as plain values that JSON can hold."""
        return {**dataclasses.asdict(self), "collection": readable_path(self.collection)}


def relocate_collection(
    collection: str | os.PathLike[str],
    old: str | os.PathLike[str],
    new: str | os.PathLike[str],
    *,
    dry_run: bool = False,
) -> RelocationReport:
    """Move the clips of a collection from one place to another, after their files were moved there.

    Nothing is decoded or embedded. Metadata, labels, captions, lists, remembered failures and the clips that saved
    queries reject follow, and searches find what they found. It is done in one commit: a collection whose relocation
    was killed is as it was, and a second relocation finds nothing left to do.

    Args:
        collection: The collection's folder.
        old: The folder, archive or file where they were, or its URL.
        new: Where that is now.
        dry_run: Whether only to report what would be done.

    Returns:
        What was done.

    Raises:
        UsageError: If the places are the same, there is nothing at the new one, none of the files is there, or the
            collection has no clips in either place.
        CollectionError: If the folder is no collection, is damaged, cannot be written, or is being written by another
            run; what it holds is as it was.
    """
    folder = user_path(collection)
    read_manifest(folder)  # a folder that is no collection gets no lock file
    check_confined(folder)
    places = _Places(_exact(old), _exact(new))
    with contextlib.nullcontext() if dry_run else writer_lock(folder):
        manifest = read_manifest(folder) if dry_run else upgraded(folder, read_manifest(folder))
        clips = Table.open(folder / CLIPS_FOLDER, version=manifest.clips_version)
        moves, report = _planned(clips, places, collection=folder)
        failures = _moved_failures(folder, manifest, places)
        report = dataclasses.replace(report, n_failures=len(failures), is_dry_run=dry_run)
        if not dry_run and (report.n_moved or failures):
            _follow_in_queries(folder, moves)
            manifest = _with_annexes(folder, manifest, moves, failures, places)
            write_manifest(folder, _with_tables(folder, manifest, moves))
    return report


class _Places:
    """Where clips were, and where they are."""

    def __init__(self, old: bytes, new: bytes) -> None:
        if old == new:
            raise UsageError(f"{readable_path(old)}: is both the old place and the new one")
        if _is_gone(new):
            raise UsageError(f"{readable_path(new)}: there is no such file or folder")
        self.old, self.new = old, new

    def moved(self, path: bytes) -> bytes | None:
        """Return the new path of a clip; None if it was not in the old place."""
        archive, member = split_member(path) or (path, b"")
        rest = _below(archive, self.old)
        if rest is None:
            return None
        place = b"/".join((self.new, *rest))
        return member_path(place, member) if member else place

    def stays(self, path: bytes) -> bool:
        """Return whether a clip's file is where it was, and not in the new place."""
        target = self.moved(path)
        return target is None or (_is_gone(target) and not _is_gone(path))


@dataclass(frozen=True)
class _Moves:
    """Clips that move.

    Attributes:
        paths: Their new paths, by their ids of before.
        twins: Those of them that the collection has under their new paths too.
    """

    paths: Mapping[int, bytes]
    twins: frozenset[int]

    @property
    def new_ids(self) -> dict[int, int]:
        """Their new ids, by those of before."""
        return {clip_id: clip_id_of(path) for clip_id, path in self.paths.items()}


class _Renaming:
    """New ids for old ones; all others stay."""

    def __init__(self, new_ids: Mapping[int, int]) -> None:
        old = np.fromiter(new_ids.keys(), np.int64)
        order = np.argsort(old)
        self._old, self._new = old[order], np.fromiter(new_ids.values(), np.int64)[order]

    def __call__(self, ids: Ids) -> Ids:
        """Return new ids [n] for ids [n]."""
        if not len(self._old):
            return ids
        places = np.minimum(np.searchsorted(self._old, ids), len(self._old) - 1)
        return np.where(self._old[places] == ids, self._new[places], ids)


def _exact(place: str | os.PathLike[str]) -> bytes:
    exact = os.fsencode(place)
    return exact.rstrip(b"/") if is_url(exact) else path_of(user_path(place))


def _below(path: bytes, place: bytes) -> list[bytes] | None:
    """Return the names that lead from a place to what lies in it; None if it lies elsewhere. Spellings are one."""
    depth, parts = len(place.split(b"/")), path.split(b"/")
    return parts[depth:] if normal_name(b"/".join(parts[:depth])) == normal_name(place) else None


def _is_gone(path: bytes) -> bool:
    """Return whether there certainly is no such file; of stores nothing is known."""
    return not is_url(path) and is_gone(path) and is_gone((split_member(path) or (path,))[0])


def _planned(clips: Table, places: _Places, *, collection: Path) -> tuple[_Moves, RelocationReport]:
    """Decide which clips move.

    Raises:
        UsageError: If there are none in either place, or none of their files is at the new one.
    """
    rows = clips.read(["clip_id", "path", "path_bytes", "content_hash"]).to_pylist()
    contents = {row["clip_id"]: row["content_hash"] for row in rows}
    paths = {row["clip_id"]: exact_path(row["path"], row["path_bytes"]) for row in rows}
    targets = {clip_id: target for clip_id, path in paths.items() if (target := places.moved(path)) is not None}
    n_there = sum(clip_id not in targets and _below(path, places.new) is not None for clip_id, path in paths.items())
    name, old, new = readable_path(collection), readable_path(places.old), readable_path(places.new)
    if not targets and not n_there:
        known = f"; one of its clips is {rows[0]['path']}" if rows else ""
        raise UsageError(f"{name}: has no clips in {old}{known}")
    moved: dict[int, bytes] = {}
    twins: set[int] = set()
    n_stayed = n_occupied = n_missing = 0
    for clip_id, target in targets.items():
        twin = clip_id_of(target)
        has_twin = twin in contents and twin not in targets
        if places.stays(paths[clip_id]):
            n_stayed += 1
        elif has_twin and contents[twin] != contents[clip_id]:
            n_occupied += 1
        else:
            n_missing += _is_gone(target)
            moved[clip_id] = target
            if has_twin:
                twins.add(clip_id)
    if targets and n_stayed + n_missing == len(targets) and not n_there:
        raise UsageError(f"{new}: holds none of the {len(targets):,} files that {name} has in {old}")
    report = RelocationReport(
        collection=collection,
        n_moved=len(moved),
        n_failures=0,
        n_there=n_there,
        n_stayed=n_stayed,
        n_occupied=n_occupied,
        n_missing=n_missing,
        is_dry_run=False,
    )
    return _Moves(moved, frozenset(twins)), report


def _moved_failures(folder: Path, manifest: Manifest, places: _Places) -> dict[int, bytes]:
    """Return the new paths of files that could not be indexed, by the ids that their clips would have had."""
    table = read_annex(folder, manifest, FAILURES_ANNEX)
    rows = [] if table is None else table.read(["clip_id", "path", "path_bytes"]).to_pylist()
    paths = {row["clip_id"]: exact_path(row["path"], row["path_bytes"]) for row in rows}
    targets = {clip_id: places.moved(path) for clip_id, path in paths.items() if not places.stays(path)}
    return {clip_id: target for clip_id, target in targets.items() if target is not None}


def _follow_in_queries(folder: Path, moves: _Moves) -> None:
    """Let saved queries reject clips under their new ids, and under the old ones, should this be all that is done."""
    for query in saved_queries(folder):
        new = {moves.new_ids[clip_id] for clip_id in query.rejected if clip_id in moves.paths}
        if not new <= set(query.rejected):
            rejected = tuple(sorted({*query.rejected, *new}))
            try:
                write_atomically(
                    file_of(folder, query.name),
                    dataclasses.replace(query, rejected=rejected).to_bytes(),
                    is_durable=True,
                )
            except OSError as error:
                raise CollectionError(f"{readable_path(folder)}: cannot be written ({error.strerror})") from error


def _with_annexes(
    folder: Path, manifest: Manifest, moves: _Moves, failures: Mapping[int, bytes], places: _Places
) -> Manifest:
    """Write the annexes anew, for a manifest that is yet to be written."""
    twins = {moves.new_ids[clip_id]: clip_id for clip_id in moves.twins}
    manifest = migrate_annexes(folder, manifest, frozenset(), copied={}, moved=twins)
    segments = _segment_renaming(folder, manifest, manifest.default_encoding, moves)
    for name in manifest.annexes:
        table = read_annex(folder, manifest, name)
        if table is None:
            continue
        rows = table.read()
        if name == FAILURES_ANNEX:
            after = _distinct(_renamed(rows, failures), ["clip_id"])
        elif name == LISTED_ANNEX:
            after = _distinct(_renamed(_with_sources(rows, places), moves.paths), ["clip_id", "source"])
        else:
            after = _renamed(rows, moves.paths, segments=segments)
        if not after.equals(rows):
            table = Table.open(table.folder)
            table.overwrite(after)
            record = AnnexRecord(version=table.version, n_rows=after.num_rows)
            manifest = dataclasses.replace(manifest, annexes={**manifest.annexes, name: record})
    return manifest


def _with_sources(rows: pa.Table, places: _Places) -> pa.Table:
    """Return rows about lists, those in the old place under their new paths."""
    old, new = readable_path(places.old), readable_path(places.new)
    sources = [
        new + source.removeprefix(old) if f"{source}/".startswith(f"{old}/") else source
        for source in rows.column("source").to_pylist()
    ]
    return rows.set_column(rows.column_names.index("source"), "source", pa.array(sources, pa.string()))


def _distinct(rows: pa.Table, columns: list[str]) -> pa.Table:
    """Return the first row of each key."""
    keys = zip(*(rows.column(name).to_pylist() for name in columns), strict=True)
    first: dict[object, int] = {}
    for place, key in enumerate(keys):
        first.setdefault(key, place)
    return rows.take(pa.array(first.values(), pa.int64()))


def _renamed(rows: pa.Table, paths: Mapping[int, bytes], *, segments: _Renaming | None = None) -> pa.Table:
    """Return rows of any table with new ids and, where it has them, new paths."""
    ids: Ids = rows.column("clip_id").to_numpy()
    columns: dict[str, Any] = {"clip_id": _Renaming({one: clip_id_of(path) for one, path in paths.items()})(ids)}
    if segments is not None and "segment_id" in rows.column_names:
        columns["segment_id"] = segments(rows.column("segment_id").to_numpy())
    if "path_bytes" in rows.column_names:
        pairs = zip(ids.tolist(), rows.column("path").to_pylist(), rows.column("path_bytes").to_pylist(), strict=True)
        new = [path_columns(paths.get(clip_id) or exact_path(path, exact)) for clip_id, path, exact in pairs]
        columns |= {name: [one[name] for one in new] for name in ("path", "path_bytes")}
    for name, values in columns.items():
        place = rows.column_names.index(name)
        rows = rows.set_column(place, rows.schema.field(place), pa.array(values, rows.schema.field(place).type))
    return rows


def _with_tables(folder: Path, manifest: Manifest, moves: _Moves) -> Manifest:
    """Write the tables and indexes anew, for a manifest that is yet to be written."""
    for name, record in manifest.encodings.items():
        renaming = _segment_renaming(folder, manifest, name, moves)
        tables = EncodingTables.open(folder, manifest, name)
        tables.restore(record)
        index = _renamed_index(folder, manifest, name, renaming)
        _rewrite(tables.segments, moves, segments=renaming)
        _rewrite(tables.coverage, moves)
        encodings = {**manifest.encodings, name: tables.recorded(record)}
        manifest = with_index(dataclasses.replace(manifest, encodings=encodings), name, index)
    clips = Table.open(folder / CLIPS_FOLDER)
    clips.restore(manifest.clips_version)
    _rewrite(clips, moves)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return dataclasses.replace(manifest, clips_version=clips.version, n_clips=clips.n_rows, updated_at=now)


def _rewrite(table: Table, moves: _Moves, *, segments: _Renaming | None = None) -> None:
    """Write a table anew in bounded memory, without the rows of clips that have a twin."""
    before = Table.open(table.folder, version=table.version)
    schema = before.dataset().schema
    twins = np.fromiter(moves.twins, np.int64)

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in before.batches(schema.names, n_batch=_N_BATCH):
            rows = pa.Table.from_batches([batch])
            kept = rows.filter(pa.array(~np.isin(rows.column("clip_id").to_numpy(), twins)))
            yield from _renamed(kept, moves.paths, segments=segments).cast(schema).to_batches()

    table.overwrite(pa.RecordBatchReader.from_batches(schema, batches()))


def _segment_renaming(folder: Path, manifest: Manifest, encoding: str, moves: _Moves) -> _Renaming:
    """Return how the segments of an encoding are renamed."""
    digest = manifest.encodings[encoding].encoder.digest
    new_ids: dict[int, int] = {}
    clip_ids = {old: new for old, new in moves.new_ids.items() if old not in moves.twins}
    for row in read_coverage(folder, manifest, encoding).to_pylist():
        old, content = row["clip_id"], row["content_hash"]
        for number in range(row["n_segments"] if old in clip_ids else 0):
            before, after = (
                segment_id_of(clip_id, content_hash=content, number=number, encoder_digest=digest)
                for clip_id in (old, clip_ids[old])
            )
            new_ids[before] = after
    return _Renaming(new_ids)


def _renamed_index(folder: Path, manifest: Manifest, encoding: str, renaming: _Renaming) -> IndexRecord | None:
    """Write the index anew under new ids; one that cannot be read stays, and the next run builds another."""
    record, place = manifest.encodings[encoding].index, encoding_folder(folder, manifest, encoding) / INDEX_FOLDER
    if record is None:
        return None
    try:
        ids = read_segment_ids(place, record)
    except CollectionError:
        return record
    return renamed_generation(place, record, next_generation(place), renaming(ids))
