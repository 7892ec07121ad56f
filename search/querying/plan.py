"""The plan of a search: how the nearest segments are looked for."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["exact", "index"]


@dataclass(frozen=True)
class Plan:
    """How a search over the segments goes about it.

    Attributes:
        kind: "exact" compares every segment that is allowed; "index" visits the most promising cells.
        n_segments: Segments in the collection.
        n_allowed: Segments that the filter leaves; all of them where there is none.
        n_fresh: Of those, segments that the index does not hold yet; they are always compared.
        nlist: Cells of the index; None where there are none.
        nprobe: Cells to visit; None where the search is exact.
    """

    kind: Kind
    n_segments: int
    n_allowed: int
    n_fresh: int
    nlist: int | None = None
    nprobe: int | None = None
