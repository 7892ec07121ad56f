"""Inspection: every part of a collection looked at, and what is wrong with it said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from ...model.errors import CollectionError
from ...search.index import Index, read_segment_ids
from ...search.saved import QUERIES_FOLDER
from ...search.store.annexes import annex_folder, read_annex
from ...search.store.confined import check_confined
from ...search.store.ears import FIRST, as_heard, ear_folder, ears_of
from ...search.store.manifest import (
    ANNEXES_FOLDER,
    CLIPS_FOLDER,
    EARS_FOLDER,
    HEARD_FOLDER,
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
from .audit import audit_tables, damage_of

DAMAGED_FOLDER = "damaged"
"""Where a repair puts what it takes out of use: nothing is deleted that somebody might still make sense of."""

_OURS = (
    ANNEXES_FOLDER,
    CLIPS_FOLDER,
    DAMAGED_FOLDER,
    EARS_FOLDER,
    INDEX_FOLDER,
    LOCK_NAME,
    MANIFEST_NAME,
    PREVIOUS_MANIFEST_NAME,
    QUERIES_FOLDER,
    SEGMENTS_FOLDER,
)
_N_SAMPLED = 20
# What an index that keeps fewer bits may lose of an embedding.
_LEAST_COSINE = 0.95


@dataclass(frozen=True)
class Problem:
    """Something wrong with a collection.

    Attributes:
        part: Which part of it: "manifest", "clips", "segments", "index", an annex as "annexes/labels", or what is a
            further encoder's as "ears/NAME/segments".
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
        CollectionError: If the folder is missing, is no collection, or is of a newer format version.
    """
    check_confined(folder)
    try:
        manifest = read_manifest(folder)
    except CollectionError as error:
        if not (folder / PREVIOUS_MANIFEST_NAME).exists() and not (folder / MANIFEST_NAME).exists():
            raise
        if "newer than" in str(error):
            raise
        return Inspection(None, (Problem("manifest", "is missing or damaged"),), ())
    problems = table_problems(folder / CLIPS_FOLDER, manifest.clips_version, manifest.n_clips)
    for ear in ears_of(manifest):
        problems += ear_problems(folder, manifest, ear)
    if not problems:
        for ear in ears_of(manifest):
            wrong = _row_problems(folder, manifest, ear)
            problems += wrong or index_problems(folder, manifest, ear)
    for name in manifest.annexes:
        problems += annex_problems(folder, manifest, name)
    return Inspection(manifest, tuple(problems), tuple(leftovers(folder)))


def table_problems(folder: Path, version: int, n_rows: int, *, part: str | None = None) -> list[Problem]:
    """Look at a table's log and files, each read from end to end."""
    part = part or folder.name
    try:
        table = Table.open(folder, version=version)
        files = table.files()
    except CollectionError:
        return [Problem(part, f"cannot be opened at version {version}: its log is missing or damaged")]
    problems = []
    try:
        Table.open(folder)
    except CollectionError:
        problems.append(Problem(part, f"cannot be written: its log is damaged after version {version}"))
    if table.n_rows != n_rows:
        problems.append(Problem(part, f"have {table.n_rows:,} rows instead of {n_rows:,}"))
    damages = ((file.path.name, damage_of(file)) for file in files)
    return problems + [Problem(part, f"{name} {damage}") for name, damage in damages if damage is not None]


def ear_problems(folder: Path, manifest: Manifest, ear: str) -> list[Problem]:
    """Look at the tables of an encoder."""
    place, heard = ear_folder(folder, ear), as_heard(manifest, ear)
    problems = table_problems(
        place / SEGMENTS_FOLDER, heard.segments_version, heard.n_segments, part=part_of(ear, SEGMENTS_FOLDER)
    )
    if ear != FIRST:
        record = manifest.ears[ear]
        problems += table_problems(
            place / HEARD_FOLDER, record.heard_version, record.n_clips, part=part_of(ear, HEARD_FOLDER)
        )
    return problems


def part_of(ear: str, part: str) -> str:
    """Name a part of a collection that is an encoder's."""
    return part if ear == FIRST else f"{EARS_FOLDER}/{ear}/{part}"


def index_problems(folder: Path, manifest: Manifest, ear: str = FIRST) -> list[Problem]:
    """Look at the index of an encoder, and at whether it holds what the segments table holds."""
    folder, manifest, part = ear_folder(folder, ear), as_heard(manifest, ear), part_of(ear, INDEX_FOLDER)
    record = manifest.index
    if record is None:
        return []
    try:
        ids = read_segment_ids(folder / INDEX_FOLDER, record)
        index = Index.open(folder / INDEX_FOLDER, record, embedding_dim=manifest.embedding_dim)
    except CollectionError:
        return [Problem(part, f"{record.generation} is missing or damaged")]
    if len(np.unique(ids)) != len(ids):
        return [Problem(part, f"{record.generation} has segments that are there twice")]
    n_compared = len(ids) if record.nlist is None else min(len(ids), _N_SAMPLED)
    positions = np.unique(np.linspace(0, len(ids) - 1, n_compared).astype(np.int64)) if len(ids) else ids
    segments = Table.open(folder / SEGMENTS_FOLDER, version=manifest.segments_version)
    rows = segments.read_of("segment_id", ids[positions], columns=["segment_id", "embedding"])
    embeddings = embedding_matrix(pa.chunked_array(rows.column("embedding")), embedding_dim=manifest.embedding_dim)
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
    for place in (folder, *sorted((folder / EARS_FOLDER).glob("*"))):
        for path in sorted((place / INDEX_FOLDER).glob(".*")):
            yield path.relative_to(folder).as_posix()


def _row_problems(folder: Path, manifest: Manifest, ear: str) -> list[Problem]:
    place, heard = ear_folder(folder, ear), as_heard(manifest, ear)
    audit = audit_tables(
        Table.open(folder / CLIPS_FOLDER, version=manifest.clips_version),
        Table.open(place / SEGMENTS_FOLDER, version=heard.segments_version),
        encoder_digest=heard.encoder.digest,
        embedding_dim=heard.embedding_dim,
        heard=None if ear == FIRST else Table.open(place / HEARD_FOLDER, version=manifest.ears[ear].heard_version),
    )
    clips = CLIPS_FOLDER if ear == FIRST else part_of(ear, HEARD_FOLDER)
    problems = [Problem(clips, f"{_counted(len(ids))} {fault}") for fault, ids in audit.faults.items()]
    if audit.orphans:
        what = f"belong to {_counted(len(audit.orphans), 'not')} in the clips table"
        problems.append(Problem(part_of(ear, SEGMENTS_FOLDER), what))
    return problems


def _counted(n: int, verb: str = "with") -> str:
    return f"{n:,} clip{'' if n == 1 else 's'} {verb}"
