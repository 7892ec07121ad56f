"""Labelling: which of some labels each clip's sound is nearest to, without ever having been taught them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ...model.errors import UsageError
from .labels import Labels
from .retrieval import embed_texts

if TYPE_CHECKING:
    from ...model.encoders.encoder import Encoder
    from ..collection import Collection

Float = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]

TEMPLATES = ("this is the sound of {}",)
"""What a label becomes before it is embedded: the prompt of MSCLAP's own zero-shot examples.

On held-out clips, with 17 to 214 labels, `mini` does as well with nine others, averages of several among them.
"""

N_KEPT = 5
"""How many of a clip's labels are kept, best first."""

_PLACE = "{}"
_MAX_SCORES = 8_000_000


class Labeller:
    """The labels as embeddings, to hold clips against.

    A clip is as near to a label as its best segment, as in a search. Its score for the label is the label's share in a
    softmax over all labels of the cosines times the encoder's learned scale (Radford et al., 2021, 3.1.2): scores of a
    clip add up to 1, so they say which label it is rather than the others, and not whether it is any of them; the
    cosine says how near it is.

    Args:
        embeddings: [n_labels, embedding_dim], unit rows.
        scale: What cosines are multiplied by.
    """

    def __init__(self, embeddings: Float, *, scale: float) -> None:
        self.embeddings = embeddings
        self._scale = scale

    @classmethod
    def of(
        cls,
        labels: Labels,
        encoder: Encoder,
        *,
        templates: Sequence[str] = TEMPLATES,
        progress: Callable[[int, int], None] | None = None,
    ) -> Labeller:
        """Embed labels: each in every template, and their mean, at unit length.

        Args:
            labels: The labels.
            encoder: The encoder of the clips.
            templates: Texts with {} where the label goes.
            progress: Called with how many texts are embedded, and of how many.

        Raises:
            UsageError: If there is no template, or one has no {} in it.
        """
        check_templates(templates)
        texts = [template.replace(_PLACE, text) for text in labels.texts() for template in templates]
        rows = embed_texts(encoder, texts, progress=progress)
        means = rows.reshape(len(labels.names), len(templates), -1).mean(axis=1)
        lengths = np.linalg.norm(means, axis=1, keepdims=True)
        return cls(means / np.maximum(lengths, np.finfo(np.float32).tiny), scale=encoder.logit_scale)

    def best(self, cosines: Float) -> Best:
        """Choose the best labels of some clips by their cosines with all labels [n_clips, n_labels]."""
        n_kept = min(N_KEPT, cosines.shape[1])
        nearest = np.argpartition(-cosines, n_kept - 1, axis=1)[:, :n_kept]
        nearest.sort(axis=1)  # so that of equal ones the label that was named first comes first
        order = np.argsort(-np.take_along_axis(cosines, nearest, axis=1), axis=1, kind="stable")
        labels = np.take_along_axis(nearest, order, axis=1)
        kept = np.take_along_axis(cosines, labels, axis=1)
        highest = kept[:, :1].astype(np.float64)
        total = np.exp(self._scale * (cosines - highest)).sum(axis=1, keepdims=True)
        scores = np.exp(self._scale * (kept - highest)) / total
        return Best(labels, scores.astype(np.float32), kept)


@dataclass(frozen=True)
class Best:
    """The best labels of some clips, best first.

    Attributes:
        labels: Places among the labels [n_clips, n_kept].
        scores: Their shares in the softmax over all labels [n_clips, n_kept], 0 to 1.
        cosines: Cosines of the clip's best segment and the label [n_clips, n_kept].
    """

    labels: Int
    scores: Float
    cosines: Float

    @classmethod
    def joined(cls, parts: Sequence[Best]) -> Best:
        """Put the labels of several batches of clips together."""
        return cls(
            np.concatenate([part.labels for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.cosines for part in parts]),
        )

    def __getitem__(self, clips: Int) -> Best:
        """Take some of the clips."""
        return Best(self.labels[clips], self.scores[clips], self.cosines[clips])


def check_templates(templates: Sequence[str]) -> None:
    """Refuse templates that no label can be put into.

    Raises:
        UsageError: If there is none, or one has no {} in it.
    """
    if not templates:
        raise UsageError("there is no template to put the labels into")
    for template in templates:
        if _PLACE not in template:
            raise UsageError(f"the template {template!r} has no {{}} where the label goes")


def label_collection(collection: Collection, labeller: Labeller) -> tuple[Int, Best]:
    """Choose labels for every clip of a collection.

    Args:
        collection: The collection.
        labeller: The labels.

    Returns:
        The clips' ids [n_clips], in any order, and their best labels.

    Raises:
        CollectionError: If the collection cannot be read.
    """
    ids: list[Int] = []
    parts: list[Best] = []
    for clip_ids, cosines in _cosines(collection, labeller.embeddings):
        ids.append(clip_ids)
        parts.append(labeller.best(cosines))
    if not parts:
        return np.empty(0, np.int64), labeller.best(np.empty((0, len(labeller.embeddings)), np.float32))
    return np.concatenate(ids), Best.joined(parts)


def best_of_segments(segments: Float, labels: Float) -> Float:
    """Return the cosines [n_labels] of a clip's best segment and each label, each label's own best."""
    best: Float = (segments @ labels.T).max(axis=0)
    return best


def _cosines(collection: Collection, labels: Float) -> Iterator[tuple[Int, Float]]:
    """Yield clips [n] with their cosines [n, n_labels], each once all its segments are read, in bounded memory."""
    rows = collection.encoding.rows
    clips, counts = np.unique(rows.clip_ids, return_counts=True)
    n_left = dict(zip(clips.tolist(), counts.tolist(), strict=True))
    open_clips: dict[int, Float] = {}
    n_batch = max(64, min(8_192, _MAX_SCORES // max(1, len(labels))))
    for segment_ids, embeddings in collection.encoding.read_embeddings(n_batch=n_batch):
        of = rows.clip_ids[rows.find(segment_ids)]
        order = np.argsort(of, kind="stable")
        here, starts, n_here = np.unique(of[order], return_index=True, return_counts=True)
        cosines = np.maximum.reduceat(embeddings[order] @ labels.T, starts, axis=0)
        is_done = np.ones(len(here), np.bool_)
        for place, clip in enumerate(here.tolist()):
            n_left[clip] -= int(n_here[place])
            if clip in open_clips:
                cosines[place] = np.maximum(cosines[place], open_clips.pop(clip))
            if n_left[clip]:
                open_clips[clip] = cosines[place].copy()
                is_done[place] = False
        yield here[is_done], cosines[is_done]
