"""Where texts lie in the shared space: the points that sounds are drawn to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedTokenizerBase

from ..msclap.modeling import MSClapModel, MSClapTextModelWithProjection
from ..msclap.text import token_ids
from .corpus import Example
from .space import Floats
from .text import batch_of
from .tokenizer import MAX_TOKENS
from .vocabulary import event_phrases

# Shares of a captioned clip's label: its caption, its concept, texts near to both, and what the listener hears.
CAPTION_SHARE, CONCEPT_SHARE, NEAR_SHARE, HEARD_SHARE = 0.5, 0.15, 0.2, 0.15
NEIGHBOUR_TEMPERATURE = 0.05
# A clip without a caption has only what the listener hears; classes below this score are not heard.
FAINT = 0.1
N_HEARD = 6
# Classes that say nothing about the source.
SILENT_CLASSES = frozenset(
    {
        "Silence",
        "Sound effect",
        "Inside, small room",
        "Inside, large room or hall",
        "Inside, public space",
        "Outside, urban or manmade",
        "Outside, rural or natural",
        "Field recording",
        "Reverberation",
        "Echo",
        "Single-lens reflex camera",
    }
)


def embed_texts(
    model: MSClapModel | MSClapTextModelWithProjection, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]
) -> Floats:
    """Text embeddings `[n_texts, embedding_dim]`, unit length."""
    ids = token_ids(tokenizer, texts, max_tokens=MAX_TOKENS)
    rows: list[Floats] = []
    with torch.inference_mode():
        for first in range(0, len(ids), 512):
            padded, mask = batch_of(ids[first : first + 512])
            states = model.text_model(padded, mask).pooler_output
            rows.append(torch.nn.functional.normalize(model.text_projection(states), dim=-1).numpy())
    return np.concatenate(rows)


def class_phrases(name: str) -> list[str]:
    """Return the names of one AudioSet class: "Vehicle horn, car horn, honking" is three."""
    return [part.strip().lower() for part in name.replace("(", ",").replace(")", "").split(",") if part.strip()]


@dataclass(frozen=True)
class Anchors:
    """Text embeddings of captions, concepts and vocabulary, and of the classes that the listener names.

    Attributes:
        texts: The captions, concepts and phrases, sorted.
        embeddings: Where they lie, then where the classes lie, `[n_texts + n_classes, embedding_dim]`, unit length.
        class_weights: How much each class counts: rare ones more, silent ones nothing, `[n_classes]`.
        caption_of: Text of each clip's caption, `[n_clips]`; -1 without one.
        concept_of: Text of each clip's concept, `[n_clips]`; -1 without one.
        near: How a text's label spreads over the texts, `[n_texts, n_texts]`, rows sum to 1.
    """

    texts: tuple[str, ...]
    embeddings: Floats
    class_weights: Floats
    caption_of: npt.NDArray[np.int64]
    concept_of: npt.NDArray[np.int64]
    near: Floats

    @classmethod
    def build(
        cls,
        examples: Sequence[Example],
        embed: Callable[[Sequence[str]], Floats],
        class_names: Sequence[str],
        class_means: Floats,
    ) -> "Anchors":
        """Embed every caption, concept, phrase and class name.

        Args:
            examples: The clips that are learnt from.
            embed: From texts to unit rows `[n_texts, embedding_dim]`.
            class_names: Names of the listener's classes.
            class_means: Mean score of each class over the clips, `[n_classes]`.
        """
        captioned = [example for example in examples if example.caption]
        texts = sorted({e.caption for e in captioned} | {e.concept for e in captioned} | set(event_phrases()))
        number = {text: i for i, text in enumerate(texts)}
        own = embed(texts)
        likeness = np.exp((own @ own.T - 1) / NEIGHBOUR_TEMPERATURE)
        parts = [class_phrases(name) for name in class_names]
        rows = np.split(embed([p for group in parts for p in group]), np.cumsum([len(group) for group in parts])[:-1])
        classes = np.stack([group.mean(0) for group in rows])
        classes /= np.linalg.norm(classes, axis=1, keepdims=True)
        weights = 1 / np.sqrt(class_means + 2e-3)
        weights *= [name not in SILENT_CLASSES for name in class_names]
        return cls(
            tuple(texts),
            np.concatenate([own, classes]).astype(np.float32),
            (weights / weights.max()).astype(np.float32),
            np.array([number.get(e.caption, -1) if e.caption else -1 for e in examples]),
            np.array([number.get(e.concept, -1) if e.concept else -1 for e in examples]),
            (likeness / likeness.sum(1, keepdims=True)).astype(np.float32),
        )

    def heard(self, scores: Floats) -> tuple[Floats, Floats]:
        """Return what the listener names: shares of the classes `[n, n_classes]`, and how sure it is `[n]`, 0 to 1."""
        loud = np.where(scores * (self.class_weights > 0) < FAINT, 0, scores)
        sure = loud.max(1)
        shares = loud**1.5 * self.class_weights
        n_heard = min(N_HEARD, shares.shape[1])
        least = np.partition(shares, -n_heard, axis=1)[:, -n_heard, None]
        shares = np.where(shares < least, 0, shares)
        return shares / np.maximum(shares.sum(1, keepdims=True), 1e-9), sure

    def labels(
        self,
        first: npt.NDArray[np.int64],
        second: npt.NDArray[np.int64],
        share: Floats,
        scores: tuple[Floats, Floats],
    ) -> Floats:
        """Target distribution over `embeddings`, `[n_segments, n_texts + n_classes]`.

        Args:
            first: Clip of each segment, `[n_segments]`.
            second: The clip mixed into it, or the same.
            share: How much of the label goes to the first.
            scores: Class scores of both, each `[n_segments, n_classes]`.

        Returns:
            Rows that sum to 1 with a caption, and to the listener's sureness without.
        """
        n_texts = len(self.texts)
        labels = np.zeros((len(first), len(self.embeddings)), dtype=np.float32)
        rows = np.arange(len(first))
        for clips, weight, heard in ((first, share, scores[0]), (second, 1 - share, scores[1])):
            shares, sure = self.heard(heard)
            caption, concept = self.caption_of[clips], self.concept_of[clips]
            known = caption >= 0
            here, caption, concept, part = rows[known], caption[known], concept[known], weight[known]
            np.add.at(labels, (here, caption), part * CAPTION_SHARE)
            np.add.at(labels, (here, concept), part * CONCEPT_SHARE)
            labels[here, :n_texts] += part[:, None] * NEAR_SHARE * self.near[caption]
            # What the listener is unsure of goes to the caption.
            labels[here, n_texts:] += (part * HEARD_SHARE * sure[known])[:, None] * shares[known]
            np.add.at(labels, (here, caption), part * HEARD_SHARE * (1 - sure[known]))
            labels[rows[~known], n_texts:] += (weight * sure)[~known, None] * shares[~known]
        return labels

    def clip_weights(self, *, power: float, others: float) -> npt.NDArray[np.float64]:
        """Chance of each clip, sums to 1.

        Args:
            power: Concepts of `n` clips are drawn in proportion to `n ** power`.
            others: Share of draws that go to clips without a caption, all alike.
        """
        known = self.concept_of >= 0
        counts = np.bincount(self.concept_of[known], minlength=len(self.texts)).astype(np.float64)
        weights = np.zeros(len(known))
        weights[known] = counts[self.concept_of[known]] ** (power - 1)
        if known.all() or not known.any():
            others = float(not known.any())
        weights[known] *= (1 - others) / max(weights[known].sum(), 1e-12)
        weights[~known] = others / max((~known).sum(), 1)
        return weights / weights.sum()
