"""Inspection: every part of a collection looked at, and what is wrong with it said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from ...model.errors import CollectionError
from ...search.index import Index, read_segment_ids
from ...search.index.generation import damaged_files
from ...search.saved import QUERIES_FOLDER
from ...search.store.annexes import annex_folder, read_annex
from ...search.store.confined import check_confined
from ...search.store.encodings import OLD_FOLDERS, coverage_folder, encoding_folder, read_coverage
from ...search.store.manifest import (
    ANNEXES_FOLDER,
    CLIPS_FOLDER,
    ENCODINGS_FOLDER,
    INDEX_FOLDER,
    LOCK_NAME,
    MANIFEST_NAME,
    PREVIOUS_MANIFEST_NAME,
    SEGMENTS_FOLDER,
    Manifest,
    read_manifest,
)
from ...search.store.schema import embedding_matrix
from ...search.store.tables import Table
from .audit import CLIP_COLUMNS, Audit, audit_clips, audit_encoding, damage_of
from .readable import check_is_damage, check_readable

DAMAGED_FOLDER = "damaged"
"""Where a repair puts what it takes out of use: nothing is deleted that somebody might still make sense of."""

_OURS = (
    ANNEXES_FOLDER,
    CLIPS_FOLDER,
    DAMAGED_FOLDER,
    ENCODINGS_FOLDER,
    LOCK_NAME,
    MANIFEST_NAME,
    PREVIOUS_MANIFEST_NAME,
    QUERIES_FOLDER,
    *OLD_FOLDERS,
)
_N_SAMPLED = 20
# What an index that keeps fewer bits may lose of an embedding.
_LEAST_COSINE = 0.95


@dataclass(frozen=True)
class Problem:
    """Something wrong with a collection.

    Attributes:
        part: Which part of it: "manifest", "clips", or a path such as "encodings/NAME/segments" and "annexes/labels".
        what: What is wrong, as the rest of a sentence that begins with the part.
    """

    part: str
    what: str


@dataclass(frozen=True)
class Inspection:
    """What was found.

    Attributes:
        manifest: The collection's manifest; None if it cannot be read.
        problems: What is wrong.
        leftovers: What runs that were killed, or other programs, left in the folder: paths within it, harmless.
    """

    manifest: Manifest | None
    problems: tuple[Problem, ...]
    leftovers: tuple[str, ...]

    def is_sound(self, part: str) -> bool:
        """Tell whether a part has no problem."""
        return all(problem.part != part for problem in self.problems)


def inspect_collection(folder: Path) -> Inspection:
    """Look at everything in a collection as its manifest names it.

    Args:
        folder: The collection.

    Raises:
        CollectionError: If the folder is missing, is no collection, or is of a newer format version; or if a part of it
            cannot be read now.
    """
    check_confined(folder)
    check_readable(folder)
    try:
        manifest = read_manifest(folder)
    except CollectionError as error:
        check_is_damage(error)
        if not (folder / PREVIOUS_MANIFEST_NAME).exists() and not (folder / MANIFEST_NAME).exists():
            raise
        if "newer than" in str(error):
            raise
        return Inspection(None, (Problem("manifest", "is missing or damaged"),), ())
    problems = table_problems(folder / CLIPS_FOLDER, manifest.clips_version, manifest.n_clips)
    for name in manifest.encodings:
        problems += _encoding_problems(folder, manifest, name)
    if not problems:
        clips = Table.open(folder / CLIPS_FOLDER, version=manifest.clips_version).read(CLIP_COLUMNS)
        coverages = {name: read_coverage(folder, manifest, name) for name in manifest.encodings}
        problems += _row_problems(audit_clips(clips, coverages.values()), CLIPS_FOLDER)
        for name, coverage in coverages.items():
            segments = encoding_folder(folder, manifest, name) / SEGMENTS_FOLDER
            record = manifest.encodings[name]
            table = Table.open(segments, version=record.segments_version)
            wrong = _row_problems(audit_encoding(clips, table, coverage, record=record), part_of(folder, segments))
            problems += wrong or index_problems(folder, manifest, name)
    for name in manifest.annexes:
        problems += annex_problems(folder, manifest, name)
    return Inspection(manifest, tuple(problems), tuple(leftovers(folder)))


def table_problems(folder: Path, version: int, n_rows: int, *, part: str | None = None) -> list[Problem]:
    """Look at a table's log and files, each read from end to end."""
    part = part or folder.name
    try:
        table = Table.open(folder, version=version)
        files = table.files()
    except CollectionError as error:
        check_is_damage(error)
        return [Problem(part, f"cannot be opened at version {version}: its log is missing or damaged")]
    problems = []
    try:
        Table.open(folder)
    except CollectionError as error:
        check_is_damage(error)
        problems.append(Problem(part, f"cannot be written: its log is damaged after version {version}"))
    if table.n_rows != n_rows:
        problems.append(Problem(part, f"have {table.n_rows:,} rows instead of {n_rows:,}"))
    damages = ((file.path.name, damage_of(file)) for file in files)
    return problems + [Problem(part, f"{name} {damage}") for name, damage in damages if damage is not None]


