"""Repair: the damaged is put aside, the lost is looked for, and what stays incomplete is left to the next run."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from ...model.errors import CheckpointError, CollectionError, EncoderMismatchError
from ...model.paths import readable_path
from ...model.system import sync_folder
from ...search.encoders import open_encoder
from ...search.store.annexes import annex_folder
from ...search.store.ears import FIRST, ear_folder, ears_of
from ...search.store.manifest import (
    ANNEXES_FOLDER,
    CLIPS_FOLDER,
    EARS_FOLDER,
    HEARD_FOLDER,
    INDEX_FOLDER,
    MANIFEST_NAME,
    PREVIOUS_MANIFEST_NAME,
    SEGMENTS_FOLDER,
    AnnexRecord,
    EarRecord,
    Manifest,
    read_manifest,
    settled,
    write_manifest,
)
from ...search.store.schema import CLIPS, HEARD, SEGMENTS
from ...search.store.tables import LOG_FOLDER, Table
from ..phrases import PHRASES
from ..writing.ear import Ear
from ..writing.writer import Writer, with_index
from .audit import audit_tables, damage_of
from .inspection import DAMAGED_FOLDER, annex_problems, index_problems, leftovers, part_of
from .salvage import Salvage

_TEMPORARY = ".tmp"


def repair_collection(folder: Path) -> Iterator[str]:
    """Mend what can be mended.

    Args:
        folder: The collection, whose writer lock the caller holds.

    Yields:
        What was done, a sentence each.

    Raises:
        CollectionError: If the collection cannot be written, or nothing is left that says what it was.
    """
    manifest, said = _mended_manifest(folder)
    yield from said
    clips, is_cut, said = _mended_table(folder / CLIPS_FOLDER, CLIPS, manifest.clips_version)
    yield from said
    segments, _, said = _mended_table(folder / SEGMENTS_FOLDER, SEGMENTS, manifest.segments_version)
    yield from said
    yield from _mend_rows(clips, segments, manifest, take_all=is_cut)
    ears = {FIRST: Ear(folder, segments, None)}
    for name, record in manifest.ears.items():
        ears[name], said = _mended_ear(folder, name, record, clips)
        yield from said
    annexes, said = _mended_annexes(folder, manifest)
    yield from said
    after = settled(
        dataclasses.replace(
            manifest,
            clips_version=clips.version,
            segments_version=segments.version,
            n_clips=clips.n_rows,
            n_segments=segments.n_rows,
            annexes=annexes,
            ears={name: ears[name].recorded(record) for name, record in manifest.ears.items()},
        )
    )
    if after != manifest or not (folder / MANIFEST_NAME).exists():
        write_manifest(folder, after)
    for ear in ears:
        if index_problems(folder, read_manifest(folder), ear):
            yield _rebuilt_index(folder, ear, clips=clips, ears=ears)
    for name in leftovers(folder):
        if name.endswith(_TEMPORARY) and (folder / name).name.startswith("."):
            _remove(folder / name)
            yield f"removed {name}, left by a run that was killed"


def _mended_manifest(folder: Path) -> tuple[Manifest, list[str]]:
    """Give the manifest, or the one before it with the tables' newest versions."""
    try:
        return read_manifest(folder), []
    except CollectionError as damage:
        try:
            previous = read_manifest(folder, file_name=PREVIOUS_MANIFEST_NAME)
        except CollectionError:
            raise damage from None
    if (folder / MANIFEST_NAME).exists():
        _put_aside(folder / MANIFEST_NAME, folder)
    ears = {
        name: dataclasses.replace(
            record,
            segments_version=_newest_version(ear_folder(folder, name) / SEGMENTS_FOLDER, record.segments_version),
            heard_version=_newest_version(ear_folder(folder, name) / HEARD_FOLDER, record.heard_version),
        )
        for name, record in previous.ears.items()
    }
    newest = dataclasses.replace(
        previous,
        ears=ears,
        clips_version=_newest_version(folder / CLIPS_FOLDER, previous.clips_version),
        segments_version=_newest_version(folder / SEGMENTS_FOLDER, previous.segments_version),
    )
    return newest, ["the manifest was made anew from the one before it"]


def _newest_version(folder: Path, otherwise: int) -> int:
    try:
        return Table.open(folder).version
    except CollectionError:
        return otherwise


def _mended_table(folder: Path, schema: pa.Schema, version: int) -> tuple[Table, bool, list[str]]:
    """Give a table at a version that can be read and written on from; whether its log was cut; what was done."""
    table, said = _mended_log(folder, schema, version)
    is_cut = bool(said)
    if not is_cut and table.restore(version):
        said = [f"{folder.name}: took back what a run that was killed had begun"]
    damaged = [file for file in table.files() if damage_of(file) is not None]
    for file in damaged:
        if file.path.exists():
            _put_aside(file.path, folder.parent)
    if damaged:
        table.forget_missing_files()
        n_rows = sum(file.n_rows for file in damaged)
        said.append(
            f"{folder.name}: took {len(damaged):,} damaged or missing files with {n_rows:,} rows out of the table"
        )
    return table, is_cut, said


