"""The upgrade of a collection of an older format, by whatever writes it next."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

from ...model.errors import CollectionError
from ...model.paths import readable_path
from ...model.system import link_or_copy, sync_folder
from ...search.store.encodings import OLD_FOLDERS, coverage_folder, encoding_folder, read_coverage
from ...search.store.manifest import (
    COVERAGE_FOLDER,
    ENCODINGS_FOLDER,
    FORMAT_VERSION,
    INDEX_FOLDER,
    SEGMENTS_FOLDER,
    EncodingRecord,
    Manifest,
    write_manifest,
)
from ...search.store.schema import COVERAGE
from ...search.store.tables import LOG_FOLDER, Table


def upgraded(collection: Path, manifest: Manifest) -> Manifest:
    """Bring a collection to the newest format, if it is of an older one.

    Every file gets a second name in its new place (a copy, where the file system knows no hard links), then the
    manifest is swapped: readers of the old places go on reading there, until a later run clears them. What an upgrade
    that was killed left is of no account.

    Args:
        collection: The collection's folder, whose writer lock the caller holds.
        manifest: Its manifest.

    Returns:
        The manifest that was written, or the one given where the format is the newest.

    Raises:
        CollectionError: If the clips table cannot be read or the folder cannot be written; it is as it was.
    """
    if manifest.format_version == FORMAT_VERSION:
        return manifest
    place = collection / ENCODINGS_FOLDER
    try:
        for left in (place / name for name in manifest.encodings if (place / name).exists()):
            shutil.rmtree(left)
        encodings = {name: _moved(collection, manifest, name, place / name) for name in manifest.encodings}
        sync_folder(place)
        sync_folder(collection)
    except OSError as error:
        raise CollectionError(f"{readable_path(place)}: cannot be written ({error.strerror or error})") from error
    return write_manifest(collection, dataclasses.replace(manifest, encodings=encodings, format_version=FORMAT_VERSION))


def clear_old_places(collection: Path, manifest: Manifest) -> None:
    """Remove where older formats kept their tables, if an upgrade has left anything there.

    Each had a table of segments, which goes last: without it, folders of these names are somebody's own.

    Raises:
        CollectionError: If the manifest cannot be written, which comes first: the one before it still names them.
    """
    if not (collection / SEGMENTS_FOLDER / LOG_FOLDER).is_dir():
        return
    write_manifest(collection, manifest)
    for name in sorted(OLD_FOLDERS):
        shutil.rmtree(collection / name, ignore_errors=True)


def _moved(collection: Path, manifest: Manifest, name: str, target: Path) -> EncodingRecord:
    record, source = manifest.encodings[name], encoding_folder(collection, manifest, name)
    _link(source / SEGMENTS_FOLDER, target / SEGMENTS_FOLDER)
    if record.index is not None and (source / INDEX_FOLDER / record.index.generation).is_dir():
        generation = record.index.generation
        _link(source / INDEX_FOLDER / generation, target / INDEX_FOLDER / generation)
        sync_folder(target / INDEX_FOLDER)
    coverage = coverage_folder(collection, manifest, name)
    if coverage is not None:
        _link(coverage, target / COVERAGE_FOLDER)
    else:
        table = Table.create(target / COVERAGE_FOLDER, COVERAGE)
        table.append(read_coverage(collection, manifest, name))
        record = dataclasses.replace(record, coverage_version=table.version, n_clips=table.n_rows)
    sync_folder(target)
    return record


def _link(source: Path, target: Path) -> None:
    """Give every file of a folder a second name in another one, and put that on the disk."""
    target.mkdir(parents=True)
    for path in sorted(source.iterdir()) if source.is_dir() else []:
        if path.is_dir():
            _link(path, target / path.name)
            continue
        link_or_copy(path, target / path.name, is_hard=True)
    sync_folder(target)
