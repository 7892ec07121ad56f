"""Classification: what clips were called, and how often that is what they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ...model.metrics import Estimate, resampled_means
from .labelling import N_KEPT, Best
from .labels import Labels, Truth
from .listing import LeftOut

Int = npt.NDArray[np.int64]


@dataclass(frozen=True)
class LabelAccuracy:
    """How often the clips of one label are called by it.

    Attributes:
        n_clips: Clips that have this label.
        accuracy: Share of them that were called so.
        mistaken_for: The label that was most often given instead; None if there was no mistake.
    """

    n_clips: int
    accuracy: float
    mistaken_for: str | None


@dataclass(frozen=True)
class Accuracy:
    """How often clips are called what they are.

    Attributes:
        n_clips: Clips whose label is known.
        first: Share whose best label is right.
        among_five: Share that have a right one among their best five; None if there are no more than five.
        by_label: The same for the clips of each label.
    """

    n_clips: int
    first: Estimate
    among_five: Estimate | None
    by_label: dict[str, LabelAccuracy]

    @classmethod
    def of(cls, best: Best, truth: Truth, *, names: Sequence[str]) -> Accuracy | None:
        """Compare labels with the truth; None where nothing is known."""
        if not truth.labels:
            return None
        clips = np.array(sorted(truth.labels), np.int64)
        right = np.array(
            [[label in truth.labels[int(clip)] for label in best.labels[clip]] for clip in clips], np.bool_
        )
        shares = np.column_stack([right[:, 0], right.any(axis=1)]).astype(np.float64)
        (first, five), n_labels = resampled_means(shares, np.arange(len(clips))), len(names)
        with_label: dict[int, list[int]] = {}
        for place, clip in enumerate(clips.tolist()):
            for label in truth.labels[clip]:
                with_label.setdefault(label, []).append(place)
        by_label: dict[str, LabelAccuracy] = {}
        for label, places in sorted(with_label.items()):
            wrong = [int(best.labels[clips[place], 0]) for place in places if not right[place, 0]]
            often = max(sorted(set(wrong)), key=wrong.count, default=None)
            by_label[names[label]] = LabelAccuracy(
                n_clips=len(places),
                accuracy=float(right[places, 0].mean()),
                mistaken_for=None if often is None else names[often],
            )
        return cls(
            n_clips=len(clips),
            first=Estimate(float(shares[:, 0].mean()), *first, chance=1 / n_labels),
            among_five=Estimate(float(shares[:, 1].mean()), *five, chance=N_KEPT / n_labels)
            if n_labels > N_KEPT
            else None,
            by_label=by_label,
        )

    def to_json(self) -> dict[str, object]:
        """Return it as plain values that JSON can hold."""
        return {
            "n_clips": self.n_clips,
            "first": self.first.to_json(),
            "among_five": None if self.among_five is None else self.among_five.to_json(),
            "by_label": {
                name: {"n_clips": one.n_clips, "accuracy": round(one.accuracy, 4), "mistaken_for": one.mistaken_for}
                for name, one in self.by_label.items()
            },
        }


@dataclass(frozen=True)
class Classification:
    """What some clips were called.

    Attributes:
        encoder_id: The encoder that heard them.
        names: The labels there were to choose from.
        clip_ids: The clips [n_clips].
        paths: Their paths as people read them.
        best: Their best labels.
        truth: Their labels as the file of labels gives them, where it does.
        accuracy: How often they agree; None where the truth is not known.
        left_out: Labels and files that could not be used.
    """

    encoder_id: str
    names: tuple[str, ...]
    clip_ids: Int
    paths: tuple[str, ...]
    best: Best
    truth: Truth
    accuracy: Accuracy | None
    left_out: tuple[LeftOut, ...]

    @classmethod
    def of(
        cls, labels: Labels, clip_ids: Int, paths: Sequence[str], best: Best, *, encoder_id: str, where: str
    ) -> Classification:
        """Put together what was found, the clips in the order of their paths.

        Args:
            labels: The labels there were.
            clip_ids: The clips [n_clips].
            paths: Their paths as people read them.
            best: Their best labels.
            encoder_id: The encoder.
            where: What the clips are of, for the messages.

        Raises:
            UsageError: If the labels' file names files, and none of them is there.
        """
        order = np.array(sorted(range(len(paths)), key=paths.__getitem__), np.int64)
        paths = [paths[place] for place in order]
        best = best[order]
        truth = labels.truth_of(paths, where=where)
        return cls(
            encoder_id,
            labels.names,
            clip_ids[order],
            tuple(paths),
            best,
            truth,
            Accuracy.of(best, truth, names=labels.names),
            (*labels.left_out, *truth.left_out),
        )

    def called(self, *, least_score: float = 0.0) -> list[Int]:
        """Return for each label the places of the clips [n] that are called by it, the surest first.

        Args:
            least_score: Clips whose label scores less are left out.
        """
        if not len(self.clip_ids):
            return [np.empty(0, np.int64) for _ in self.names]
        first, scores = self.best.labels[:, 0], self.best.scores[:, 0]
        order = np.lexsort((-scores, first))
        order = order[scores[order] >= np.float32(least_score)]
        ends = np.searchsorted(first[order], np.arange(len(self.names) + 1))
        return [order[start:end] for start, end in pairwise(ends)]

    def rows(self) -> Iterator[tuple[int, str, int, float, float]]:
        """Yield clip id, label, rank from 1, score and cosine of every label that was kept."""
        kept = zip(self.clip_ids.tolist(), self.best.labels, self.best.scores, self.best.cosines, strict=True)
        for clip, labels, scores, cosines in kept:
            for rank, (label, score, cosine) in enumerate(zip(labels, scores, cosines, strict=True), start=1):
                yield clip, self.names[label], rank, float(score), float(cosine)

    def to_json(self) -> dict[str, object]:
        """Return it as plain values that JSON can hold; ids as text, because they exceed JavaScript's integers."""
        return {
            "encoder_id": self.encoder_id,
            "n_labels": len(self.names),
            "clips": [self._clip(place) for place in range(len(self.paths))],
            "accuracy": None if self.accuracy is None else self.accuracy.to_json(),
            "left_out": [some.to_json() for some in self.left_out],
        }

    def _clip(self, place: int) -> dict[str, object]:
        best = zip(self.best.labels[place], self.best.scores[place], self.best.cosines[place], strict=True)
        known = {} if self.accuracy is None else {"truth": self._truth(place)}
        return {
            "path": self.paths[place],
            "clip_id": str(self.clip_ids[place]),
            "labels": [
                {"label": self.names[label], "score": round(float(score), 6), "cosine": round(float(cosine), 6)}
                for label, score, cosine in best
            ],
            **known,
        }

    def _truth(self, place: int) -> list[str]:
        return [self.names[label] for label in sorted(self.truth.labels.get(place, ()))]
