"""Repair: the damaged is put aside, the lost is looked for, and what stays incomplete is left to the next run."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator, Mapping, Set
from pathlib import Path

import numpy as np
import pyarrow as pa

from ...model.errors import CheckpointError, CollectionError, EncoderMismatchError
from ...model.paths import readable_path
from ...model.system import sync_folder
from ...search.encoders import open_encoder
from ...search.store.annexes import annex_folder
from ...search.store.encodings import coverage_folder, encoding_folder
from ...search.store.manifest import (
    ANNEXES_FOLDER,
    CLIPS_FOLDER,
    COVERAGE_FOLDER,
    ENCODINGS_FOLDER,
    INDEX_FOLDER,
    MANIFEST_NAME,
    PREVIOUS_MANIFEST_NAME,
    SEGMENTS_FOLDER,
    AnnexRecord,
    EncodingRecord,
    Manifest,
    has_manifest,
    read_manifest,
    write_manifest,
)
from ...search.store.schema import CLIPS, COVERAGE, SEGMENTS
from ...search.store.tables import LOG_FOLDER, Table
from ..phrases import PHRASES
from ..writing.tables import EncodingTables
from ..writing.upgrade import upgraded
from ..writing.writer import Writer, with_index
from .audit import CLIP_COLUMNS, TWICE, UNCOVERED, UNFIT, audit_clips, audit_encoding, damage_of
from .inspection import DAMAGED_FOLDER, annex_problems, index_problems, leftovers, part_of
from .readable import check_is_damage, check_readable
from .recovery import recover_clips, recover_coverage, recover_segments

_TEMPORARY = ".tmp"
_OF_A_MANIFEST = ".manifest."


def repair_collection(folder: Path) -> Iterator[str]:
    """Mend what can be mended.

    Args:
        folder: The collection, whose writer lock the caller holds.

    Yields:
        What was done, a sentence each.

    Raises:
        CollectionError: If the collection cannot be written, or nothing is left that says what it was.
    """
    check_readable(folder)
    manifest, said = _mended_manifest(folder)
    yield from said
    clips, is_cut, said = _mended_table(folder, folder / CLIPS_FOLDER, CLIPS, manifest.clips_version)
    yield from said
    default = encoding_folder(folder, manifest, manifest.default_encoding) / SEGMENTS_FOLDER
    segments, _, said = _mended_table(folder, default, SEGMENTS, manifest.encoding.segments_version)
    yield from said
    yield from _mend_clips(clips, segments, manifest.encoding, take_all=is_cut)
    # From here on everything lies where the newest format has it.
    own = dataclasses.replace(manifest.encoding, segments_version=segments.version)
    encodings = {**manifest.encodings, manifest.default_encoding: own}
    manifest = upgraded(folder, dataclasses.replace(_with_clips(manifest, clips), encodings=encodings))
    tables: dict[str, EncodingTables] = {}
    for name, record in manifest.encodings.items():
        tables[name], said = _mended_encoding(folder, name, record, clips)
        yield from said
    yield from _drop_uncovered(clips, tables)
    annexes, said = _mended_annexes(folder, manifest)
    yield from said
    records = {name: tables[name].recorded(record) for name, record in manifest.encodings.items()}
    after = dataclasses.replace(_with_clips(manifest, clips), annexes=annexes, encodings=records)
    if not has_manifest(folder) or after != read_manifest(folder):
        write_manifest(folder, after)
    for name in after.encodings:
        if index_problems(folder, after, name):
            yield _rebuilt_index(folder, name)
    for name in leftovers(folder):
        if name.endswith(_TEMPORARY) and (name.startswith(_OF_A_MANIFEST) or "/" in name):
            _remove(folder / name)
            yield f"removed {name}, left by a run that was killed"


def _mended_manifest(folder: Path) -> tuple[Manifest, list[str]]:
    """Return the manifest, or the one before it with the tables' newest versions."""
    try:
        return read_manifest(folder), []
    except CollectionError as damage:
        check_is_damage(damage)
        try:
            previous = read_manifest(folder, file_name=PREVIOUS_MANIFEST_NAME)
        except CollectionError as error:
            check_is_damage(error)
            raise damage from None
    said = ["the manifest was made anew from the one before it"]
    if (folder / MANIFEST_NAME).exists():
        said.append(_put_aside(folder / MANIFEST_NAME, folder))
    records = {}
    for name, record in previous.encodings.items():
        segments, coverage = encoding_folder(folder, previous, name) / SEGMENTS_FOLDER, record.coverage_version
        if coverage is not None:
            coverage = _newest_version(coverage_folder(folder, previous, name) or folder, coverage)
        records[name] = dataclasses.replace(
            record, segments_version=_newest_version(segments, record.segments_version), coverage_version=coverage
        )
    clips_version = _newest_version(folder / CLIPS_FOLDER, previous.clips_version)
    newest = dataclasses.replace(previous, encodings=records, clips_version=clips_version)
    return newest, said


