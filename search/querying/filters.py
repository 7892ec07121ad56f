"""Filters: which rows a condition on the clips leaves, worked out once."""

import threading
from collections import OrderedDict
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .condition import Condition, Values

Bool = npt.NDArray[np.bool_]

_N_KEPT = 16


class Filters:
    """The filters of tables that do not change: the last few are remembered.

    Args:
        mask: Gives, for a filter and its values, whether each row [n] passes.
    """

    def __init__(self, mask: Callable[[str, Values], Bool]) -> None:
        self._mask = mask
        self._kept: OrderedDict[bytes, Bool] = OrderedDict()
        self._lock = threading.Lock()

    def allowed(self, condition: Condition) -> Bool | None:
        """Return for each row [n] whether it passes a condition; None where the condition lets everything pass.

        Raises:
            QueryError: If the filter cannot be answered.
        """
        if condition.where is None:
            return None
        key = condition.key
        with self._lock:
            if key is not None and key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        allowed = self._mask(condition.where, condition.values)
        allowed.flags.writeable = False
        if key is None:
            return allowed
        with self._lock:
            self._kept[key] = allowed
            while len(self._kept) > _N_KEPT:
                self._kept.popitem(last=False)
        return allowed
