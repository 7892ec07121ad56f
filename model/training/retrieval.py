"""Retrieval figures, counting any clip of the right concept, beside what chance gives."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from ..metrics import Ranks, chance_of_hit
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
        zero_shot_category: Clips whose category's name is the nearest of the categories' names.
        n_categories: How many there are; clips of other categories are not asked.
        zero_shot_fine: Clips whose concept's caption is the nearest of those of all concepts with enough clips.
        n_fine: How many such concepts there are.
        synonyms_at_10: Words that no training caption holds whose concept is among the first ten.
        n_synonyms: How many were asked.
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
    zero_shot_fine: float
    n_fine: int
    synonyms_at_10: float
    n_synonyms: int
    by_category: dict[str, tuple[int, float, float]]

    def to_json(self) -> dict[str, object]:
        """Return the figures, rounded."""
        figures: dict[str, object] = asdict(self)
        for name, value in figures.items():
            if isinstance(value, float):
                figures[name] = round(value, 4)
        figures["by_category"] = {
            name: {"n_queries": n, "recall_at_10": round(found, 3), "chance_at_10": round(chance, 3)}
            for name, (n, found, chance) in self.by_category.items()
        }
        return figures


@dataclass(frozen=True)
class Scores:
    """Similarities of texts to clips, each `[n_texts, n_clips]`.

    Attributes:
        queries: Of each caption.
        categories: Of each category's name.
        fine: Of each concept's caption, concepts with enough clips only.
        synonyms: Of each word that no training caption holds.
    """

    queries: Floats
    categories: Floats
    fine: Floats
    synonyms: Floats


@dataclass(frozen=True)
class Questions:
    """What is asked of a set of clips.

    Attributes:
        clips: The clips.
        also: The more general concepts that clips of a concept answer too: a pistol shot is a gunshot.
        queries: One for each caption.
        categories: Names of the categories asked for; clips of others are left out of that figure.
        fine: One clip of each concept that has enough clips, whose caption stands for it.
        synonyms: Words that no training caption holds, and the concepts that answer each.
    """

    clips: tuple[Example, ...]
    also: Mapping[str, frozenset[str]]
    queries: tuple[Example, ...]
    categories: tuple[str, ...]
    fine: tuple[Example, ...]
    synonyms: tuple[tuple[str, frozenset[str]], ...]

    @classmethod
    def of(
        cls,
        clips: Sequence[Example],
        *,
        also: Mapping[str, frozenset[str]] = MappingProxyType({}),
        categories: Sequence[str] | None = None,
        synonyms: Sequence[tuple[str, frozenset[str]]] = (),
        at_least: int = 5,
    ) -> "Questions":
        """Ask for every caption of some clips.

        Args:
            clips: The clips.
            also: The more general concepts that clips of a concept answer too.
            categories: Names of categories; None takes all of the clips'.
            synonyms: Words and the concepts that answer them; those that no clip answers are left out.
            at_least: Clips that a concept must have to be a class.
        """
        held = Counter(clip.concept for clip in clips)
        first = {clip.concept: clip for clip in reversed(clips)}
        # Two concepts that answer each other are one class.
        classes = [c for c in sorted(held) if held[c] >= at_least]
        classes = [
            c for c in classes if not any(d < c and d in also.get(c, ()) and c in also.get(d, ()) for d in classes)
        ]
        return cls(
            tuple(clips),
            also,
            tuple(distinct_queries(clips)),
            tuple(sorted({clip.category for clip in clips}) if categories is None else categories),
            tuple(first[c] for c in classes),
            tuple((word, concepts) for word, concepts in synonyms if concepts & held.keys()),
        )

    def answers(self, clip: Example) -> frozenset[str]:
        """Return the concepts that a clip answers."""
        return self.also.get(clip.concept, frozenset()) | {clip.concept}


def measure(scores: Scores, questions: Questions, *, k: int = 10) -> Retrieval:
    """Compute the figures.

    Args:
        scores: Similarity of each text to each clip.
        questions: What the texts ask, and what the clips hold.
        k: How many hits to look at.
    """
    clips, queries = questions.clips, questions.queries
    k = min(k, len(clips))
    answers = [questions.answers(clip) for clip in clips]
    right = np.array([[query.concept in held for held in answers] for query in queries])
    n_right = right.sum(1)
    ranked = np.take_along_axis(right, np.argsort(-scores.queries, axis=1, kind="stable"), axis=1)
    top = ranked[:, :k]
    ranks = Ranks.of(scores.queries, right, depth=k)
    found: npt.NDArray[np.bool_] = np.asarray(ranks.first <= k)
    possible = np.minimum(n_right, k)
    chances = np.array([chance_of_hit(len(clips), int(n), k) for n in n_right])
    # The other way: captions ranked for each clip.
    order = np.argsort(-scores.queries, axis=0, kind="stable")[:k]
    named = np.take_along_axis(right, order, axis=0).any(0)
    n_texts = right.sum(0)
    named_chances = np.array([chance_of_hit(len(queries), int(n), min(k, len(queries))) for n in n_texts])
    asked = [clip.category in questions.categories for clip in clips]
    guess = np.array(questions.categories)[scores.categories.argmax(0)]
    fine = [example.concept for example in questions.fine]
    classed = [i for i, held in enumerate(answers) if held & set(fine)]
    fine_right = [fine[scores.fine[:, i].argmax()] in answers[i] for i in classed]
    synonyms_found = [
        any(concepts & answers[i] for i in np.argsort(-row, kind="stable")[:k])
        for (_, concepts), row in zip(questions.synonyms, scores.synonyms, strict=True)
    ]
    return Retrieval(
        n_clips=len(clips),
        n_queries=len(queries),
        recall_at_10=float(found.mean()),
        chance_at_10=float(chances.mean()),
        times_chance=float(found.mean() / chances.mean()),
        precision_at_10=float((top.sum(1) / possible).mean()),
        chance_precision=float((n_right * k / len(clips) / possible).mean()),
        map_at_10=float(ranks.average_precision.mean()),
        median_rank=float(np.median(ranks.first)),
        audio_to_text_at_10=float(named.mean()),
        chance_audio_to_text=float(named_chances.mean()),
        zero_shot_category=float((guess == np.array([clip.category for clip in clips]))[asked].mean()),
        n_categories=len(questions.categories),
        zero_shot_fine=float(np.mean(fine_right)) if fine_right else 0.0,
        n_fine=len(fine),
        synonyms_at_10=float(np.mean(synonyms_found)) if synonyms_found else 0.0,
        n_synonyms=len(synonyms_found),
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
