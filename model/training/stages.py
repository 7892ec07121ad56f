"""The stages of the recipe, each resumable, with what they leave for one another in one folder."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from ..encoders.encoder import Encoder
from ..errors import UsageError
from ..msclap.modeling import MSClapTextModelWithProjection
from .anchors import Anchors, class_phrases
from .audio import AudioRecipe, AudioStudent, Material, audio_config, enlarged, train_audio
from .corpus import Example, WaveformCache, read_examples, read_places
from .effects import EffectsListener, effects_file
from .evaluate import HeldOut, encoder_figures, read_questions
from .export import export_checkpoint
from .gap import close_gap
from .guide import Guide, clip_features
from .hearing import Hearing
from .listener import Listener, class_names, listener_folder
from .mels import MelStore
from .parallel import Team, run_team
from .phrases import all_phrases
from .retrieval import Retrieval
from .space import Floats
from .teacher import TextTargets
from .text import EMBEDDING_DIM, make_lesson, text_config, train_text
from .tokenizer import train_tokenizer

_log = logging.getLogger(__name__)

TEXT_STEPS = 6000
# Concepts of n clips count in proportion to n to this power where means are taken.
BALANCE = 0.5
# The most clips without a caption that are taken from one package.
OTHERS_OF_A_PACKAGE = 400
# Clips without captions were not compared with the held-out ones; those that the listener finds so like are left out.
COPY = 0.92
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
        """Return the clips to learn from."""
        return [example for path in self.captions for example in read_examples(path)]

    def lists(self) -> list[Path]:
        """Return the csv files whose clips are spoken for: captioned, held out, or dropped as copies."""
        dropped = self.held_out.with_name("dropped.csv")
        return [*self.captions, self.held_out, *([dropped] if dropped.is_file() else [])]


def teach_text(materials: Materials, *, n_steps: int) -> None:
    """Vocabulary, teacher's embeddings and text tower."""
    folder = materials.folder
    examples = materials.examples()
    classes = {phrase for name in class_names(listener_folder()) for phrase in class_phrases(name)}
    captions = sorted(classes.union(*((e.caption, e.concept) for e in examples)))
    phrases = all_phrases(materials.wordnet, captions)
    if not (folder / "tokenizer").exists():
        train_tokenizer([phrase.text for phrase in phrases]).save_pretrained(folder / "tokenizer")
    tokenizer = read_tokenizer(folder)
    _log.info("%d phrases for the text tower", len(phrases))
    train_text(make_lesson(phrases, tokenizer, folder), folder, tokenizer, n_steps=n_steps)


def compute_mels(materials: Materials) -> None:
    """Log-mels of the corpus, of clips without captions, and of the held-out clips; and what the listeners hear.

    What an earlier run finished is kept.

    Raises:
        UsageError: If the caches hold no clip of the lists.
    """
    cache = WaveformCache(*materials.caches)
    folder = materials.folder
    examples, held_out = materials.examples(), read_examples(materials.held_out)
    for name, clips in (("captions", examples), ("held-out clips", held_out)):
        found = sum(cache.holds(example) for example in clips)
        if not found:
            folders = ", ".join(map(str, materials.caches))
            raise UsageError(f"{folders}: none of the {name} are here; fill the cache with data/corpus/fetch.py")
        if found < len(clips):
            gaps = sorted({example.package for example in clips if not cache.holds(example)})
            _log.warning("%d of %d %s are in the cache; some of %s are missing", found, len(clips), name, gaps)
    if not (folder / "held_out.json").exists():
        MelStore.build(held_out, cache, folder / "held_out.npy", speeds=(1.0,))
    if not (folder / "train.json").exists():
        others = cache.others(
            [place for path in materials.lists() for place in read_places(path)],
            packages=sorted({example.package for example in examples}),
            at_most=OTHERS_OF_A_PACKAGE,
        )
        heard = Hearing.build([*held_out, *others], cache, Listener(listener_folder()), None, folder / "others.npz")
        copies = heard.copies(len(held_out), above=COPY)
        kept = [other for other, copy in zip(others, copies, strict=True) if not copy]
        MelStore.build([*examples, *kept], cache, folder / "train.npy")
    store = MelStore.load(folder / "train.npy")
    if not (folder / "hearing.npz").exists():
        listener, effects = Listener(listener_folder()), EffectsListener(effects_file())
        Hearing.build(store.examples, cache, listener, effects, folder / "hearing.npz")
    captioned = sum(bool(example.caption) for example in store.examples)
    _log.info("%d captioned clips to learn from, %d others", captioned, len(store.examples) - captioned)


def read_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """Return the tokenizer that the text stage left."""
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
    return tokenizer


