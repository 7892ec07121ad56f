"""The ear: what one encoder made of a collection's clips, under the writer's lock."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from ...model.errors import CollectionError
from ...model.paths import readable_path
from ...model.system import sync_file, sync_folder
from ...search.store.ears import FIRST, ear_folder
from ...search.store.manifest import HEARD_FOLDER, INDEX_FOLDER, SEGMENTS_FOLDER, EarRecord, IndexRecord, Manifest
from ...search.store.schema import CLIPS, HEARD, SEGMENTS
from ...search.store.tables import Table
from .refreshing import next_generation

_N_COPIED = 8_192


class Ear:
    """The tables of one encoder: its segments, and the clips that it heard.

    Attributes:
        folder: Where they lie.
        segments: The segments table.
        heard: The clips that it heard; None for the first ear, of which the clips table says it.
    """

    def __init__(self, folder: Path, segments: Table, heard: Table | None) -> None:
        self.folder = folder
        self.segments = segments
        self.heard = heard

    @classmethod
    def open(cls, collection: Path, ear: str) -> Ear:
        """Open an ear's tables at their newest versions.

        Raises:
            CollectionError: If one is missing or damaged.
        """
        folder = ear_folder(collection, ear)
        heard = None if ear == FIRST else Table.open(folder / HEARD_FOLDER)
        return cls(folder, Table.open(folder / SEGMENTS_FOLDER), heard)

    @classmethod
    def create(cls, collection: Path, ear: str) -> Ear:
        """Make the empty tables of a further ear.

        Raises:
            CollectionError: If they cannot be written.
        """
        folder = ear_folder(collection, ear)
        return cls(folder, Table.create(folder / SEGMENTS_FOLDER, SEGMENTS), Table.create(folder / HEARD_FOLDER, HEARD))

    def recorded(self, record: EarRecord) -> EarRecord:
        """Give a further ear's record with the present versions of its tables."""
        return dataclasses.replace(
            record,
            segments_version=self.segments.version,
            heard_version=self.versions[1] or 0,
            n_clips=0 if self.heard is None else self.heard.n_rows,
            n_segments=self.segments.n_rows,
        )

    @property
    def versions(self) -> tuple[int, int | None]:
        """Versions of the segments and of what was heard."""
        return self.segments.version, None if self.heard is None else self.heard.version

    def take_back(self, manifest: Manifest, ear: str) -> bool:
        """Drop what is in the tables but not in a manifest; tell whether there was anything."""
        if self.heard is None:
            return self.segments.restore(manifest.segments_version)
        record = manifest.ears[ear]
        taken = [self.segments.restore(record.segments_version), self.heard.restore(record.heard_version)]
        return any(taken)

    def delete(self, clip_ids: Sequence[int]) -> None:
        """Commit the removal of everything of some clips."""
        self.segments.delete(clip_ids)
        if self.heard is not None:
            self.heard.delete(clip_ids)

    def append(self, segments: Sequence[pa.Table], heard: Sequence[pa.Table]) -> None:
        """Commit what was heard."""
        if segments:
            self.segments.append(pa.concat_tables(segments))
        if self.heard is not None and heard:
            self.heard.append(pa.concat_tables(heard))

    def clear_generations(self, *, but: str | None) -> None:
        """Remove generations of the index, but for one."""
        place = self.folder / INDEX_FOLDER
        for generation in sorted(place.iterdir()) if place.is_dir() else []:
            if generation.name != but:
                shutil.rmtree(generation, ignore_errors=True)


def adopt(clips: Table, first: Ear, heir: Ear, *, collection: Path) -> int:
    """Write what a further ear heard into the tables of the first, for a manifest that is yet to be written.

    Args:
        clips: The clips table.
        first: The first ear.
        heir: The ear to take its place.
        collection: The collection, for the message.

    Returns:
        How many clips the heir has not heard, or not as they are now; nothing is written if there is one.

    Raises:
        CollectionError: If a table cannot be read or written.
    """
    if heir.heard is None:
        raise CollectionError(f"{readable_path(collection)}: its first encoder cannot take its own place")
    rows = clips.read()
    heard = {row["clip_id"]: row for row in heir.heard.read().to_pylist()}
    columns = (rows.column(name).to_pylist() for name in ("clip_id", "content_hash"))
    mine = [heard.get(clip_id, {}).get("content_hash") == content for clip_id, content in zip(*columns, strict=True)]
    if not all(mine):
        return mine.count(False)
    counts = pa.array([heard[clip_id]["n_segments"] for clip_id in rows.column("clip_id").to_pylist()], pa.int32())
    place = CLIPS.get_field_index("n_segments")
    clips.overwrite(rows.set_column(place, CLIPS.field(place), counts))
    batches = heir.segments.batches(SEGMENTS.names, n_batch=_N_COPIED)
    first.segments.overwrite(pa.RecordBatchReader.from_batches(SEGMENTS, (batch.cast(SEGMENTS) for batch in batches)))
    return 0


def adopted_index(first: Ear, heir: Ear, index: IndexRecord | None) -> IndexRecord | None:
    """Copy an heir's index to the first ear's place, for a manifest that is yet to be written.

    Raises:
        CollectionError: If it cannot be copied.
    """
    if index is None:
        return None
    place = first.folder / INDEX_FOLDER
    generation = next_generation(place)
    try:
        shutil.copytree(heir.folder / INDEX_FOLDER / index.generation, place / generation)
        for path in (place / generation).iterdir():
            sync_file(path)
        sync_folder(place / generation)
        sync_folder(place)
    except OSError as error:
        raise CollectionError(f"{readable_path(place)}: cannot be written ({error.strerror})") from error
    return dataclasses.replace(index, generation=generation)