def _encoding_problems(folder: Path, manifest: Manifest, name: str) -> list[Problem]:
    """Look at the tables of an encoding."""
    record, segments = manifest.encodings[name], encoding_folder(folder, manifest, name) / SEGMENTS_FOLDER
    problems = table_problems(segments, record.segments_version, record.n_segments, part=part_of(folder, segments))
    coverage = coverage_folder(folder, manifest, name)
    if coverage is not None:
        part = part_of(folder, coverage)
        problems += table_problems(coverage, record.coverage_version or 0, record.n_clips, part=part)
    return problems


def part_of(collection: Path, folder: Path) -> str:
    """Name a part of a collection."""
    return folder.relative_to(collection).as_posix()


def index_problems(collection: Path, manifest: Manifest, name: str) -> list[Problem]:
    """Look at the index of an encoding, and at whether it holds what the segments table holds."""
    encoding, folder = manifest.encodings[name], encoding_folder(collection, manifest, name)
    record, part = encoding.index, part_of(collection, folder / INDEX_FOLDER)
    if record is None:
        return []
    damaged = damaged_files(folder / INDEX_FOLDER / record.generation, record)
    if damaged:
        return [Problem(part, f"{record.generation} is missing or damaged ({', '.join(damaged)})")]
    try:
        ids = read_segment_ids(folder / INDEX_FOLDER, record)
        index = Index.open(folder / INDEX_FOLDER, record, embedding_dim=encoding.embedding_dim)
    except CollectionError as error:
        check_is_damage(error)
        return [Problem(part, f"{record.generation} is missing or damaged")]
    if len(np.unique(ids)) != len(ids):
        return [Problem(part, f"{record.generation} has segments that are there twice")]
    n_compared = len(ids) if record.nlist is None else min(len(ids), _N_SAMPLED)
    positions = np.unique(np.linspace(0, len(ids) - 1, n_compared).astype(np.int64)) if len(ids) else ids
    segments = Table.open(folder / SEGMENTS_FOLDER, version=encoding.segments_version)
    rows = segments.read_of("segment_id", ids[positions], columns=["segment_id", "embedding"])
    embeddings = embedding_matrix(pa.chunked_array(rows.column("embedding")), embedding_dim=encoding.embedding_dim)
    position_of = {int(ids[position]): int(position) for position in positions}
    for segment_id, embedding in zip(rows.column("segment_id").to_pylist(), embeddings, strict=True):
        if not float(index.embedding(position_of[segment_id]) @ embedding) >= _LEAST_COSINE:
            return [Problem(part, f"{record.generation} does not agree with the segments table")]
    return []


def annex_problems(folder: Path, manifest: Manifest, name: str) -> list[Problem]:
    """Look at an annex."""
    record, part = manifest.annexes[name], f"{ANNEXES_FOLDER}/{name}"
    problems = table_problems(annex_folder(folder, name), record.version, record.n_rows, part=part)
    if not problems:
        table = read_annex(folder, manifest, name)
        if table is None or "clip_id" not in table.column_names:
            problems.append(Problem(part, "has no column clip_id"))
    return problems


def leftovers(folder: Path) -> Iterator[str]:
    """List what is in a collection's folder and belongs to nothing."""
    for path in sorted(folder.iterdir()):
        if path.name not in _OURS:
            yield path.name
    for place in (
        folder,
        *sorted((folder / ENCODINGS_FOLDER).glob("*")),
        *sorted((folder / OLD_FOLDERS[-1]).glob("*")),
    ):
        for path in sorted((place / INDEX_FOLDER).glob(".*")):
            yield path.relative_to(folder).as_posix()


def _row_problems(audit: Audit, part: str) -> list[Problem]:
    problems = [Problem(part, f"{_counted(len(ids))} {fault}") for fault, ids in audit.faults.items()]
    if audit.orphans:
        problems.append(Problem(part, f"belong to {_counted(len(audit.orphans), 'not')} in the clips table"))
    return problems


def _counted(n: int, verb: str = "with") -> str:
    return f"{n:,} clip{'' if n == 1 else 's'} {verb}"
