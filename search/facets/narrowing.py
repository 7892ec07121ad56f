"""Narrowing: what is chosen in the facets, and the filter that it comes to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ...model.errors import QueryError
from ..querying.condition import exact_digest

FOLDER = "path"
"""The facet of folders is about this column."""


@dataclass(frozen=True)
class Narrowing:
    """What is chosen: within a facet any of its choices will do, and every facet must be content.

    Attributes:
        chosen: Keys of choices by the name of their facet; a facet without any is left out.
        least_label_score: Labels below this score do not count.

    Raises:
        QueryError: If the score is not between 0 and 1.
    """

    chosen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    least_label_score: float = 0.0

    def __post_init__(self) -> None:
        kept = {name: tuple(dict.fromkeys(keys)) for name, keys in self.chosen.items() if keys}
        object.__setattr__(self, "chosen", kept)
        if not 0 <= self.least_label_score <= 1:
            raise QueryError(f"the least score of a label is between 0 and 1, not {self.least_label_score:g}")

    def toggled(self, name: str, key: str) -> Narrowing:
        """Choose what is not chosen, or the other way round; a folder takes the place of those around and below it."""
        keys = self.chosen.get(name, ())
        if key in keys:
            kept = tuple(one for one in keys if one != key)
        elif name == FOLDER:
            kept = (*(one for one in keys if not is_below(one, key) and not is_below(key, one)), key)
        else:
            kept = (*keys, key)
        return self.with_chosen(name, kept)

    def with_chosen(self, name: str, keys: tuple[str, ...]) -> Narrowing:
        """Return the same with other choices in one facet."""
        return replace(self, chosen={**self.chosen, name: keys})


class Binding:
    """Values on their way into a SQL expression, each under a name that no other value has, in any expression."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}

    def name(self, value: object) -> str:
        """Return the parameter that stands for a value."""
        name = f"narrowed_{exact_digest(value).hex()}"
        self.values[name] = value
        return f"${name}"


@dataclass(frozen=True)
class Range:
    """A range of numbers, its lower end in it and its upper end not.

    Attributes:
        low: Its lower end, or None.
        high: Its upper end, or None.
    """

    low: float | None
    high: float | None

    @classmethod
    def of(cls, key: str) -> Range:
        """Read a key, `1..5` or `300..`.

        Raises:
            QueryError: If it is none.
        """
        low, dots, high = key.partition("..")
        try:
            ends = [float(end) if end else None for end in (low, high)]
        except ValueError:
            ends = [None, None]
        if not dots or ends == [None, None] or not all(end is None or math.isfinite(end) for end in ends):
            raise QueryError(f"{key[:40]!r} is no range of numbers, as '1..5' is")
        return cls(*ends)

    @property
    def key(self) -> str:
        """What a `Narrowing` names it by."""
        return "..".join("" if end is None else _number(end) for end in (self.low, self.high))


def is_below(folder: str, other: str) -> bool:
    """Return whether a folder lies below another."""
    return folder.startswith(other + "/")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
