"""The self-test: a checkpoint that tells nothing apart is refused, whatever is asked of it; others are let through."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from safetensors.numpy import load_file, save_file

from soundgrep import Encoder
from soundgrep.model.encoders.selftest import TRIPLES, examine_audio, examine_text
from soundgrep.model.errors import CheckpointError

Tensors = dict[str, npt.NDArray[np.floating]]
POSITIONS, TOKENS = "text_model.encoder.position_embeddings.weight", "text_model.encoder.token_embeddings.weight"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder in which nothing has passed yet."""
    monkeypatch.setenv("SOUNDGREP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def with_weights(tiny_checkpoint: Path, tmp_path: Path) -> Callable[[Callable[[Tensors], Tensors]], Encoder]:
    """Makes a checkpoint like the tiny one with other weights."""

    def make(change: Callable[[Tensors], Tensors]) -> Encoder:
        folder = shutil.copytree(tiny_checkpoint, tmp_path / "mine")
        weights = change(load_file(folder / "model.safetensors"))
        save_file({n: np.ascontiguousarray(w) for n, w in weights.items()}, folder / "model.safetensors")
        return Encoder.from_pretrained(folder)

    return make


def all_alike(weights: Tensors) -> Tensors:
    """Every text at nearly one place, as in laion/larger_clap_music: a constant that drowns what differs."""
    linear = weights["text_projection.layer_norm.bias"]
    return {**weights, "text_projection.layer_norm.bias": linear + 40 * np.random.default_rng(0).random(linear.shape)}


def not_numbers(weights: Tensors) -> Tensors:
    return {**weights, TOKENS: np.full_like(weights[TOKENS], np.nan)}


def deaf(weights: Tensors) -> Tensors:
    return {name: w * 0 if name.startswith("audio_projection.linear") else w for name, w in weights.items()}


def test_mini_passes_what_others_are_asked() -> None:
    mini = Encoder.from_pretrained("mini")
    examine_text(lambda text: mini.embed_text([text])[0], name="mini")
    examine_audio(
        lambda waveform: mini.embed_audio([waveform])[0],
        name="mini",
        sampling_rate_hz=mini.sampling_rate_hz,
        n_samples=mini.segment_samples,
    )
    assert mini.logit_scale > 1


def test_mini_costs_no_test_of_its_own(cache: Path) -> None:
    Encoder.from_pretrained("mini").check_text_tower()
    Encoder.from_pretrained("mini").embed_text(["rain"])
    assert not cache.exists()


def test_a_tower_that_gives_all_texts_the_same_is_dead(
    with_weights: Callable[[Callable[[Tensors], Tensors]], Encoder],
) -> None:
    encoder = with_weights(all_alike)
    with pytest.raises(CheckpointError, match=r"text tower is dead: .*mean cosine 0\.9") as caught:
        encoder.embed_text(["rain"])
    assert str(encoder.source) in str(caught.value)
    with pytest.raises(CheckpointError, match="text tower is dead"):
        encoder.check_text_tower()
    encoder.embed_audio([np.ones(1_000, np.float32)])  # its other tower is not


def test_embeddings_that_are_not_numbers(with_weights: Callable[[Callable[[Tensors], Tensors]], Encoder]) -> None:
    with pytest.raises(CheckpointError, match="text tower gives embeddings that are zero, infinite or not numbers"):
        with_weights(not_numbers).check_text_tower()


def test_an_audio_tower_that_hears_no_difference_is_dead(
    with_weights: Callable[[Callable[[Tensors], Tensors]], Encoder],
) -> None:
    encoder = with_weights(deaf)
    with pytest.raises(CheckpointError, match="audio tower"):
        encoder.embed_audio([np.ones(1_000, np.float32)])


def test_a_tower_that_looks_at_the_length_of_a_text_and_not_at_its_words_is_broken() -> None:
    def embed(text: str) -> npt.NDArray[np.float32]:
        other = [one for triple in TRIPLES for one in triple].index(text)
        is_swapped = other % 3 == 1
        # The third of a triple lies where the first does, the second somewhere else.
        return np.eye(18, dtype=np.float32)[other // 3 + 6 * is_swapped]

    with pytest.raises(CheckpointError, match="'a dog barking' means rather 'a violin' than 'a barking dog', and 6 of"):
        examine_text(embed, name="mine")


@pytest.mark.parametrize("seed", range(5))
def test_a_tower_that_was_never_trained_is_not_dead(
    with_weights: Callable[[Callable[[Tensors], Tensors]], Encoder], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    encoder = with_weights(
        lambda weights: {
            name: (0.2 * rng.standard_normal(w.shape)).astype(np.float32) if w.ndim == 2 else w
            for name, w in weights.items()
        }
    )
    encoder.check_text_tower()
    assert encoder.embed_text(["rain"]).shape == (1, encoder.embedding_dim)


def test_what_passed_is_not_asked_again(tiny_checkpoint: Path, tmp_path: Path, cache: Path) -> None:
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "mine")
    Encoder.from_pretrained(folder).check_text_tower()
    (noted,) = cache.iterdir()
    before = noted.read_bytes()
    Encoder.from_pretrained(folder).check_text_tower()
    Encoder.from_pretrained(folder).embed_text(["rain"])
    assert noted.read_bytes() == before
    # Other weights in the same place are another checkpoint.
    weights = load_file(folder / "model.safetensors")
    save_file(all_alike(weights), folder / "model.safetensors")
    with pytest.raises(CheckpointError, match="text tower is dead"):
        Encoder.from_pretrained(folder).check_text_tower()


def test_a_cache_that_cannot_be_used_is_done_without(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("SOUNDGREP_CACHE", str(tmp_path / "file" / "cache"))
    Encoder.from_pretrained(tiny_checkpoint).check_text_tower()
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "self-tests.json").write_text("{not json")
    monkeypatch.setenv("SOUNDGREP_CACHE", str(tmp_path / "cache"))
    Encoder.from_pretrained(tiny_checkpoint).check_text_tower()
