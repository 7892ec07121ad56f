"""Retrieval metrics: where the right answers of each query stand, and how sure the averages are.

Used by the recipe on its held-out clips and by `evaluate` on anybody's, so that both say the same of a checkpoint.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

DEPTH = 10
"""How many answers average precision looks at, and a person too."""

CUTOFFS = (1, 5, 10)
N_RESAMPLES = 2_000
TAIL = 0.025
_SEED = 0
_MAX_WEIGHTS = 2_000_000


@dataclass(frozen=True)
class Ranks:
    """Where the right answers of some queries stand.

    Attributes:
        first: Rank of the best right answer of each query [n], from 1.
        average_precision: Average precision over the first answers, ten unless asked otherwise, of each query [n].
        n_right: Right answers of each query [n].
        n_answers: Answers that were ranked.
    """

    first: Int
    average_precision: Float
    n_right: Int
    n_answers: int

    @classmethod
    def of(cls, scores: Float32, right: Bool, *, depth: int = DEPTH) -> Ranks:
        """Rank all answers of some queries.

        Equal scores count against the right answer, so that a model which cannot tell is not flattered.

        Args:
            scores: Score of each answer [n, n_answers].
            right: Whether it is right [n, n_answers]; every query has a right one.
            depth: How many first answers average precision looks at.
        """
        # One step down for the right ones puts each behind all wrong ones of the same score.
        ordered = np.where(right, np.nextafter(scores, np.float32(-np.inf)), scores)
        best = np.where(right, ordered, -np.inf).max(axis=1, keepdims=True)
        first = (ordered > best).sum(axis=1) + 1
        depth = min(depth, scores.shape[1])
        top = np.argpartition(-ordered, depth - 1, axis=1)[:, :depth]
        top = np.take_along_axis(top, np.argsort(-np.take_along_axis(ordered, top, 1), axis=1, kind="stable"), 1)
        hits = np.take_along_axis(right, top, axis=1)
        precision = np.cumsum(hits, axis=1) / np.arange(1, depth + 1)
        n_right = right.sum(axis=1)
        # Divided by the most that could be found: Manning, Raghavan, Schuetze, Information Retrieval, 8.4, cut there.
        average_precision = (precision * hits).sum(axis=1) / np.minimum(n_right, depth)
        return cls(first.astype(np.int64), average_precision, n_right.astype(np.int64), scores.shape[1])

    @classmethod
    def joined(cls, parts: Sequence[Ranks]) -> Ranks:
        """Put the ranks of several batches of queries, over the same answers, together."""
        return cls(
            np.concatenate([part.first for part in parts]),
            np.concatenate([part.average_precision for part in parts]),
            np.concatenate([part.n_right for part in parts]),
            parts[0].n_answers,
        )

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, queries: Int) -> Ranks:
        """Take some of the queries."""
        return Ranks(self.first[queries], self.average_precision[queries], self.n_right[queries], self.n_answers)


@dataclass(frozen=True)
class Estimate:
    """A mean or median over queries, with how far other queries of the kind might move it.

    Attributes:
        value: The figure.
        low: Lower end of the 95 % interval; None where there is only one group of queries.
        high: Upper end of it.
        chance: What a random order would give; None where that is not worked out.
    """

    value: float
    low: float | None
    high: float | None
    chance: float | None = None

    def to_json(self) -> dict[str, float | None]:
        """Return the figure as plain values that JSON can hold."""
        figures = {"value": self.value, "low": self.low, "high": self.high, "chance": self.chance}
        return {name: None if figure is None else round(figure, 4) for name, figure in figures.items()}


@dataclass(frozen=True)
class Retrieval:
    """How well some queries find their answers; shares of 1.

    Attributes:
        n_queries: Queries asked.
        n_answers: Answers ranked for each.
        recall: For 1, 5 and 10: queries with a right answer among so many first ones.
        map_at_10: Mean of the queries' average precision over the first ten answers.
        median_rank: Median rank of the best right answer.
    """

    n_queries: int
    n_answers: int
    recall: dict[int, Estimate]
    map_at_10: Estimate
    median_rank: Estimate

    @classmethod
    def of(cls, ranks: Ranks, *, groups: Int) -> Retrieval:
        """Average over queries.

        Args:
            ranks: The queries' ranks.
            groups: Which queries belong together [n], as the five captions of a clip do: they are resampled together.
        """
        found = np.stack([ranks.first <= cutoff for cutoff in CUTOFFS], axis=1).astype(np.float64)
        columns = np.column_stack([found, ranks.average_precision])
        means = resampled_means(columns, groups)
        medians = resampled_medians(ranks.first, groups)
        counts, where = np.unique(ranks.n_right, return_inverse=True)
        chances = [
            float(np.mean(np.array([chance_of_hit(ranks.n_answers, int(n), cutoff) for n in counts])[where]))
            for cutoff in CUTOFFS
        ]
        return cls(
            n_queries=len(ranks),
            n_answers=ranks.n_answers,
            recall={
                cutoff: Estimate(float(columns[:, i].mean()), *means[i], chance=chances[i])
                for i, cutoff in enumerate(CUTOFFS)
            },
            map_at_10=Estimate(float(ranks.average_precision.mean()), *means[-1]),
            median_rank=Estimate(float(np.median(ranks.first)), *medians),
        )

    def to_json(self) -> dict[str, object]:
        """Return the figures as plain values that JSON can hold."""
        return {
            "n_queries": self.n_queries,
            "n_answers": self.n_answers,
            **{f"recall_at_{cutoff}": estimate.to_json() for cutoff, estimate in self.recall.items()},
            "map_at_10": self.map_at_10.to_json(),
            "median_rank": self.median_rank.to_json(),
        }


def chance_of_hit(n_answers: int, n_right: int, k: int) -> float:
    """Chance that a random `k` of some answers hold at least one right one (hypergeometric distribution)."""
    k = min(k, n_answers)
    return 1 - math.comb(n_answers - n_right, k) / math.comb(n_answers, k)


def resampled_means(columns: Float, groups: Int) -> list[tuple[float | None, float | None]]:
    """Bootstrap 95 % intervals of the means of shares.

    Whole groups are drawn with replacement, because what is asked of one clip in five captions is no five experiments:
    the percentile interval of the cluster bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, 13;
    Field and Welsh, 2007). scipy.stats.bootstrap draws single values, and would need a dependency for it. Where all
    values are 0, or all are 1, every draw is the same and the bootstrap would claim to be certain; there the interval
    ends at the share that would still leave so many equal outcomes a chance of 2.5 % (Clopper and Pearson, 1934).

    Args:
        columns: Shares from 0 to 1 [n, n_columns].
        groups: Group of each row [n].

    Returns:
        The ends for each column; None where there is one group, which tells nothing of others.
    """
    _, places = np.unique(groups, return_inverse=True)
    n_groups = int(places.max()) + 1
    sums = np.stack([np.bincount(places, weights=column, minlength=n_groups) for column in columns.T], axis=1)
    sizes = np.bincount(places, minlength=n_groups)
    draws = np.concatenate([w @ sums / (w @ sizes)[:, None] for w in _weights(n_groups)])
    ends = np.quantile(draws, [TAIL, 1 - TAIL], axis=0)
    certain = TAIL ** (1 / n_groups)
    intervals: list[tuple[float | None, float | None]] = []
    for column, low, high in zip(columns.T, *ends, strict=True):
        if (column == 1).all():
            intervals.append((certain, 1.0))
        elif (column == 0).all():
            intervals.append((0.0, 1 - certain))
        else:
            intervals.append((None, None) if n_groups == 1 else (float(low), float(high)))
    return intervals


def resampled_medians(values: Int, groups: Int) -> tuple[float | None, float | None]:
    """Bootstrap 95 % interval of the median of whole numbers [n], drawn as in `resampled_means`."""
    _, places = np.unique(groups, return_inverse=True)
    n_groups = int(places.max()) + 1
    if n_groups == 1:
        return None, None
    order = np.argsort(values, kind="stable")
    ordered, of_group = values[order], places[order]
    draws: list[Float] = []
    for weights in _weights(n_groups, n_values=len(values)):
        upto = np.cumsum(weights[:, of_group], axis=1)
        n = upto[:, -1:]
        # The two middle ones, which are one if the number is odd.
        lower = ordered[(upto >= (n + 1) // 2).argmax(axis=1)]
        upper = ordered[(upto >= n // 2 + 1).argmax(axis=1)]
        draws.append((lower + upper) / 2)
    low, high = np.quantile(np.concatenate(draws), [TAIL, 1 - TAIL])
    return float(low), float(high)


def _weights(n_groups: int, *, n_values: int = 0) -> list[Int]:
    """Draw groups with replacement: how often each is in a draw, in batches [n_draws, n_groups]; always the same."""
    rng = np.random.default_rng(_SEED)
    n_batch = max(1, _MAX_WEIGHTS // max(n_groups, n_values))
    batches: list[Int] = []
    for start in range(0, N_RESAMPLES, n_batch):
        n = min(n_batch, N_RESAMPLES - start)
        drawn = rng.integers(0, n_groups, (n, n_groups)) + n_groups * np.arange(n)[:, None]
        batches.append(np.bincount(drawn.ravel(), minlength=n * n_groups).reshape(n, n_groups))
    return batches
