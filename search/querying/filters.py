"""Filters: which segments a condition on the clips leaves, worked out once."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from ...model.errors import QueryError
from .rows import SegmentRows

Bool = npt.NDArray[np.bool_]
Values = Mapping[str, object]

_N_KEPT = 16


class Filters:
    """The filters of one open collection, whose tables do not change: the last few are remembered.

    Args:
        rows: The collection's segments.
        clip_ids_where: Gives the clips that a filter keeps.
    """

    def __init__(
        self, rows: SegmentRows, *, clip_ids_where: Callable[[str, Values | None], npt.NDArray[np.int64]]
    ) -> None:
        self._rows = rows
        self._clip_ids_where = clip_ids_where
        self._kept: OrderedDict[tuple[str, str], Bool] = OrderedDict()
        self._lock = threading.Lock()

    def allowed(self, where: str, values: Values | None) -> Bool:
        """Tell of each segment [n] whether its clip passes a filter.

        Args:
            where: A SQL expression over the columns of `clips`.
            values: Values for the parameters in it.

        Raises:
            QueryError: If the filter cannot be answered.
        """
        key = (where, repr(sorted((values or {}).items())))
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        allowed = self._rows.among_clips(self._clip_ids_where(where, values))
        allowed.flags.writeable = False
        with self._lock:
            self._kept[key] = allowed
            while len(self._kept) > _N_KEPT:
                self._kept.popitem(last=False)
        return allowed


def checked_values(values: object) -> Values | None:
    """Check values to bind: a mapping of names to what SQL has a type for.

    Raises:
        QueryError: If it is something else.
    """
    if values is None:
        return None
    if not isinstance(values, Mapping) or not all(isinstance(name, str) for name in values):
        raise QueryError("values for a filter or a SQL query are given by name, as {'name': value}")
    return values
