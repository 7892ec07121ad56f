"""Calibration: how many cells must be visited, measured on queries against exact search and never guessed."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

TARGET_RECALL = 0.99
"""Share of the exact top 10 that an index must find, for text queries and for audio queries alike."""

N_TOP = 10

Int = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Calibration:
    """What was measured.

    Attributes:
        nprobe: Fewest cells (of those tried) that reach the target for every kind of query.
        recall_at_10: Recall there, of the kind of query that fares worst.
    """

    nprobe: int
    recall_at_10: float


def choose_nprobe(nearest: Callable[[int], list[Int]], *, nlist: int, target: float = TARGET_RECALL) -> Calibration:
    """Choose the fewest cells that reach a recall.

    Text lies away from sound in embedding space, so its recall is measured by itself and not hidden in a mean.

    Args:
        nearest: Gives, for a number of cells to visit, the nearest positions [n_queries, n_top] of each kind of query
            (-1 where fewer were found).
        nlist: Cells of the index; visiting all is exact search.
        target: Recall to reach, 0 to 1.

    Returns:
        The choice; visiting every cell reaches any target.
    """
    exact = nearest(nlist)
    for nprobe in _steps(nlist):
        recalls = [recall(found, truth) for found, truth in zip(nearest(nprobe), exact, strict=True)]
        worst = min(recalls, default=1.0)
        if worst >= target:
            return Calibration(nprobe=nprobe, recall_at_10=worst)
    return Calibration(nprobe=nlist, recall_at_10=1.0)


def recall(found: Int, exact: Int) -> float:
    """Measure the share of the exact positions [n_queries, n_top] that are among those found [n_queries, any]."""
    wanted = exact >= 0
    hit = (exact[:, :, np.newaxis] == found[:, np.newaxis, :]).any(axis=2) & wanted
    return float(hit.sum() / max(1, wanted.sum()))


def _steps(nlist: int) -> list[int]:
    steps = [1, 2, 3]
    while steps[-1] < nlist:
        steps.append(max(steps[-1] + 1, steps[-2] * 2))
    return [step for step in steps if step < nlist]
