"""Where texts lie in the shared space: the points that sounds are drawn to."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedTokenizerBase

from ..msclap.modeling import MSClapModel, MSClapTextModelWithProjection
from ..msclap.text import token_ids
from .corpus import Example
from .phrases import templated
from .space import Floats, unit
from .text import batch_of
from .tokenizer import MAX_TOKENS
from .vocabulary import event_phrases

# Neighbours of a concept among the vocabulary share this much of its label, by softmax of cosine / temperature.
NEIGHBOUR_SHARE = 0.25
NEIGHBOUR_TEMPERATURE = 0.06


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
            rows.append(model.text_projection(states).numpy())
    return unit(np.concatenate(rows))


@dataclass(frozen=True)
class Anchors:
    """Text embeddings of every concept, in many wordings, and of the vocabulary around them.

    Attributes:
        concepts: Names, in order.
        wordings: Embeddings of the wordings of each concept, each `[n_wordings, embedding_dim]`.
        vocabulary: Embeddings of the vocabulary's phrases, `[n_phrases, embedding_dim]`.
        neighbours: How each concept's label spreads over the vocabulary, `[n_concepts, n_phrases]`, rows sum to 1.
        concept_of: Concept of each clip, `[n_clips]`.
    """

    concepts: tuple[str, ...]
    wordings: tuple[Floats, ...]
    vocabulary: Floats
    neighbours: Floats
    concept_of: npt.NDArray[np.int64]

    @classmethod
    def build(
        cls,
        examples: Sequence[Example],
        embed: Callable[[Sequence[str]], Floats],
    ) -> "Anchors":
        """Embed every wording of every concept's captions and name.

        Args:
            examples: The clips that are learnt from.
            embed: From texts to unit rows `[n_texts, embedding_dim]`: the text tower, or its teacher.
        """
        captions: dict[str, set[str]] = defaultdict(set)
        for example in examples:
            captions[example.concept] |= {example.caption, example.concept}
        concepts = tuple(sorted(captions))
        texts = [sorted({p.text for caption in captions[c] for p in templated(caption)}) for c in concepts]
        flat = embed([text for group in texts for text in group])
        ends = np.cumsum([len(group) for group in texts])
        wordings = tuple(np.split(flat, ends[:-1]))
        vocabulary = embed(event_phrases())
        means = unit(np.stack([rows.mean(0) for rows in wordings]))
        likeness = np.exp((means @ vocabulary.T - 1) / NEIGHBOUR_TEMPERATURE)
        number = {concept: i for i, concept in enumerate(concepts)}
        return cls(
            concepts,
            wordings,
            vocabulary,
            (likeness / likeness.sum(1, keepdims=True)).astype(np.float32),
            np.array([number[example.concept] for example in examples]),
        )

    def draw(self, chance: np.random.Generator) -> Floats:
        """One wording of each concept, then the vocabulary: `[n_concepts + n_phrases, embedding_dim]`."""
        own = np.stack([rows[chance.integers(len(rows))] for rows in self.wordings])
        return np.concatenate([own, self.vocabulary])

    def labels(self, first: npt.NDArray[np.int64], second: npt.NDArray[np.int64], share: Floats) -> Floats:
        """Target distribution over what `draw` returns, `[n_segments, n_concepts + n_phrases]`, rows sum to 1."""
        labels = np.zeros((len(first), len(self.concepts) + len(self.vocabulary)), dtype=np.float32)
        rows = np.arange(len(first))
        for clips, weight in ((first, share), (second, 1 - share)):
            concept = self.concept_of[clips]
            np.add.at(labels, (rows, concept), weight * (1 - NEIGHBOUR_SHARE))
            labels[:, len(self.concepts) :] += weight[:, None] * NEIGHBOUR_SHARE * self.neighbours[concept]
        return labels

    def clip_weights(self, *, power: float) -> npt.NDArray[np.float64]:
        """Chance of each clip: concepts of `n` clips are drawn in proportion to `n ** power`."""
        counts = np.bincount(self.concept_of, minlength=len(self.concepts)).astype(np.float64)
        weights = counts[self.concept_of] ** (power - 1)
        return np.asarray(weights / weights.sum())
