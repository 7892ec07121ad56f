"""The tables of one encoding under the writer's lock: its segments, and the clips that it covers."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from ...model.system import sync_folder
from ...search.store.encodings import encoding_folder
from ...search.store.manifest import COVERAGE_FOLDER, INDEX_FOLDER, SEGMENTS_FOLDER, EncodingRecord, Manifest
from ...search.store.schema import COVERAGE, SEGMENTS
from ...search.store.tables import Table


class EncodingTables:
    """The tables of one encoding.

    Attributes:
        folder: Where they lie, and the index.
        segments: The segments table.
        coverage: The clips that it covers.
    """

    def __init__(self, folder: Path, segments: Table, coverage: Table) -> None:
        self.folder = folder
        self.segments = segments
        self.coverage = coverage

    @classmethod
    def open(cls, collection: Path, manifest: Manifest, name: str) -> EncodingTables:
        """Open an encoding's tables at their newest versions.

        Raises:
            CollectionError: If one is missing or damaged.
        """
        folder = encoding_folder(collection, manifest, name)
        return cls(folder, Table.open(folder / SEGMENTS_FOLDER), Table.open(folder / COVERAGE_FOLDER))

    @classmethod
    def create(cls, folder: Path) -> EncodingTables:
        """Create the empty tables of an encoding.

        Raises:
            CollectionError: If they cannot be written.
        """
        tables = cls(
            folder,
            Table.create(folder / SEGMENTS_FOLDER, SEGMENTS),
            Table.create(folder / COVERAGE_FOLDER, COVERAGE),
        )
        sync_folder(folder.parent)
        return tables

    def recorded(self, record: EncodingRecord) -> EncodingRecord:
        """Return an encoding's record with the present versions of its tables."""
        return dataclasses.replace(
            record,
            segments_version=self.segments.version,
            coverage_version=self.coverage.version,
            n_clips=self.coverage.n_rows,
            n_segments=self.segments.n_rows,
        )

    def restore(self, record: EncodingRecord) -> bool:
        """Drop what is in the tables but not in the encoding's record; return whether there was anything."""
        taken = self.segments.restore(record.segments_version)
        return self.coverage.restore(record.coverage_version or 0) or taken

    def delete(self, clip_ids: Sequence[int]) -> None:
        """Commit the removal of everything of some clips."""
        self.segments.delete(clip_ids)
        self.coverage.delete(clip_ids)

    def append(self, segments: Sequence[pa.Table], coverage: Sequence[pa.Table]) -> None:
        """Commit what was embedded."""
        if segments:
            self.segments.append(pa.concat_tables(segments))
        if coverage:
            self.coverage.append(pa.concat_tables(coverage))

    def clear_generations(self, *, but: str | None) -> None:
        """Remove generations of the index, but for one."""
        place = self.folder / INDEX_FOLDER
        for generation in sorted(place.iterdir()) if place.is_dir() else []:
            if generation.name != but:
                shutil.rmtree(generation, ignore_errors=True)
