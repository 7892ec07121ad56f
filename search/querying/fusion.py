"""Fusion: two rankings made one."""

from collections.abc import Sequence

RANK_OFFSET = 60.0
"""What is added to each rank before it is inverted."""


def reciprocal_rank_fusion(*rankings: Sequence[int]) -> list[int]:
    """Fuse rankings by the sum of 1 / (60 + rank) over those that an id is in.

    It needs no common scale of scores: Cormack, Clarke and Buettcher, "Reciprocal Rank Fusion outperforms Condorcet and
    individual Rank Learning Methods", SIGIR 2009, with their constant.

    Args:
        rankings: Ids, best first, each once in a ranking.

    Returns:
        Every id once, best first; of equals, the one first in an earlier ranking.
    """
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, one in enumerate(ranking, start=1):
            scores[one] = scores.get(one, 0.0) + 1 / (RANK_OFFSET + rank)
    return sorted(scores, key=scores.__getitem__, reverse=True)
