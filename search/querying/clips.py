"""Clips: what all encodings of a collection share: the clips, the words about them, and the SQL over them."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...model.audio.indexed_clip import IndexedClip
from ...model.errors import CollectionError
from ...model.paths import exact_path
from ..store.annexes import read_annex
from ..store.encodings import encoding_folder, sql_name
from ..store.manifest import CLIPS_FOLDER, SEGMENTS_FOLDER, Manifest
from ..store.tables import Table
from .condition import Values

if TYPE_CHECKING:
    from ..sql.calls import Call
    from ..sql.catalog import Catalog
    from ..sql.isolated import IsolatedCatalog
    from .lexical import Lexical

Int = npt.NDArray[np.int64]


class Clips:
    """The clips of a collection, and what is computed from them alone; each part when it is first needed.

    Args:
        path: The collection's folder.
        manifest: Its manifest.
        search: What answers `search()` in SQL.
        isolate_sql: Whether SQL is computed in processes of its own.

    Raises:
        CollectionError: If the table of clips cannot be opened.

    Attributes:
        table: The table.
    """

    def __init__(
        self, path: Path, manifest: Manifest, *, search: Callable[[Call], pa.Table], isolate_sql: bool
    ) -> None:
        self.table = Table.open(path / CLIPS_FOLDER, version=manifest.clips_version)
        self._path = path
        self._manifest = manifest
        self._search = search
        self._isolate_sql = isolate_sql

    @cached_property
    def rows(self) -> ClipRows:
        """What hits need of every clip."""
        return ClipRows(self.table.read(["clip_id", "path", "path_bytes", "duration_s"]))

    def file_of(self, clip_id: int) -> IndexedClip | None:
        """Return a clip's file as it was indexed, for `open_clip`; None if there is no clip of that id.

        Raises:
            CollectionError: If the table cannot be read.
        """
        clip = self.rows.find(clip_id)
        if clip is None:
            return None
        ids, sizes, hashes = self._contents
        place = int(np.searchsorted(ids, clip_id))
        return IndexedClip(exact_path(clip.path, clip.path_bytes), int(sizes[place]), hashes[place].as_py())

    @cached_property
    def _contents(self) -> tuple[Int, Int, pa.StringArray]:
        """Ids of the clips [n], ascending, their sizes and the hashes of their content; read when one is handed out."""
        rows = self.table.read(["clip_id", "size_bytes", "content_hash"]).sort_by("clip_id").combine_chunks()
        ids, sizes = (rows.column(name).to_numpy() for name in ("clip_id", "size_bytes"))
        return ids, sizes, rows.column("content_hash").combine_chunks()

    @cached_property
    def lexical(self) -> Lexical:
        """Their words."""
        from .lexical import Lexical  # tantivy loads only where words are looked for

        return Lexical(self.catalog.words())

    @cached_property
    def catalog(self) -> Catalog | IsolatedCatalog:
        """The SQL over the clips, the segments of every encoding, and the annexes."""
        tables = {CLIPS_FOLDER: self.table}
        for encoding, record in self._manifest.encodings.items():
            folder = encoding_folder(self._path, self._manifest, encoding) / SEGMENTS_FOLDER
            is_default = encoding == self._manifest.default_encoding
            name = SEGMENTS_FOLDER if is_default else f"{SEGMENTS_FOLDER}_{sql_name(encoding)}"
            tables[name] = Table.open(folder, version=record.segments_version)
        for name in self._manifest.annexes:
            annex = read_annex(self._path, self._manifest, name)
            if annex is not None:
                tables[name] = annex
        if self._isolate_sql:
            from ..sql.isolated import IsolatedCatalog, TablePlace

            places = {name: TablePlace(table.folder, table.version) for name, table in tables.items()}
            return IsolatedCatalog(places, search=self._search)
        from ..sql.catalog import Catalog  # DuckDB loads only where SQL is asked

        return Catalog({name: table.dataset() for name, table in tables.items()}, search=self._search)

    def ids_where(self, where: str, values: Values | None = None) -> Int:
        """List the ids [n] of the clips that a filter keeps, unordered.

        Raises:
            QueryError: If the filter is malformed or takes too long.
        """
        return self.catalog.clip_ids_where(where, values)

    def close(self) -> None:
        """Let go of what was read, and of connections and processes."""
        for part in ("rows", "lexical", "catalog"):
            self.__dict__.pop(part, None)


@dataclass(frozen=True)
class ClipRow:
    """What a hit holds of its clip; the fields are those of `Hit`."""

    path: str
    path_bytes: bytes | None
    duration_s: float


class ClipRows:
    """What hits need of every clip of a collection, found by its id; one is made into Python values when it is read.

    Args:
        rows: Columns `clip_id, path, path_bytes, duration_s`.
    """

    def __init__(self, rows: pa.Table) -> None:
        whole = rows.combine_chunks()
        ids = whole.column("clip_id").to_numpy()
        self._order = np.argsort(ids)
        self._sorted_ids = ids[self._order]
        self._paths, self._path_bytes, self._durations = (
            whole.column(name) for name in ("path", "path_bytes", "duration_s")
        )

    def __getitem__(self, clip_id: int) -> ClipRow:
        """Look a clip up.

        Raises:
            CollectionError: If a segment names a clip that the clips table does not have.
        """
        clip = self.find(clip_id)
        if clip is None:
            raise CollectionError(
                f"the collection is damaged: its segments name a clip {clip_id} that is not among its clips"
            )
        return clip

    def find(self, clip_id: int) -> ClipRow | None:
        """Look a clip up; None if there is none of that id."""
        place = int(np.searchsorted(self._sorted_ids, clip_id)) if 0 <= clip_id < 1 << 63 else len(self._sorted_ids)
        if place == len(self._sorted_ids) or self._sorted_ids[place] != clip_id:
            return None
        row = int(self._order[place])
        return ClipRow(
            path=self._paths[row].as_py(),
            path_bytes=self._path_bytes[row].as_py(),
            duration_s=self._durations[row].as_py(),
        )

    def find_path(self, path: str) -> int | None:
        """Find the clip whose path reads like this, as hits give it, or as people write it; None if there is none."""
        try:
            row = pc.index(self._paths, pa.scalar(path, self._paths.type)).as_py()
            if row < 0 and not path.isascii():
                normal = pa.scalar(unicodedata.normalize("NFC", path), self._paths.type)
                row = pc.index(pc.utf8_normalize(self._paths, "NFC"), normal).as_py()
        except UnicodeEncodeError:  # bytes that are no text never stand in a readable path
            return None
        return None if row < 0 else int(self._sorted_ids[np.flatnonzero(self._order == row)[0]])
