"""Retrieval figures, counting any clip of the right concept, beside what chance gives."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import comb

import numpy as np
import numpy.typing as npt

from .corpus import Example
from .space import Floats


@dataclass(frozen=True)
class Retrieval:
    """Figures of one set of queries, all shares of 1.

    Attributes:
        n_clips: Clips searched.
        n_queries: Captions asked; each counts as much as any other.
        recall_at_10: Captions with a clip of their concept among the first ten.
        chance_at_10: The same for a random order, exactly.
        times_chance: The ratio of the two.
        precision_at_10: Mean share of right clips among the first ten, of those that could be right.
        chance_precision: The same for a random order.
        map_at_10: Mean average precision over the first ten.
        median_rank: Median rank of the best right clip.
        audio_to_text_at_10: Clips whose concept has a caption among the first ten.
        chance_audio_to_text: The same for a random order, exactly.
        zero_shot_category: Clips whose category's name is the nearest of all categories' names.
        n_categories: How many there are.
        by_category: For each category of queries: how many, and their recall at 10 beside chance.
    """

    n_clips: int
    n_queries: int
    recall_at_10: float
    chance_at_10: float
    times_chance: float
    precision_at_10: float
    chance_precision: float
    map_at_10: float
    median_rank: float
    audio_to_text_at_10: float
    chance_audio_to_text: float
    zero_shot_category: float
    n_categories: int
    by_category: dict[str, tuple[int, float, float]]

    def to_json(self) -> dict[str, object]:
        """The figures, rounded."""
        figures: dict[str, object] = asdict(self)
        for name, value in figures.items():
            if isinstance(value, float):
                figures[name] = round(value, 4)
        figures["by_category"] = {
            name: {"n_queries": n, "recall_at_10": round(found, 3), "chance_at_10": round(chance, 3)}
            for name, (n, found, chance) in self.by_category.items()
        }
        return figures


def chance_of_hit(n_all: int, n_right: int, k: int) -> float:
    """Chance that a random `k` of `n_all` holds at least one of `n_right` (hypergeometric)."""
    return 1 - comb(n_all - n_right, k) / comb(n_all, k)


def measure(
    scores: Floats,
    queries: Sequence[Example],
    clips: Sequence[Example],
    *,
    category_scores: Floats,
    categories: Sequence[str],
    k: int = 10,
) -> Retrieval:
    """Compute the figures.

    Args:
        scores: Similarity of each query to each clip, `[n_queries, n_clips]`.
        queries: The concept of each query; a concept may be asked in several captions.
        clips: The concept and category of each clip.
        category_scores: Similarity of each category's name to each clip, `[n_categories, n_clips]`.
        categories: Their names.
        k: How many hits to look at.
    """
    k = min(k, len(clips))
    concepts = np.array([clip.concept for clip in clips])
    asked = np.array([query.concept for query in queries])
    right = asked[:, None] == concepts
    n_right = right.sum(1)
    ranked = np.take_along_axis(right, np.argsort(-scores, axis=1, kind="stable"), axis=1)
    top = ranked[:, :k]
    found: npt.NDArray[np.bool_] = np.asarray(top.any(1))
    possible = np.minimum(n_right, k)
    precisions = np.cumsum(top, axis=1) / np.arange(1, k + 1)
    chances = np.array([chance_of_hit(len(clips), int(n), k) for n in n_right])
    # The other way: captions ranked for each clip.
    order = np.argsort(-scores, axis=0, kind="stable")[:k]
    named = np.take_along_axis(right, order, axis=0).any(0)
    n_texts = right.sum(0)
    named_chances = np.array([chance_of_hit(len(queries), int(n), min(k, len(queries))) for n in n_texts])
    guess = np.array(categories)[category_scores.argmax(0)]
    return Retrieval(
        n_clips=len(clips),
        n_queries=len(queries),
        recall_at_10=float(found.mean()),
        chance_at_10=float(chances.mean()),
        times_chance=float(found.mean() / chances.mean()),
        precision_at_10=float((top.sum(1) / possible).mean()),
        chance_precision=float((n_right * k / len(clips) / possible).mean()),
        map_at_10=float(((precisions * top).sum(1) / possible).mean()),
        median_rank=float(np.median(ranked.argmax(1) + 1)),
        audio_to_text_at_10=float(named.mean()),
        chance_audio_to_text=float(named_chances.mean()),
        zero_shot_category=float((guess == np.array([clip.category for clip in clips])).mean()),
        n_categories=len(categories),
        by_category={
            name: (len(here), float(found[here].mean()), float(chances[here].mean()))
            for name in sorted({query.category for query in queries})
            for here in [np.flatnonzero([query.category == name for query in queries])]
        },
    )


def distinct_queries(clips: Sequence[Example]) -> list[Example]:
    """One query for each caption of the clips."""
    return list({clip.caption: clip for clip in clips}.values())


def best_of_segments(scores: Floats, clip_of: npt.NDArray[np.int64], n_clips: int) -> Floats:
    """From scores by segment `[n_queries, n_segments]` to scores by clip, each clip's best segment."""
    best = np.full((len(scores), n_clips), -np.inf, dtype=np.float32)
    np.maximum.at(best.T, clip_of, scores.T)
    return best
