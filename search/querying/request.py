"""Request: what is asked of a collection, whichever door it came in by, and how the answer is listed."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from ...model.errors import QueryError
from .condition import Condition
from .query import Query

ALL_ENCODERS = ("both", "all")
"""Names that mean every encoder of a collection, their rankings fused."""

By = Literal["clip", "segment"]
TextMatch = Literal["off", "on", "only"]


@dataclass(frozen=True)
class SearchOptions:
    """How hits are listed; every field has the value that most searches want.

    Attributes:
        by: "clip" lists each clip once, with its best segment; "segment" lists every segment by itself.
        offset: How many hits to pass over, for the next page; pages of one length never repeat or skip a hit.
        min_score: Leave out what scores under this cosine; None for no bound.
        fold: List of sounds that are nearly the same (cosine of their embeddings 0.98 or more) only the best, which
            then names the others as `Hit.folded`.
        text_match: Whether file names, folders, tags, captions and your own metadata are searched for the words of the
            query: "off"; "on", fused with the ranking by sound; or "only" them.

    Raises:
        QueryError: If a field has a value that it cannot have.
    """

    by: By = "clip"
    offset: int = 0
    min_score: float | None = None
    fold: bool = False
    text_match: TextMatch = "off"

    def __post_init__(self) -> None:
        _check_choice("by", self.by, ("clip", "segment"))
        _check_choice("text_match", self.text_match, ("off", "on", "only"))
        object.__setattr__(self, "offset", checked_number("offset", self.offset, lowest=0))
        if self.min_score is not None and not _is_finite(self.min_score):
            raise QueryError(f"min_score must be a finite number, not {self.min_score!r}")
        if self.by == "segment" and self.text_match != "off":
            raise QueryError("words are matched by clip: text_match does not go with by='segment'")


@dataclass(frozen=True, eq=False)
class SearchRequest:
    """What is asked of a collection: by the shell, the page, the service or Python.

    Attributes:
        queries: What to look for, an answer each.
        k: Hits wanted of each, at least 1.
        condition: The filter, the same for all of them.
        options: How hits are listed, the same for all of them.
        encoder: Name of the encoder whose segments are searched; "both" for all of them, their rankings fused; None for
            the collection's default.
        explain: Whether each answer has an `explanation` of how the search went.

    Raises:
        QueryError: If `k` is no whole number from 1.
    """

    queries: tuple[Query, ...]
    k: int = 10
    condition: Condition = field(default_factory=Condition)
    options: SearchOptions = field(default_factory=SearchOptions)
    encoder: str | None = None
    explain: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "k", checked_number("k", self.k, lowest=1))

    @property
    def is_fused(self) -> bool:
        """Whether all encoders are searched."""
        return self.encoder in ALL_ENCODERS

    def each(self) -> Iterator[SearchRequest]:
        """Yield a request for each of the queries."""
        return (replace(self, queries=(query,)) for query in self.queries)


_MOST_HITS = 1 << 31


def checked_number(name: str, number: object, *, lowest: int) -> int:
    """Check a whole number; one of more hits than any collection has is as good as the largest that is computed with.

    Raises:
        QueryError: If it is not one from `lowest`.
    """
    try:
        value = operator.index(number)  # type: ignore[arg-type]  # that it may be anything is the point
    except TypeError:
        raise QueryError(f"{name} must be a whole number from {lowest}, not {number!r}") from None
    if isinstance(number, bool) or value < lowest:
        raise QueryError(f"{name} must be a whole number from {lowest}, not {number!r}")
    return min(value, _MOST_HITS)


def _check_choice(name: str, choice: object, choices: tuple[str, ...]) -> None:
    if choice not in choices:
        raise QueryError(f"{name} must be one of {', '.join(map(repr, choices))}, not {choice!r}")


def _is_finite(number: object) -> bool:
    try:
        return math.isfinite(number)  # type: ignore[arg-type]
    except TypeError:
        return False
