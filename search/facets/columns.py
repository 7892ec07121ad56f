"""Columns: one number a clip for each property that clips are narrowed by, so that counting is adding."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ...model.errors import QueryError
from ..sql.views import quoted
from .facet import Choice, Facet
from .narrowing import FOLDER, Binding, Range

Int = npt.NDArray[np.int32]
Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Value = str | int | float | bool

N_LISTED = 40
"""So many choices of a facet are listed, the most frequent ones."""


class Column(Protocol):
    """What counting needs of a property."""

    name: str

    def mask(self, keys: Sequence[str], least: float) -> Bool:
        """Return for each clip [n] whether it passes some choices.

        Args:
            keys: The choices.
            least: The least score of labels.

        Raises:
            QueryError: If a key is none of this property.
        """
        ...

    def condition(self, keys: Sequence[str], least: float, bind: Binding) -> str:
        """Write the same as SQL.

        Raises:
            QueryError: If a key is none of this property.
        """
        ...

    def facet(self, among: Bool, hits: Bool | None, keys: Sequence[str], least: float) -> Facet:
        """Count the clips of each choice.

        Args:
            among: Whether each clip [n] counts.
            hits: Whether each clip [n] is a hit, if that is wanted.
            keys: What is chosen.
            least: The least score of labels.

        Raises:
            QueryError: If a key is none of this property.
        """
        ...


class Values:
    """A property of few values.

    Args:
        name: The column.
        title: What a person reads.
        codes: Place of each clip's value among the values [n], -1 for none.
        values: The values.
        text: How a value is written for a person; None for as it is.
        by_value: Whether choices are listed in the order of their values, not the most frequent first.
        scores: Of labels, the score of each clip's [n].
    """

    def __init__(
        self,
        name: str,
        title: str,
        codes: Int,
        values: Sequence[Value],
        *,
        text: Callable[[Value], str] | None = None,
        by_value: bool = False,
        scores: Float | None = None,
    ) -> None:
        self.name = name
        self._title, self._codes, self._values, self._scores = title, codes, list(values), scores
        self._text = text or _written
        self._by_value = by_value
        self._places = {_written(value): place for place, value in enumerate(self._values)}
        self._kind = type(self._values[0])

    def mask(self, keys: Sequence[str], least: float) -> Bool:
        """As `Column` says."""
        places = [self._places[key] for key in keys if key in self._places]
        wanted = np.zeros(len(self._values) + 1, np.bool_)
        wanted[places] = True
        for key in keys:
            self._read(key)
        passing: Bool = wanted[self._codes]  # -1 is the last, which nobody wants
        return passing if self._scores is None else passing & (self._scores >= least)

    def condition(self, keys: Sequence[str], least: float, bind: Binding) -> str:
        """As `Column` says."""
        expression = f"{quoted(self.name)} IN ({', '.join(bind.name(self._read(key)) for key in keys)})"
        if self._scores is None or least <= 0:
            return expression
        # The name of the table is ours, and the score is bound.
        good = f"SELECT clip_id FROM labels GROUP BY clip_id HAVING max(score) >= {bind.name(least)}"  # noqa: S608
        return f"{expression} AND clip_id IN ({good})"

    def facet(self, among: Bool, hits: Bool | None, keys: Sequence[str], least: float) -> Facet:
        """As `Column` says."""
        if self._scores is not None and least > 0:
            among = among & (self._scores >= least)
        counts = self._counts(among)
        of_hits = None if hits is None else self._counts(among & hits)
        chosen = {self._places[key] for key in keys if key in self._places}
        frequent = sorted(np.flatnonzero(counts).tolist(), key=lambda place: (-counts[place], place))
        listed = {*frequent[:N_LISTED], *chosen}
        order = sorted(listed) if self._by_value else sorted(listed, key=lambda place: (-counts[place], place))
        choices = [
            Choice(
                _written(self._values[place]),
                self._text(self._values[place]),
                int(counts[place]),
                None if of_hits is None else int(of_hits[place]),
                place in chosen,
            )
            for place in order
        ]
        unknown = [Choice(key, self._text(self._read(key)), 0, None, True) for key in keys if key not in self._places]
        return Facet(self.name, self._title, "value", (*choices, *unknown), len({*frequent} - listed))

    def _counts(self, among: Bool) -> npt.NDArray[np.int64]:
        codes = self._codes if among.all() else self._codes[among]
        return np.bincount(codes + 1, minlength=len(self._values) + 1)[1:]

    def _read(self, key: str) -> Value:
        try:
            if self._kind is bool:
                return {"true": True, "false": False}[key]
            return self._kind(key)
        except (ValueError, KeyError):
            raise QueryError(f"{key[:40]!r} is no value of {self.name!r}") from None


class Ranges:
    """A property that is a number, in ranges.

    Args:
        name: The column.
        title: What a person reads.
        numbers: Each clip's number [n], NaN for none.
        edges: Where the ranges meet, rising; the first and the last have no end.
        text: How a range is written for a person.
    """

    def __init__(
        self, name: str, title: str, numbers: Float, edges: Sequence[float], *, text: Callable[[Range], str]
    ) -> None:
        self.name = name
        self._title, self._numbers, self._text = title, numbers, text
        ends = [None, *edges, None]
        self._ranges = [Range(low, high) for low, high in pairwise(ends)]
        self._codes = np.searchsorted(np.asarray(edges, np.float64), numbers, side="right").astype(np.int32)
        self._codes[np.isnan(numbers)] = -1

    def mask(self, keys: Sequence[str], least: float) -> Bool:  # noqa: ARG002 - of labels
        """As `Column` says."""
        passing = np.zeros(len(self._numbers), np.bool_)
        for key in keys:
            passing |= self._within(Range.of(key))
        return passing

    def condition(self, keys: Sequence[str], least: float, bind: Binding) -> str:  # noqa: ARG002 - of labels
        """As `Column` says."""
        column = quoted(self.name)
        parts = []
        for one in map(Range.of, keys):
            ends = [f"{column} >= {bind.name(one.low)}"] if one.low is not None else []
            # To SQL, NaN is the greatest number.
            ends.append(f"NOT isnan({column}::DOUBLE)" if one.high is None else f"{column} < {bind.name(one.high)}")
            parts.append(f"({' AND '.join(ends)})")
        return f"({' OR '.join(parts)})"

    def facet(self, among: Bool, hits: Bool | None, keys: Sequence[str], least: float) -> Facet:  # noqa: ARG002
        """As `Column` says."""
        counts = np.bincount(self._codes[among] + 1, minlength=len(self._ranges) + 1)[1:]
        of_hits = None
        if hits is not None:
            of_hits = np.bincount(self._codes[among & hits] + 1, minlength=len(self._ranges) + 1)[1:]
        chosen = {Range.of(key) for key in keys}
        choices = [
            Choice(one.key, self._text(one), int(n), None if of_hits is None else int(of_hits[place]), one in chosen)
            for place, (one, n) in enumerate(zip(self._ranges, counts, strict=True))
            if n or one in chosen
        ]
        for one in sorted(chosen - {*self._ranges}, key=lambda one: (one.low or -np.inf, one.high or np.inf)):
            within = self._within(one) & among
            n_hits = None if hits is None else int((within & hits).sum())
            choices.append(Choice(one.key, self._text(one), int(within.sum()), n_hits, True))
        return Facet(self.name, self._title, "range", tuple(choices))

    def _within(self, one: Range) -> Bool:
        low = -np.inf if one.low is None else one.low
        passing: Bool = self._numbers >= low
        return passing if one.high is None else passing & (self._numbers < one.high)


class Folders:
    """The folders that clips lie in, as a tree.

    Args:
        codes: Place of each clip's folder among the folders [n].
        folders: The folders that clips lie in directly, as people read them.
    """

    name = FOLDER

    def __init__(self, codes: Int, folders: Sequence[str]) -> None:
        # With a slash at its end, a folder and all below it lie side by side in the order of their names.
        order = sorted(range(len(folders)), key=lambda place: folders[place] + "/")
        self._folders = [folders[place] + "/" for place in order]
        places = np.empty(len(folders), np.int32)
        places[order] = np.arange(len(folders), dtype=np.int32)
        self._codes = places[codes]
        first, last = self._folders[0], self._folders[-1]
        n_same = next(
            (place for place, (ours, theirs) in enumerate(zip(first, last, strict=False)) if ours != theirs),
            min(len(first), len(last)),
        )
        self.top = first[: first.rfind("/", 0, n_same) + 1].removesuffix("/")
        """The folder that all the others lie in."""

    def mask(self, keys: Sequence[str], least: float) -> Bool:  # noqa: ARG002 - of labels
        """As `Column` says."""
        passing = np.zeros(len(self._codes), np.bool_)
        for key in keys:
            start, end = self._below(_named(key))
            passing |= (self._codes >= start) & (self._codes < end)
        return passing

    def condition(self, keys: Sequence[str], least: float, bind: Binding) -> str:  # noqa: ARG002 - of labels
        """As `Column` says."""
        parts = [f"starts_with(path, {bind.name(_named(key) + '/')})" for key in keys]
        return f"({' OR '.join(parts)})"

    def facet(self, among: Bool, hits: Bool | None, keys: Sequence[str], least: float) -> Facet:  # noqa: ARG002
        """As `Column` says; listed are the folders in the topmost one, those around what is chosen, and those in it."""
        sums = self._sums(among)
        of_hits = None if hits is None else self._sums(among & hits)
        choices: list[Choice] = []
        n_more = 0

        def count(folder: str) -> tuple[int, int | None]:
            start, end = self._below(folder)
            return int(sums[end] - sums[start]), None if of_hits is None else int(of_hits[end] - of_hits[start])

        def add(parent: str, depth: int) -> None:
            nonlocal n_more
            children = [(child, *count(child)) for child in self._children(parent)]
            around = {
                child for child, _, _ in children if any(key == child or key.startswith(child + "/") for key in keys)
            }
            shown = [child for child in children if child[1] or child[0] in around]
            if len(shown) > N_LISTED:
                frequent = {child for child, _, _ in sorted(shown, key=lambda one: -one[1])[:N_LISTED]} | around
                n_more += len(shown) - len(frequent)
                shown = [child for child in shown if child[0] in frequent]
            for child, n_clips, n_hits in shown:
                text = child.removeprefix(parent + "/") or child
                choices.append(Choice(child, text, n_clips, n_hits, child in keys, depth))
                if child in around:
                    add(child, depth + 1)

        add(self.top, 0)
        listed = {choice.key for choice in choices}
        for key in keys:
            if key not in listed:
                choices.append(Choice(key, key, *count(key), True))
        return Facet(self.name, "Folder", "folder", tuple(choices), n_more)

    def _below(self, folder: str) -> tuple[int, int]:
        """Find where a folder and all below it start and end."""
        if not folder:  # above the root and every store
            return 0, len(self._folders)
        after = folder + chr(ord("/") + 1)
        return bisect_left(self._folders, folder + "/"), bisect_left(self._folders, after)

    def _children(self, folder: str) -> list[str]:
        place, end = self._below(folder)
        n = len(folder) + 1
        children: list[str] = []
        while place < end:
            name = self._folders[place]
            if len(name) == n:  # the folder itself
                place += 1
                continue
            child = name[: name.index("/", n)]
            children.append(child)
            place = self._below(child)[1]
        return children

    def _sums(self, among: Bool) -> npt.NDArray[np.int64]:
        codes = self._codes if among.all() else self._codes[among]
        counts = np.bincount(codes, minlength=len(self._folders))
        return np.concatenate([[0], np.cumsum(counts)])


def _named(folder: str) -> str:
    if not folder:
        raise QueryError("the folder to narrow to has no name")
    return folder


def _written(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