def _newest_version(folder: Path, otherwise: int) -> int:
    try:
        return Table.open(folder).version
    except CollectionError as error:
        check_is_damage(error)
        return otherwise


def _mended_table(collection: Path, folder: Path, schema: pa.Schema, version: int) -> tuple[Table, bool, list[str]]:
    """Return a table at a version that can be read and written on from; whether its log was cut; what was done."""
    table, is_cut, said = _mended_log(collection, folder, schema, version)
    if not is_cut and table.restore(version, allow_missing=True):
        said += [f"{part_of(collection, folder)}: took back what a run that was killed had begun"]
    damaged = [file for file in table.files() if damage_of(file) is not None]
    said += [_put_aside(file.path, collection) for file in damaged if file.path.exists()]
    if damaged:
        table.forget_missing_files()
        n_rows = sum(file.n_rows for file in damaged)
        part = part_of(collection, folder)
        said.append(f"{part}: took {len(damaged):,} damaged or missing files with {n_rows:,} rows out of the table")
    return table, is_cut, said


def _mended_log(collection: Path, folder: Path, schema: pa.Schema, version: int) -> tuple[Table, bool, list[str]]:
    """Open a table, its log cut back to where it can be read; made anew where it cannot be read at all.

    Returns:
        The table, whether its log lost anything, and what was done.
    """
    try:
        Table.open(folder, version=version)
        return Table.open(folder), False, []
    except CollectionError as error:
        check_is_damage(error)
    log, said = folder / LOG_FOLDER, list[str]()
    hint = log / "_last_checkpoint"
    if hint.exists():
        said.append(_put_aside(hint, collection))
    entries = sorted(log.glob("*.json")) if log.is_dir() else []
    numbers = [int(entry.stem) for entry in entries if entry.stem.isdecimal()]
    for number in reversed(numbers):
        try:
            Table.open(folder, version=number)
        except CollectionError as error:
            check_is_damage(error)
            continue
        cut = f"{part_of(collection, folder)}: cut the damaged end of the log, after version {number} of {version}"
        beyond = [entry for entry in log.iterdir() if _log_version(entry) > number]
        # The newest goes first: wherever this is killed, what is left is a log without a gap before its damage.
        for entry in sorted(beyond, key=_log_version, reverse=True):
            said.append(_put_aside(entry, collection))
        is_cut = number < version
        return Table.open(folder), is_cut, [cut, *said] if is_cut else said
    if log.exists():
        said.append(_put_aside(log, collection))
    said.append(f"{part_of(collection, folder)}: began a new log, as the old one was lost")
    return Table.create(folder, schema), True, said


def _log_version(entry: Path) -> int:
    stem = entry.name.partition(".")[0]
    return int(stem) if stem.isdecimal() else -1


def _mend_clips(clips: Table, segments: Table, record: EncodingRecord, *, take_all: bool) -> Iterator[str]:
    """Bring back lost rows of clips, then drop those that are not whole."""
    present = clips.read(["clip_id"]).column("clip_id").to_numpy()
    lost = np.setdiff1d(segments.read(["clip_id"]).column("clip_id").to_numpy(), present)
    if take_all or len(lost):
        n_clips = recover_clips(clips, segments, None if take_all else lost.tolist(), record=record)
        if n_clips:
            yield f"clips: brought back {n_clips:,} rows from older files"
    audit = audit_clips(clips.read(CLIP_COLUMNS), ())
    faulty = set().union(*(ids for fault, ids in audit.faults.items() if fault != UNCOVERED))
    clips.delete(sorted(faulty))
    if faulty:
        yield _dropped("clips", faulty)


