"""Rows: what queries need of the two tables, held in memory without the embeddings."""

import unicodedata
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...model.audio.indexed_clip import IndexedClip
from ...model.errors import CollectionError
from ...model.paths import exact_path
from ..store.tables import Table

Int = npt.NDArray[np.int64]
Float = npt.NDArray[np.float64]


class SegmentRows:
    """Every segment of a collection, in table order; each column is read when it is first asked for."""

    def __init__(self, table: Table) -> None:
        self._table = table

    @classmethod
    def read(cls, table: Table) -> "SegmentRows":
        """Take the rows of a segments table; a `CollectionError` is raised where they are first needed."""
        return cls(table)

    def __len__(self) -> int:
        return len(self.segment_ids)

    @cached_property
    def segment_ids(self) -> Int:
        """Ids [n]."""
        return self._ids[0]

    @cached_property
    def clip_ids(self) -> Int:
        """Clip of each segment [n]."""
        return self._ids[1]

    @cached_property
    def start_s(self) -> Float:
        """Start of each segment in its clip [n]."""
        return self._seconds[0]

    @cached_property
    def end_s(self) -> Float:
        """End of each segment in its clip [n]."""
        return self._seconds[1]

    def find(self, segment_ids: Int) -> Int:
        """Find the rows [m] of segments [m], -1 for those that are not in the table."""
        if np.array_equal(segment_ids, self.segment_ids):  # an index of just this table, in its order
            return np.arange(len(self), dtype=np.int64)
        if not len(self):
            return np.full(len(segment_ids), -1, np.int64)
        order, ids = self._by_segment
        # Looked for in order, a million ids are found several times as fast: neighbours lie side by side in memory.
        asked = np.argsort(segment_ids)
        wanted = segment_ids[asked]
        places = np.minimum(np.searchsorted(ids, wanted), len(self) - 1)
        found = np.empty(len(wanted), np.int64)
        found[asked] = np.where(ids[places] == wanted, order[places], -1)
        return found

    def of_clip(self, clip_id: int) -> Int:
        """Find the rows [m] of a clip's segments, in order of time; none if there is no such clip."""
        order, ids, starts = self._by_clip
        place = int(np.searchsorted(ids, clip_id)) if 0 <= clip_id < 1 << 63 else len(ids)
        if place == len(ids) or ids[place] != clip_id:
            return np.empty(0, np.int64)
        rows = order[starts[place] : starts[place + 1]]
        return rows[np.argsort(self.start_s[rows], kind="stable")]

    def drawn(self, n: int) -> Int:
        """Draw rows [m] at random, all if there are fewer than `n`: always the same segments, in order of their ids."""
        order, _ = self._by_segment
        chosen = np.random.default_rng(0).choice(len(self), size=min(n, len(self)), replace=False)
        return order[np.sort(chosen)]

    def among_clips(self, clip_ids: Int) -> npt.NDArray[np.bool_]:
        """Tell of each row [n] whether its clip is one of some."""
        _, ids, _ = self._by_clip
        is_wanted = np.zeros(len(ids), np.bool_)
        if len(ids):
            wanted = np.sort(clip_ids)
            places = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
            is_wanted[places[ids[places] == wanted]] = True
        return is_wanted[self._clip_places]

    @cached_property
    def _ids(self) -> tuple[Int, Int]:
        rows = self._table.read(["segment_id", "clip_id"])
        return rows.column("segment_id").to_numpy(), rows.column("clip_id").to_numpy()

    @cached_property
    def _seconds(self) -> tuple[Float, Float]:
        rows = self._table.read(["start_s", "end_s"])
        return rows.column("start_s").to_numpy(), rows.column("end_s").to_numpy()

    @cached_property
    def _by_segment(self) -> tuple[Int, Int]:
        """Rows in order of their ids [n], and the ids in that order [n]."""
        order = np.argsort(self.segment_ids)
        return order, self.segment_ids[order]

    @cached_property
    def _by_clip(self) -> tuple[Int, Int, Int]:
        """Rows in order of their clips [n], the clips' ids [m], and where the rows of each start and end [m + 1]."""
        order = np.argsort(self.clip_ids, kind="stable")
        ids = self.clip_ids[order]
        starts = np.flatnonzero(np.concatenate([[len(ids) > 0], ids[1:] != ids[:-1]]))
        return order, ids[starts], np.append(starts, len(ids))

    @cached_property
    def _clip_places(self) -> npt.NDArray[np.int32]:
        """Place of each row's clip among the sorted clips [n]."""
        order, ids, starts = self._by_clip
        places = np.empty(len(self), np.int32)
        places[order] = np.repeat(np.arange(len(ids), dtype=np.int32), np.diff(starts))
        return places


@dataclass(frozen=True)
class ClipRow:
    """What a hit says of its clip; the fields are `Hit`'s."""

    path: str
    path_bytes: bytes | None
    duration_s: float


class ClipRows:
    """What hits need of every clip of a collection, found by its id; one is made into Python values when asked for."""

    def __init__(self, rows: pa.Table, table: Table) -> None:
        self._table = table
        whole = rows.combine_chunks()
        ids = whole.column("clip_id").to_numpy()
        self._order = np.argsort(ids)
        self._sorted_ids = ids[self._order]
        self._paths, self._path_bytes, self._durations = (
            whole.column(name) for name in ("path", "path_bytes", "duration_s")
        )

    @classmethod
    def read(cls, table: Table) -> "ClipRows":
        """Read what hits need of the clips table.

        Raises:
            CollectionError: If it cannot be read.
        """
        return cls(table.read(["clip_id", "path", "path_bytes", "duration_s"]), table)

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

    def file_of(self, clip_id: int) -> IndexedClip | None:
        """Return a clip's file as it was indexed, for `open_clip`; None if there is no clip of that id.

        Raises:
            CollectionError: If the table cannot be read.
        """
        clip = self.find(clip_id)
        if clip is None:
            return None
        ids, sizes, hashes = self._contents
        place = int(np.searchsorted(ids, clip_id))
        return IndexedClip(exact_path(clip.path, clip.path_bytes), int(sizes[place]), hashes[place].as_py())

    @cached_property
    def _contents(self) -> tuple[Int, Int, pa.StringArray]:
        """Ids of the clips [n], ascending, their sizes and the hashes of their content; read when one is handed out."""
        rows = self._table.read(["clip_id", "size_bytes", "content_hash"]).sort_by("clip_id").combine_chunks()
        ids, sizes = (rows.column(name).to_numpy() for name in ("clip_id", "size_bytes"))
        return ids, sizes, rows.column("content_hash").combine_chunks()

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
