"""Hits: the answer to a query, best first, with what there is to say about it as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .hit import Hit
from .plan import Plan

NOTHING_BELOW = 5.0
"""Where the best hit's calibrated score is lower than this, nothing here sounds like what was asked."""


@dataclass(frozen=True)
class Explanation:
    """How a search went.

    Attributes:
        plan: How the nearest segments were looked for.
        query_ms: Time that the query took to become an embedding.
        filter_ms: Time that the filter took; next to nothing if it was asked before.
        ranking_ms: Time that finding, ordering and looking up the hits took.
    """

    plan: Plan
    query_ms: float
    filter_ms: float
    ranking_ms: float


class Hits(list[Hit]):
    """The hits of one search, best first.

    Attributes:
        explanation: How the search went, where that was asked for.
    """

    def __init__(self, hits: Iterable[Hit] = (), *, explanation: Explanation | None = None) -> None:
        super().__init__(hits)
        self.explanation = explanation

    @property
    def nothing_like_it(self) -> bool:
        """Whether even the best hit is no better than what any description finds here; False where none can tell."""
        # A later page, or a hit that was found by its words, says nothing about the best sound.
        if not self or self[0].rank != 1 or any(hit.text_rank is not None for hit in self):
            return False
        best = max((hit.calibrated for hit in self if hit.calibrated is not None), default=None)
        return best is not None and best < NOTHING_BELOW
