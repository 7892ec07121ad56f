"""The checkpoint that ships with the package: it loads, it is small, and it hears."""

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from soundgrep.model.audio.decoding import decode
from soundgrep.model.audio.segments import segment_starts
from soundgrep.model.encoders.encoder import Encoder

ROOT = Path(__file__).resolve().parents[2]
MINI = ROOT / "model" / "mini"
DEMO = ROOT / "data" / "demo"


@pytest.fixture(scope="module")
def mini() -> Encoder:
    return Encoder.from_pretrained("mini")


@pytest.fixture(scope="module")
def demo_titles() -> list[tuple[Path, str]]:
    with (DEMO / "sounds.csv").open(newline="", encoding="utf-8") as file:
        return [(DEMO / row["path"], row["title"]) for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def demo_scores(mini: Encoder, demo_titles: list[tuple[Path, str]]) -> npt.NDArray[np.float32]:
    """Score of each title for each sound, `[n_titles, n_sounds]`: that of the sound's best segment."""
    titles = mini.embed_text([title for _, title in demo_titles])
    size = mini.segment_samples
    columns = []
    for path, _ in demo_titles:
        waveform = decode(path, sampling_rate_hz=mini.sampling_rate_hz).waveform
        starts = segment_starts(len(waveform), segment_samples=size, hop_samples=size)
        segments = mini.embed_audio([waveform[start : start + size] for start in starts])
        columns.append((titles @ segments.T).max(1))
    return np.stack(columns, axis=1)


def test_its_weights_are_small() -> None:
    assert (MINI / "model.safetensors").stat().st_size < 31_000_000


def test_its_sizes(mini: Encoder) -> None:
    assert (mini.id, mini.embedding_dim, mini.sampling_rate_hz, mini.segment_s) == ("mini", 256, 22_050, 5.0)


def test_the_same_sound_gives_the_same_embedding_in_any_batch(mini: Encoder) -> None:
    waveforms = [np.random.default_rng(i).normal(0, 0.1, 20_000 + i).astype(np.float32) for i in range(3)]
    together = mini.embed_audio(waveforms)
    assert all(
        (mini.embed_audio([waveform])[0] == row).all() for waveform, row in zip(waveforms, together, strict=True)
    )


@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("a hound", "a dog barking", "a car engine"),
        ("an automobile", "a car engine", "a dog barking"),
        ("gunfire", "a gunshot", "birds singing"),
        ("a downpour", "heavy rain falling", "a piano"),
        ("detonation", "an explosion", "a flute"),
        ("somebody playing the violin", "a violin", "footsteps on gravel"),
        ("A DOG BARKING!", "a dog barking", "a cat meowing"),
    ],
)
def test_words_lie_near_what_they_mean(mini: Encoder, text: str, near: str, far: str) -> None:
    asked, meant, other = mini.embed_text([text, near, far])
    assert asked @ meant > asked @ other + 0.1


def test_titles_find_their_demo_sounds(demo_scores: npt.NDArray[np.float32]) -> None:
    own = np.diagonal(demo_scores)[:, None]
    ranks = (demo_scores > own).sum(1) + 1
    # By chance a title's own sound is among the first ten of 71 one time in seven.
    assert np.mean(ranks <= 10) > 0.5
    assert np.median(ranks) <= 10