def _mended_encoding(folder: Path, name: str, record: EncodingRecord, clips: Table) -> tuple[EncodingTables, list[str]]:
    """Return the tables of an encoding; what cannot be mended of them, the next run embeds again."""
    place = folder / ENCODINGS_FOLDER / name
    segments, _, said = _mended_table(folder, place / SEGMENTS_FOLDER, SEGMENTS, record.segments_version)
    coverage, _, more = _mended_table(folder, place / COVERAGE_FOLDER, COVERAGE, record.coverage_version or 0)
    said += more
    rows = clips.read(CLIP_COLUMNS)
    audit = audit_encoding(rows, segments, coverage.read(), record=record)
    if audit.faults or audit.orphans:
        segments.delete(sorted(audit.faults.get(UNFIT, set()) | audit.faults.get(TWICE, set())))
        n_segments = recover_segments(segments, coverage.read(), record=record)
        if n_segments:
            said.append(f"{part_of(folder, segments.folder)}: brought back {n_segments:,} rows from older files")
        n_clips = recover_coverage(rows, segments, coverage, record=record)
        if n_clips:
            said.append(f"{part_of(folder, coverage.folder)}: made {n_clips:,} rows anew from the segments")
        audit = audit_encoding(rows, segments, coverage.read(), record=record)
        tables = EncodingTables(place, segments, coverage)
        tables.delete(sorted(audit.faulty | audit.orphans))
        if audit.faulty | audit.orphans:
            said.append(_dropped(part_of(folder, place), audit.faulty | audit.orphans))
    return EncodingTables(place, segments, coverage), said


def _drop_uncovered(clips: Table, encodings: Mapping[str, EncodingTables]) -> Iterator[str]:
    rows = clips.read(CLIP_COLUMNS)
    uncovered = audit_clips(rows, [tables.coverage.read() for tables in encodings.values()]).faults.get(UNCOVERED)
    if uncovered:
        clips.delete(sorted(uncovered))
        yield _dropped("clips", uncovered)


def _dropped(part: str, clip_ids: Set[int]) -> str:
    return f"{part}: dropped {len(clip_ids):,} clips that were not whole: the next run indexes them again"


def _with_clips(manifest: Manifest, clips: Table) -> Manifest:
    return dataclasses.replace(manifest, clips_version=clips.version, n_clips=clips.n_rows)


def _mended_annexes(folder: Path, manifest: Manifest) -> tuple[dict[str, AnnexRecord], list[str]]:
    """Return the annexes that can be read, each at its newest version that can."""
    kept, said = {}, []
    for name, record in manifest.annexes.items():
        if not annex_problems(folder, manifest, name):
            kept[name] = record
            continue
        older = _older_annex(folder, manifest, name)
        if older is None:
            said.append(f"{ANNEXES_FOLDER}/{name}: took it out of the collection, as none of its versions can be read")
            if annex_folder(folder, name).exists():
                said.append(_put_aside(annex_folder(folder, name), folder))
        else:
            kept[name] = older
            said.append(f"{ANNEXES_FOLDER}/{name}: went back from version {record.version} to {older.version}")
    return kept, said


def _older_annex(folder: Path, manifest: Manifest, name: str) -> AnnexRecord | None:
    for version in range(manifest.annexes[name].version, 0, -1):
        try:
            table = Table.open(annex_folder(folder, name), version=version)
            record = AnnexRecord(version=version, n_rows=table.n_rows)
        except CollectionError as error:
            check_is_damage(error)
            continue
        changed = dataclasses.replace(manifest, annexes={name: record})
        if not annex_problems(folder, changed, name):
            return record
    return None


def _rebuilt_index(folder: Path, name: str) -> str:
    manifest = with_index(read_manifest(folder), name, None)
    write_manifest(folder, manifest)
    encoder, part = manifest.encodings[name].encoder, f"{ENCODINGS_FOLDER}/{name}/{INDEX_FOLDER}"
    try:
        Writer(folder, manifest).refresh_index(
            encoding=name, text_queries=lambda n: open_encoder(encoder, collection=folder).embed_text(PHRASES[:n])
        )
    except (CheckpointError, EncoderMismatchError) as error:
        return f"{part}: took it out of use; the next run builds a new one ({error})"
    return f"{part}: built anew from the tables"


def _put_aside(path: Path, collection: Path) -> str:
    """Move something that is damaged into a folder of its own, and say so."""
    aside = collection / DAMAGED_FOLDER
    try:
        aside.mkdir(exist_ok=True)
        target = aside / "-".join(path.relative_to(collection).parts)
        number = 1
        while target.exists():
            number += 1
            target = target.with_name(f"{target.name}.{number}")
        path.rename(target)
        sync_folder(path.parent)
    except OSError as error:
        raise CollectionError(f"{readable_path(path)}: cannot be put aside ({error.strerror})") from error
    return f"put {part_of(collection, path)} aside as {part_of(collection, target)}"


def _remove(path: Path) -> None:
    try:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise CollectionError(f"{readable_path(path)}: cannot be removed ({error.strerror})") from error