def read_text(folder: Path) -> MSClapTextModelWithProjection:
    """Return the text tower that the text stage left."""
    model = MSClapTextModelWithProjection(text_config(len(read_tokenizer(folder))))
    model.load_state_dict(torch.load(folder / "text.pt", weights_only=True)["model"])
    return model.eval()


def read_audio(folder: Path, *, spec_size: int = WHOLE) -> AudioStudent:
    """Return the audio tower that a part of the audio stage left: the running mean of its weights."""
    student = AudioStudent(audio_config(spec_size=spec_size))
    student.load_state_dict(torch.load(folder / f"audio-{spec_size}.pt", weights_only=True)["mean"])
    return student.eval()


def read_material(folder: Path) -> Material:
    """Return what the earlier stages left for the audio tower."""
    store = MelStore.load(folder / "train.npy")
    hearing = Hearing.load(folder / "hearing.npz")
    targets = TextTargets(folder, embedding_dim=EMBEDDING_DIM)
    means = hearing.scores[::4].astype("float32").mean(0)
    anchors = Anchors.build(store.examples, targets, class_names(listener_folder()), means)
    return Material(store, hearing, anchors, _guided(store.examples, hearing, anchors, targets, folder))


def _guided(
    examples: Sequence[Example], hearing: Hearing, anchors: Anchors, targets: TextTargets, folder: Path
) -> Floats:
    """Return where the guide, fitted to the captioned clips, places every clip; kept in the folder."""
    path = folder / "guided.npy"
    if not path.exists():
        features = clip_features(hearing)
        known = [i for i, example in enumerate(examples) if example.caption]
        shares = anchors.clip_weights(power=BALANCE, others=0.0)[known]
        guide = Guide.fit(features[known], targets([examples[i].caption for i in known]), shares)
        np.save(path, guide(features))
    return np.asarray(np.load(path), dtype=np.float32)


def read_held_out(folder: Path, lists: Path) -> HeldOut:
    """Return the held-out clips; `lists` is the folder of the csv files that say what is asked of them."""
    store = MelStore.load(folder / "held_out.npy")
    return HeldOut.of(store, read_questions(store.examples, lists), TextTargets(folder, embedding_dim=EMBEDDING_DIM))


def audio_member(team: Team, folder: Path, lists: Path, recipe: AudioRecipe) -> None:
    """What each process of the audio stage does."""
    material = read_material(folder)
    held_out = read_held_out(folder, lists)
    whole = recipe.spec_size == WHOLE
    initial = enlarged(read_audio(folder, spec_size=QUARTER), spec_size=WHOLE) if whole else None

    def figures(student: AudioStudent) -> dict[str, object]:
        return held_out.figures(student if whole else enlarged(student, spec_size=WHOLE)).to_json()

    train_audio(material, folder, recipe, team, figures, initial=initial)


QUARTERS = AudioRecipe(n_steps=10_000, fall=0.0, spec_size=QUARTER, batch=64, peak_rate=1.5e-3, averaging=0.998)
WHOLES = AudioRecipe(n_steps=2000, fall=0.9, spec_size=WHOLE, batch=32, peak_rate=5e-4, averaging=0.99)
"""The audio stage's two parts: most steps on quarters of segments, which are cheap, and the rest on whole ones."""


def teach_audio(materials: Materials, recipes: Sequence[AudioRecipe], *, n_processes: int) -> None:
    """The audio tower: first on quarters of segments, then on whole ones."""
    read_material(materials.folder)  # Embeds the texts once, before there are several processes.
    for recipe in recipes:
        run_team(n_processes, materials.folder, audio_member, materials.folder, materials.held_out.parent, recipe)


def export(materials: Materials, out: Path) -> None:
    """The checkpoint, in which sounds lie around the same middle as the texts about them."""
    folder = materials.folder
    store, targets = MelStore.load(folder / "train.npy"), TextTargets(folder, embedding_dim=EMBEDDING_DIM)
    clips = np.array([i for i, example in enumerate(store.examples) if example.caption])
    texts = targets([store.examples[clip].caption for clip in clips])
    shares = read_material(folder).anchors.clip_weights(power=BALANCE, others=0.0)[clips].astype(np.float32)
    audio = close_gap(read_audio(folder), store, clips, shares, shares @ texts)
    export_checkpoint(read_text(folder), audio, read_tokenizer(folder), out)


def evaluate(materials: Materials, checkpoint: Path) -> Retrieval:
    """Figures of a checkpoint on the held-out clips, through `Encoder`; also written beside the logs."""
    figures = encoder_figures(
        Encoder.from_pretrained(checkpoint),
        read_examples(materials.held_out),
        WaveformCache(*materials.caches),
        lists=materials.held_out.parent,
    )
    (materials.folder / "figures.json").write_text(json.dumps(figures.to_json(), indent=1) + "\n", encoding="utf-8")
    return figures
