"""The stages of the recipe, each resumable, with what they leave for one another in one folder."""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from ..encoder import Encoder
from ..msclap.modeling import MSClapTextModelWithProjection
from .anchors import Anchors, embed_texts
from .audio import AudioRecipe, AudioStudent, audio_config, enlarged, train_audio
from .corpus import Example, WaveformCache, read_examples
from .evaluate import HeldOut, encoder_figures
from .export import export_checkpoint
from .mels import MelStore
from .parallel import Team, run_team
from .phrases import all_phrases
from .retrieval import Retrieval
from .space import Floats
from .text import make_lesson, text_config, train_text
from .tokenizer import train_tokenizer

_log = logging.getLogger(__name__)

# Sides of the audio tower's image: a whole segment, and a quarter of one.
WHOLE, QUARTER = 128, 64


@dataclass(frozen=True)
class Materials:
    """Where everything is.

    Attributes:
        captions: Csv files of captioned clips to learn from.
        held_out: Csv file of captioned clips to measure on, from other packages.
        caches: Folders of waveforms, as `data/corpus/fetch.py` and `data/corpus/synthesised.py` fill them.
        wordnet: Folder of WordNet's `data.*` files.
        folder: Where checkpoints, log-mels and logs go.
    """

    captions: tuple[Path, ...]
    held_out: Path
    caches: tuple[Path, ...]
    wordnet: Path
    folder: Path

    def examples(self) -> list[Example]:
        """The clips to learn from."""
        return [example for path in self.captions for example in read_examples(path)]


def teach_text(materials: Materials, *, minutes: float) -> None:
    """Vocabulary, teacher's embeddings and text tower."""
    folder = materials.folder
    examples = materials.examples()
    captions = sorted({text for e in examples for text in (e.caption, e.concept)})
    phrases = all_phrases(materials.wordnet, captions)
    if not (folder / "tokenizer").exists():
        train_tokenizer([phrase.text for phrase in phrases]).save_pretrained(folder / "tokenizer")
    tokenizer = read_tokenizer(folder)
    _log.info("%d phrases for the text tower", len(phrases))
    lesson = make_lesson(phrases, tokenizer, folder)
    train_text(lesson, folder, minutes=minutes, vocab_size=len(tokenizer))


def compute_mels(materials: Materials) -> None:
    """Log-mels of the corpus and of the held-out clips."""
    cache = WaveformCache(*materials.caches)
    MelStore.build(read_examples(materials.held_out), cache, materials.folder / "held_out.npy", speeds=(1.0,))
    store = MelStore.build(materials.examples(), cache, materials.folder / "train.npy")
    _log.info("%d clips to learn from", len(store.examples))


def read_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer that the text stage left."""
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
    return tokenizer


def read_text(folder: Path) -> MSClapTextModelWithProjection:
    """The text tower that the text stage left."""
    model = MSClapTextModelWithProjection(text_config(len(read_tokenizer(folder))))
    model.load_state_dict(torch.load(folder / "text.pt", weights_only=True)["model"])
    return model.eval()


def read_audio(folder: Path, *, spec_size: int = WHOLE) -> AudioStudent:
    """The audio tower that a part of the audio stage left: the running mean of its weights."""
    student = AudioStudent(audio_config(spec_size=spec_size))
    student.load_state_dict(torch.load(folder / f"audio-{spec_size}.pt", weights_only=True)["mean"])
    return student.eval()


def _embedder(folder: Path) -> Callable[[Sequence[str]], Floats]:
    model, tokenizer = read_text(folder), read_tokenizer(folder)
    return lambda texts: embed_texts(model, tokenizer, texts)


def audio_member(team: Team, folder: Path, recipe: AudioRecipe) -> None:
    """What each process of the audio stage does."""
    embed = _embedder(folder)
    store = MelStore.load(folder / "train.npy")
    held_out = HeldOut.of(MelStore.load(folder / "held_out.npy"), embed)
    anchors = Anchors.build(store.examples, embed)
    whole = recipe.spec_size == WHOLE
    initial = enlarged(read_audio(folder, spec_size=QUARTER), spec_size=WHOLE) if whole else None

    def figures(student: AudioStudent) -> dict[str, object]:
        return held_out.figures(student if whole else enlarged(student, spec_size=WHOLE)).to_json()

    train_audio(store, anchors, folder, recipe, team, figures, initial=initial)


def teach_audio(materials: Materials, *, minutes: float, n_processes: int) -> None:
    """The audio tower: first on quarters of segments, which are cheap, then on whole ones."""
    for recipe in (
        AudioRecipe(minutes=0.64 * minutes, spec_size=QUARTER, batch=64, peak_rate=1.5e-3, averaging=0.996),
        AudioRecipe(minutes=0.36 * minutes, spec_size=WHOLE, batch=32, peak_rate=4e-4, averaging=0.99),
    ):
        run_team(n_processes, materials.folder, audio_member, materials.folder, recipe)


def export(materials: Materials, out: Path) -> None:
    """The checkpoint."""
    export_checkpoint(read_text(materials.folder), read_audio(materials.folder), read_tokenizer(materials.folder), out)


def evaluate(materials: Materials, checkpoint: Path) -> Retrieval:
    """Figures of a checkpoint on the held-out clips, through `Encoder`; also written beside the logs."""
    figures = encoder_figures(
        Encoder.from_pretrained(checkpoint), read_examples(materials.held_out), WaveformCache(*materials.caches)
    )
    (materials.folder / "figures.json").write_text(json.dumps(figures.to_json(), indent=1) + "\n", encoding="utf-8")
    return figures
