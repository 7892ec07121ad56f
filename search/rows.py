"""Rows: what queries need of the two tables, held in memory without the embeddings."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..model.errors import CollectionError
from .tables import Table


@dataclass(frozen=True)
class SegmentRows:
    """Every segment of a collection, in table order.

    Attributes:
        segment_ids: Ids [n], int64.
        clip_ids: Clip of each segment [n], int64.
        start_s: Start of each in its clip [n], float64.
        end_s: End of each in its clip [n], float64.
    """

    segment_ids: npt.NDArray[np.int64]
    clip_ids: npt.NDArray[np.int64]
    start_s: npt.NDArray[np.float64]
    end_s: npt.NDArray[np.float64]

    @classmethod
    def read(cls, table: Table) -> "SegmentRows":
        """Read the segments table, its embeddings left out.

        Raises:
            CollectionError: If it cannot be read.
        """
        rows = table.read(["segment_id", "clip_id", "start_s", "end_s"])
        return cls(*(rows.column(name).to_numpy() for name in ("segment_id", "clip_id", "start_s", "end_s")))

    def __len__(self) -> int:
        return len(self.segment_ids)

    def find(self, segment_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Find the rows [m] of segments [m], -1 for those that are not in the table."""
        if not len(self):
            return np.full(len(segment_ids), -1, np.int64)
        places = np.minimum(np.searchsorted(self._sorted_ids, segment_ids), len(self) - 1)
        found: npt.NDArray[np.int64] = np.where(self._sorted_ids[places] == segment_ids, self._order[places], -1)
        return found

    @cached_property
    def _order(self) -> npt.NDArray[np.int64]:
        return np.argsort(self.segment_ids)

    @cached_property
    def _sorted_ids(self) -> npt.NDArray[np.int64]:
        return self.segment_ids[self._order]


@dataclass(frozen=True)
class ClipRow:
    """What a hit says of its clip; the fields are `Hit`'s."""

    path: str
    path_bytes: bytes | None
    duration_s: float


class ClipRows:
    """Every clip of a collection, found by its id."""

    def __init__(self, rows: pa.Table) -> None:
        ids = rows.column("clip_id").to_numpy()
        self._order = np.argsort(ids)
        self._sorted_ids = ids[self._order]
        self._rows = rows

    @classmethod
    def read(cls, table: Table) -> "ClipRows":
        """Read what hits need of the clips table.

        Raises:
            CollectionError: If it cannot be read.
        """
        return cls(table.read(["clip_id", "path", "path_bytes", "duration_s"]))

    def __getitem__(self, clip_id: int) -> ClipRow:
        """Look a clip up.

        Raises:
            CollectionError: If a segment names a clip that the clips table does not have.
        """
        place = int(np.searchsorted(self._sorted_ids, clip_id))
        if place == len(self._sorted_ids) or self._sorted_ids[place] != clip_id:
            raise CollectionError(
                f"the collection is damaged: its segments name a clip {clip_id} that is not among its clips"
            )
        row = self._rows.slice(int(self._order[place]), 1).to_pylist()[0]
        return ClipRow(path=row["path"], path_bytes=row["path_bytes"], duration_s=row["duration_s"])
