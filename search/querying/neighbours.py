"""Neighbours of a hit: its clip's other segments that answer too, and other hits that sound nearly the same."""

import numpy as np
import numpy.typing as npt

from .hit import Span

NEARLY_THE_SAME = 0.98
"""Two sounds whose embeddings have at least this cosine are nearly the same: copies, other encodings, small edits."""

Float = npt.NDArray[np.float32]
Seconds = npt.NDArray[np.float64]


def merge_spans(start_s: Seconds, end_s: Seconds, scores: Float) -> tuple[Span, ...]:
    """Merge segments that touch or overlap.

    Args:
        start_s: Start of each segment [n], ascending.
        end_s: End of each [n].
        scores: Score of each [n].

    Returns:
        The stretches that they cover, in order of time, each with its best score.
    """
    spans: list[Span] = []
    for start, end, score in zip(start_s.tolist(), end_s.tolist(), scores.tolist(), strict=True):
        if spans and start <= spans[-1].end_s:
            last = spans.pop()
            start, end, score = last.start_s, max(end, last.end_s), max(score, last.score)
        spans.append(Span(start, end, score))
    return tuple(spans)


class Folds:
    """The sounds kept so far, for folding in what sounds nearly the same as one of them."""

    def __init__(self, *, embedding_dim: int) -> None:
        self._kept = np.empty((16, embedding_dim), np.float32)
        self._n = 0

    def fold(self, embedding: Float) -> int | None:
        """Find the number of the first kept sound that is nearly the same; keep this one too if there is none.

        Args:
            embedding: The sound's embedding [embedding_dim], unit length.
        """
        same = np.flatnonzero(self._kept[: self._n] @ embedding >= NEARLY_THE_SAME)
        if len(same):
            return int(same[0])
        if self._n == len(self._kept):
            self._kept = np.concatenate([self._kept, np.empty_like(self._kept)])
        self._kept[self._n] = embedding
        self._n += 1
        return None
