"""Conditions: SQL filters on clips with the values in them, joined in one place, and what they leave."""

from __future__ import annotations

import hashlib
import pickle
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ...model.errors import QueryError

Bool = npt.NDArray[np.bool_]
Values = Mapping[str, object]

_N_KEPT = 16


@dataclass(frozen=True)
class Condition:
    """A filter and the values in it, as `Collection.search` takes them.

    Attributes:
        where: The SQL expression; None for no filter.
        values: The values of its parameters.
    """

    where: str | None = None
    values: Values = field(default_factory=dict)

    @classmethod
    def of(cls, where: str | None, values: object = None) -> Condition:
        """Build the condition of a filter and values that a user gave.

        Raises:
            QueryError: If the values are no mapping of names to values.
        """
        return cls(where, checked_values(values) or {})

    @classmethod
    def joined(cls, *conditions: Condition) -> Condition:
        """Join conditions by AND; those without a filter may set values of those before them.

        Raises:
            QueryError: If two filters hold different values under one name.
        """
        parts: list[str] = []
        values: dict[str, object] = {}
        for one in conditions:
            if one.where is not None:
                parts.append(one.where)
                for name in values.keys() & one.values.keys():
                    if exact_digest(values[name]) != exact_digest(one.values[name]):
                        raise QueryError(f"two filters give ${name} different values; rename one of the two")
            values |= one.values
        if len(parts) < 2:
            return cls(parts[0] if parts else None, values)
        # On lines of their own: a comment at the end of one must not swallow the bracket.
        return cls(" AND ".join(f"(\n{part}\n)" for part in parts), values)

    @classmethod
    def without_clips(cls, clip_ids: tuple[int, ...]) -> Condition:
        """Build the condition that leaves out some clips."""
        return cls(f"clip_id NOT IN ({', '.join(map(str, clip_ids))})") if clip_ids else cls()

    @property
    def key(self) -> bytes | None:
        """What equal conditions share and different ones do not; None if the values have no exact bytes."""
        try:
            return exact_digest((self.where, sorted(self.values.items())))
        except (TypeError, AttributeError, pickle.PicklingError):  # a lock, a generator, a function's own class ...
            return None


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
            QueryError: If the filter cannot be answered, or there are values but no filter.
        """
        if condition.where is None:
            if condition.values:
                raise QueryError("there are values for a filter, but no filter")
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


def exact_digest(value: object) -> bytes:
    """Hash a value by its exact bytes: `repr` shortens long arrays, and equality takes True for 1."""
    if isinstance(value, np.ndarray):
        value = np.ascontiguousarray(value)  # a view and a copy of the same numbers are the same value
    return hashlib.blake2b(pickle.dumps(value, protocol=5), digest_size=16).digest()