def _mended_log(folder: Path, schema: pa.Schema, version: int) -> tuple[Table, list[str]]:
    """Open a table, its log cut back to where it can be read; made anew where it cannot be read at all."""
    try:
        Table.open(folder, version=version)
        return Table.open(folder), []
    except CollectionError:
        pass
    log = folder / LOG_FOLDER
    hint = log / "_last_checkpoint"
    if hint.exists():
        _put_aside(hint, folder.parent)
    entries = sorted(log.glob("*.json")) if log.is_dir() else []
    numbers = [int(entry.stem) for entry in entries if entry.stem.isdecimal()]
    for number in reversed(numbers):
        try:
            Table.open(folder, version=number)
        except CollectionError:
            continue
        for entry in log.iterdir():
            stem = entry.name.partition(".")[0]
            if stem.isdecimal() and int(stem) > number:
                _put_aside(entry, folder.parent)
        said = f"{folder.name}: cut the damaged end of the log, after version {number} of {version}"
        return Table.open(folder), [said] if number < version else []
    if log.exists():
        _put_aside(log, folder.parent)
    return Table.create(folder, schema), [f"{folder.name}: began a new log, as the old one was lost"]


def _mend_rows(clips: Table, segments: Table, manifest: Manifest, *, take_all: bool) -> Iterator[str]:
    """Bring back lost rows from older files, then drop what is still not whole."""
    digest, dim = manifest.encoder.digest, manifest.embedding_dim
    audit = audit_tables(clips, segments, encoder_digest=digest, embedding_dim=dim)
    if not audit.faults and not audit.orphans and not take_all:
        return
    salvage = Salvage(clips, segments, encoder_digest=digest, embedding_dim=dim)
    segments.delete(sorted(audit.faults.get("embeddings that are not unit vectors", ())))
    n_clips = salvage.bring_back_clips(None if take_all else audit.orphans)
    if n_clips:
        yield f"clips: brought back {n_clips:,} rows from older files"
    n_segments = salvage.bring_back_segments()
    if n_segments:
        yield f"segments: brought back {n_segments:,} rows from older files"
    audit = audit_tables(clips, segments, encoder_digest=digest, embedding_dim=dim)
    clips.delete(sorted(audit.faulty))
    segments.delete(sorted(audit.faulty | audit.orphans))
    dropped = audit.faulty | audit.orphans
    if dropped:
        yield f"dropped {len(dropped):,} clips that were not whole: the next run indexes them again"


def _mended_ear(folder: Path, ear: str, record: EarRecord, clips: Table) -> tuple[Ear, list[str]]:
    """Give the tables of a further encoder; what cannot be mended of them, it hears again."""
    place, digest, dim = ear_folder(folder, ear), record.encoder.digest, record.embedding_dim
    segments, _, said = _mended_table(place / SEGMENTS_FOLDER, SEGMENTS, record.segments_version)
    heard, _, more = _mended_table(place / HEARD_FOLDER, HEARD, record.heard_version)
    said = [f"{EARS_FOLDER}/{ear}/{sentence}" for sentence in (*said, *more)]
    audit = audit_tables(clips, segments, encoder_digest=digest, embedding_dim=dim, heard=heard)
    if audit.faults or audit.orphans:
        segments.delete(sorted(audit.faults.get("embeddings that are not unit vectors", ())))
        n_segments = Salvage(heard, segments, encoder_digest=digest, embedding_dim=dim).bring_back_segments()
        if n_segments:
            said.append(f"{part_of(ear, SEGMENTS_FOLDER)}: brought back {n_segments:,} rows from older files")
        audit = audit_tables(clips, segments, encoder_digest=digest, embedding_dim=dim, heard=heard)
        dropped = sorted(audit.faulty | audit.orphans)
        segments.delete(dropped)
        heard.delete(dropped)
        if dropped:
            said.append(f"{EARS_FOLDER}/{ear}: dropped {len(dropped):,} clips that were not whole: it hears them again")
    return Ear(place, segments, heard), said


def _mended_annexes(folder: Path, manifest: Manifest) -> tuple[dict[str, AnnexRecord], list[str]]:
    """Give the annexes that can be read, each at its newest version that can."""
    kept, said = {}, []
    for name, record in manifest.annexes.items():
        if not annex_problems(folder, manifest, name):
            kept[name] = record
            continue
        older = _older_annex(folder, manifest, name)
        if older is None:
            if annex_folder(folder, name).exists():
                _put_aside(annex_folder(folder, name), folder)
            said.append(f"{ANNEXES_FOLDER}/{name}: took it out of the collection, as none of its versions can be read")
        else:
            kept[name] = older
            said.append(f"{ANNEXES_FOLDER}/{name}: went back from version {record.version} to {older.version}")
    return kept, said


def _older_annex(folder: Path, manifest: Manifest, name: str) -> AnnexRecord | None:
    for version in range(manifest.annexes[name].version, 0, -1):
        try:
            table = Table.open(annex_folder(folder, name), version=version)
            record = AnnexRecord(version=version, n_rows=table.n_rows)
        except CollectionError:
            continue
        changed = dataclasses.replace(manifest, annexes={name: record})
        if not annex_problems(folder, changed, name):
            return record
    return None


def _rebuilt_index(folder: Path, ear: str, *, clips: Table, ears: dict[str, Ear]) -> str:
    manifest, part = with_index(read_manifest(folder), ear, None), part_of(ear, INDEX_FOLDER)
    write_manifest(folder, manifest)
    writer, encoder = Writer(folder, manifest, clips=clips, ears=ears), ears_of(manifest)[ear]
    try:
        writer.refresh_index(
            ear=ear, text_queries=lambda n: open_encoder(encoder, collection=folder).embed_text(PHRASES[:n])
        )
    except (CheckpointError, EncoderMismatchError) as error:
        return f"{part}: took it out of use; the next run builds a new one ({error})"
    return f"{part}: built anew from the tables"


def _put_aside(path: Path, collection: Path) -> None:
    """Move something that is damaged into a folder of its own."""
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


def _remove(path: Path) -> None:
    try:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise CollectionError(f"{readable_path(path)}: cannot be removed ({error.strerror})") from error
