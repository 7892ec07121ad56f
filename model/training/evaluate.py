"""What a tower, or a whole checkpoint, finds among clips that it was not taught on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ..encoder import Encoder
from ..segments import segment_starts
from .audio import AudioStudent
from .corpus import Example, WaveformCache
from .mels import N_FRAMES, MelStore
from .retrieval import Retrieval, best_of_segments, distinct_queries, measure
from .space import Floats


@dataclass(frozen=True)
class HeldOut:
    """Held-out clips as log-mels beside the embeddings of their captions.

    Attributes:
        mels: float32 `[n_segments, 1, 256, 64]`.
        clip_of: Clip of each segment, `[n_segments]`.
        clips: The clips.
        queries: One query a caption.
        query_embeddings: `[n_queries, embedding_dim]`, unit length.
        categories: Names of the categories.
        category_embeddings: `[n_categories, embedding_dim]`, unit length.
    """

    mels: Floats
    clip_of: npt.NDArray[np.int64]
    clips: tuple[Example, ...]
    queries: tuple[Example, ...]
    query_embeddings: Floats
    categories: tuple[str, ...]
    category_embeddings: Floats

    @classmethod
    def of(cls, store: MelStore, embed: Callable[[Sequence[str]], Floats]) -> "HeldOut":
        """Cut the store's clips into segments and embed their captions."""
        mels: list[npt.NDArray[np.float16]] = []
        clip_of: list[int] = []
        for clip in range(len(store.examples)):
            frames = store.mels(clip)
            for start in segment_starts(len(frames), segment_samples=N_FRAMES, hop_samples=N_FRAMES):
                mels.append(frames[start : start + N_FRAMES])
                clip_of.append(clip)
        queries = tuple(distinct_queries(store.examples))
        categories = tuple(sorted({clip.category for clip in store.examples}))
        return cls(
            np.stack(mels)[:, None].astype(np.float32),
            np.array(clip_of),
            store.examples,
            queries,
            embed([query.caption for query in queries]),
            categories,
            embed([category_text(category) for category in categories]),
        )

    def figures(self, student: AudioStudent) -> Retrieval:
        """Retrieval figures of an audio tower."""
        with torch.inference_mode():
            parts = [student(torch.from_numpy(self.mels[i : i + 64])).numpy() for i in range(0, len(self.mels), 64)]
        return self._measure(np.concatenate(parts))

    def _measure(self, embeddings: Floats) -> Retrieval:
        n_clips = len(self.clips)
        return measure(
            best_of_segments(self.query_embeddings @ embeddings.T, self.clip_of, n_clips),
            self.queries,
            self.clips,
            category_scores=best_of_segments(self.category_embeddings @ embeddings.T, self.clip_of, n_clips),
            categories=self.categories,
        )


# How a category is called in a query, where its own name does not say it.
_CATEGORY_TEXTS = {
    "human": "human sounds",
    "drums": "drums and percussion",
    "instruments": "a musical instrument",
    "alerts": "user interface sounds",
    "impacts": "impact sounds",
    "household": "household sounds",
    "machines": "machines and tools",
    "weapons": "weapons and explosions",
    "ambience": "background ambience",
    "water": "water sounds",
}


def category_text(category: str) -> str:
    """The text that stands for a category."""
    return _CATEGORY_TEXTS.get(category, category)


def encoder_figures(encoder: Encoder, examples: Sequence[Example], cache: WaveformCache) -> Retrieval:
    """Retrieval figures of a whole checkpoint, through the same calls as a collection's.

    Args:
        encoder: The checkpoint.
        examples: Captioned clips; those that the cache lacks are left out.
        cache: Their waveforms, at the encoder's rate.
    """
    rows: list[Floats] = []
    clip_of: list[int] = []
    clips: list[Example] = []
    size = encoder.segment_samples
    for example in examples:
        waveform = cache.waveform(example)
        if waveform is None or not waveform.any():
            continue
        starts = segment_starts(len(waveform), segment_samples=size, hop_samples=size)
        rows.append(encoder.embed_audio([waveform[start : start + size] for start in starts]))
        clip_of += [len(clips)] * len(starts)
        clips.append(example)
    queries = distinct_queries(clips)
    categories = sorted({clip.category for clip in clips})
    embeddings = np.concatenate(rows).T
    places = np.array(clip_of)
    return measure(
        best_of_segments(encoder.embed_text([q.caption for q in queries]) @ embeddings, places, len(clips)),
        queries,
        clips,
        category_scores=best_of_segments(
            encoder.embed_text([category_text(c) for c in categories]) @ embeddings, places, len(clips)
        ),
        categories=categories,
    )
