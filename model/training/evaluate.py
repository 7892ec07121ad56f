"""What a tower, or a whole checkpoint, finds among clips that it was not taught on."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from ..audio.segments import segment_starts
from ..encoders.encoder import Encoder
from .audio import AudioStudent
from .corpus import Example, WaveformCache
from .mels import N_FRAMES, MelStore
from .retrieval import Questions, Retrieval, Scores, best_of_segments, measure
from .space import Floats

CATEGORIES = (
    "animals",
    "drums",
    "fire",
    "footsteps",
    "human",
    "instruments",
    "machines",
    "music",
    "speech",
    "vehicles",
    "water",
    "weapons",
)
"""The categories asked for by name: those that name a source and have more than a few held-out clips."""

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
    """Return the text that stands for a category."""
    return _CATEGORY_TEXTS.get(category, category)


def _split(cell: str) -> frozenset[str]:
    return frozenset(name.strip() for name in cell.split(";") if name.strip())


def read_questions(clips: Sequence[Example], folder: Path) -> Questions:
    """Return what is asked of held-out clips, with `concepts.csv` and `synonyms.csv` of the folder if they are there.

    Args:
        clips: The held-out clips.
        folder: The folder of their list.
    """
    also: dict[str, frozenset[str]] = {}
    synonyms: list[tuple[str, frozenset[str]]] = []
    if (folder / "concepts.csv").is_file():
        with (folder / "concepts.csv").open(newline="", encoding="utf-8") as file:
            also = {row["concept"]: _split(row.get("also") or "") for row in csv.DictReader(file)}
    if (folder / "synonyms.csv").is_file():
        with (folder / "synonyms.csv").open(newline="", encoding="utf-8") as file:
            synonyms = [(row["word"], _split(row["concepts"])) for row in csv.DictReader(file)]
    held = {clip.category for clip in clips}
    categories = [name for name in CATEGORIES if name in held] or None
    return Questions.of(clips, also=also, categories=categories, synonyms=synonyms)


def score(
    questions: Questions,
    embeddings: Floats,
    clip_of: npt.NDArray[np.int64],
    embed: Callable[[list[str]], Floats],
) -> Retrieval:
    """Figures of embedded clips.

    Args:
        questions: What is asked of them.
        embeddings: Of their segments, `[n_segments, embedding_dim]`, unit length.
        clip_of: Clip of each segment.
        embed: From texts to unit rows `[n_texts, embedding_dim]`.
    """

    def of(texts: list[str]) -> Floats:
        if not texts:
            return np.zeros((0, len(questions.clips)), dtype=np.float32)
        return best_of_segments(embed(texts) @ embeddings.T, clip_of, len(questions.clips))

    scores = Scores(
        of([query.caption for query in questions.queries]),
        of([category_text(category) for category in questions.categories]),
        of([example.caption for example in questions.fine]),
        of([word for word, _ in questions.synonyms]),
    )
    return measure(scores, questions)


@dataclass(frozen=True)
class HeldOut:
    """Held-out clips as log-mels beside what is asked of them.

    Attributes:
        mels: float32 `[n_segments, 1, 256, 64]`.
        clip_of: Clip of each segment, `[n_segments]`.
        questions: What is asked.
        embed: From texts to unit rows `[n_texts, embedding_dim]`.
    """

    mels: Floats
    clip_of: npt.NDArray[np.int64]
    questions: Questions
    embed: Callable[[Sequence[str]], Floats]

    @classmethod
    def of(cls, store: MelStore, questions: Questions, embed: Callable[[Sequence[str]], Floats]) -> "HeldOut":
        """Cut the store's clips, which are those that are asked about, into segments."""
        mels: list[npt.NDArray[np.float16]] = []
        clip_of: list[int] = []
        for clip in range(len(store.examples)):
            frames = store.mels(clip)
            for start in segment_starts(len(frames), segment_samples=N_FRAMES, hop_samples=N_FRAMES):
                mels.append(frames[start : start + N_FRAMES])
                clip_of.append(clip)
        return cls(np.stack(mels)[:, None].astype(np.float32), np.array(clip_of), questions, embed)

    def figures(self, student: AudioStudent) -> Retrieval:
        """Retrieval figures of an audio tower."""
        with torch.inference_mode():
            parts = [student(torch.from_numpy(self.mels[i : i + 64])).numpy() for i in range(0, len(self.mels), 64)]
        return score(self.questions, np.concatenate(parts), self.clip_of, self.embed)


def encoder_figures(
    encoder: Encoder, examples: Sequence[Example], cache: WaveformCache, *, lists: Path | None = None
) -> Retrieval:
    """Retrieval figures of a whole checkpoint, through the same calls as a collection's.

    Args:
        encoder: The checkpoint.
        examples: Captioned clips; those that the cache lacks are left out.
        cache: Their waveforms, at the encoder's rate.
        lists: Folder of `concepts.csv` and `synonyms.csv`.
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
    questions = Questions.of(clips) if lists is None else read_questions(clips, lists)
    return score(questions, np.concatenate(rows), np.array(clip_of), encoder.embed_text)
