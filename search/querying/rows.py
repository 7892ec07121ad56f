"""Rows: what queries need of an encoding's segments, held in memory without the embeddings."""

from functools import cached_property

import numpy as np
import numpy.typing as npt

from ..store.tables import Table

Int = npt.NDArray[np.int64]
Float = npt.NDArray[np.float64]


class SegmentRows:
    """Every segment of an encoding, in table order; each column is read when it is first needed.

    Args:
        table: The segments' table. Where it cannot be read, a `CollectionError` is raised where that is first needed.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

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
        order_wanted = np.argsort(segment_ids)
        wanted = segment_ids[order_wanted]
        places = np.minimum(np.searchsorted(ids, wanted), len(self) - 1)
        found = np.empty(len(wanted), np.int64)
        found[order_wanted] = np.where(ids[places] == wanted, order[places], -1)
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
        """Return for each row [n] whether its clip is one of some."""
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
