"""The truth: what exact search finds, for all of an index and for random parts of it."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .embeddings import HalfEmbeddings

N_TOP = 10

Float = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]

_N_BLOCK = 8_192
# Scores of one pair differ by this much between ways to add up.
_TOLERANCE = 2e-6


class Nearest:
    """The nearest of everything seen so far.

    Attributes:
        scores: Scores [n_queries, N_TOP], best first once `sorted_positions` was asked for.
        positions: Positions [n_queries, N_TOP], -1 where there are fewer.
    """

    def __init__(self, n_queries: int) -> None:
        self.scores = np.full((n_queries, N_TOP), -np.inf, np.float32)
        self.positions = np.full((n_queries, N_TOP), -1, np.int64)

    def see(self, scores: Float, positions: Int) -> None:
        """Take in the scores [n_queries, n] of the segments at some positions [n]."""
        # After the first blocks few queries see anything new, and only those are looked at again.
        better = np.flatnonzero(scores.max(axis=1, initial=-np.inf) > self.scores.min(axis=1))
        seen = np.concatenate([self.scores[better], scores[better]], axis=1)
        best = np.argpartition(-seen, N_TOP - 1, axis=1)[:, :N_TOP]
        where = np.concatenate([self.positions[better], np.broadcast_to(positions, (len(better), len(positions)))], 1)
        self.scores[better] = np.take_along_axis(seen, best, axis=1)
        self.positions[better] = np.where(np.isfinite(self.scores[better]), np.take_along_axis(where, best, axis=1), -1)


def exact_nearest(
    stored: HalfEmbeddings, queries: Float, *, own: Int, shares: Sequence[float], seed: int
) -> list[Nearest]:
    """Find the nearest segments by comparing all.

    Args:
        stored: The embeddings.
        queries: Queries [n_queries, embedding_dim].
        own: Position of the segment that each query is [n_queries], which does not count; -1 for none.
        shares: Parts of the segments, drawn at random, to find the nearest of: 1 for all.
        seed: Of the draw.

    Returns:
        The nearest for each share.
    """
    drawn = np.random.default_rng(seed).random(len(stored), np.float32)
    found = [Nearest(len(queries)) for _ in shares]
    for first, embeddings in stored.blocks(_N_BLOCK):
        scores = queries @ embeddings.T
        inside = np.flatnonzero((own >= first) & (own < first + len(embeddings)))
        scores[inside, own[inside] - first] = -np.inf
        for nearest, share in zip(found, shares, strict=True):
            kept = np.flatnonzero(drawn[first : first + len(embeddings)] < share)
            nearest.see(scores if share >= 1 else scores[:, kept], first + kept)
    return found


def recalls(found: Sequence[Float], exact: Float) -> Float:
    """Measure the share of the exact nearest that were found for each query [n], by scores: of equals any will do.

    Args:
        found: Scores of what was found for each query, all of them right.
        exact: Scores of the nearest [n_queries, N_TOP], minus infinity where there are fewer.
    """
    n_wanted = np.isfinite(exact).sum(axis=1)
    worst = np.where(np.isfinite(exact), exact, np.inf).min(axis=1) - _TOLERANCE
    n_hit = [min(int((row >= least).sum()), n) for row, least, n in zip(found, worst, n_wanted, strict=True)]
    shares: Float = (np.array(n_hit) / np.maximum(1, n_wanted)).astype(np.float32)
    return shares
