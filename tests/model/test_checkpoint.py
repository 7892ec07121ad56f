"""Finding, reading and converting checkpoints, and what is said of those that cannot be used."""

from __future__ import annotations

import json
import pickle
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from soundgrep import Encoder
from soundgrep.model.conversion import convert_checkpoint
from soundgrep.model.errors import AudioError, CheckpointError, UsageError
from soundgrep.model.msclap.conversion import front_end
from soundgrep.model.msclap.mel import MelFrontEnd
from soundgrep.model.msclap.original import PREFIX

from .reference import GPT2_FILES

pytestmark = pytest.mark.slow

MEL_BANK = f"{PREFIX}.logmel_extractor.melW"
DFT = tuple(f"{PREFIX}.spectrogram_extractor.stft.conv_{part}.weight" for part in ("real", "imag"))


@pytest.fixture
def checkpoint(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(tiny_checkpoint, tmp_path / "mine"))


def truncate_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5_000])


def change(folder: Path, name: str, **fields: object) -> None:
    path = folder / name
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def drop_tensor(folder: Path, name: str) -> None:
    weights = folder / "model.safetensors"
    state = load_file(weights)
    del state[name]
    save_file(state, weights, metadata={"format": "pt"})


def change_tower(folder: Path, tower: str, **fields: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    change(folder, "config.json", **{tower: {**config[tower], **fields}})


def use(folder: Path) -> None:
    encoder = Encoder.from_pretrained(folder)
    encoder.embed_text([f"a dog in {encoder.embedding_dim} dimensions"])
    encoder.embed_audio([np.ones(1_000, np.float32)])


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors is missing"),
        (lambda folder: (folder / "config.json").unlink(), "config.json is missing"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer.json is missing"),
        (lambda folder: (folder / "processor_config.json").unlink(), "preprocessor_config.json is missing"),
        (truncate_weights, "model.safetensors: cannot be loaded"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"not weights"), "model.safetensors: cannot be"),
        (lambda folder: (folder / "config.json").write_text("{"), "config.json: cannot be read"),
        (lambda folder: (folder / "config.json").write_text("[]"), "not a JSON object"),
        (lambda folder: change(folder, "config.json", model_type="bert"), "model_type is 'bert'"),
        (lambda folder: change(folder, "config.json", projection_dim=48), "size mismatch"),
        (lambda folder: change(folder, "config.json", projection_dim=-1), "projection_dim must be a positive number"),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "tokenizer cannot be loaded"),
        (lambda folder: drop_tensor(folder, "text_model.encoder.blocks.1.fc1.bias"), r"fc1\.bias is missing"),
        (lambda folder: drop_tensor(folder, "text_projection.linear2.weight"), r"linear2\.weight is missing"),
        (lambda folder: drop_tensor(folder, "audio_model.encoder.norm.bias"), "Missing key"),
        (lambda folder: change_tower(folder, "text_config", num_attention_heads=5), "with 5 heads"),
        (lambda folder: change_tower(folder, "audio_config", patch_embeds_hidden_size=32), "size mismatch"),
        (lambda folder: change_tower(folder, "audio_config", depths=[2]), "differ in length"),
    ],
)
def test_a_spoilt_checkpoint_is_refused_in_one_sentence(
    checkpoint: Path, spoil: Callable[[Path], None], reason: str
) -> None:
    spoil(checkpoint)
    with pytest.raises(CheckpointError, match=reason) as caught:
        use(checkpoint)
    assert str(checkpoint) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(CheckpointError, match="no encoder 'mimi': did you mean mini"):
        Encoder.from_pretrained("mimi")


def test_the_digest_tells_checkpoints_apart(checkpoint: Path, tiny_checkpoint: Path) -> None:
    same, other = Encoder.from_pretrained(tiny_checkpoint), Encoder.from_pretrained(checkpoint)
    assert same.digest == other.digest
    change(checkpoint, "processor_config.json", note="another front end")
    assert Encoder.from_pretrained(checkpoint).digest != same.digest


def test_embeddings_are_unit_rows_and_always_the_same(tiny_checkpoint: Path) -> None:
    encoder = Encoder.from_pretrained(tiny_checkpoint)
    sounds = [np.random.default_rng(n).standard_normal(1_000 * (n + 1)).astype(np.float32) for n in range(8)]
    audio = encoder.embed_audio(sounds)
    assert audio.shape == (8, encoder.embedding_dim)
    assert audio.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(audio, axis=1), 1, atol=1e-6)
    again = Encoder.from_pretrained(tiny_checkpoint)
    for number, sound in enumerate(sounds):
        np.testing.assert_array_equal(again.embed_audio([sound])[0], audio[number])
    assert encoder.embed_audio([]).shape == (0, encoder.embedding_dim)
    assert encoder.embed_text([]).shape == (0, encoder.embedding_dim)


@pytest.mark.parametrize(
    "waveform",
    [np.zeros(0), np.zeros(16_001), np.zeros((2, 100)), np.array([0.0, np.nan]), np.array([np.inf])],
)
def test_waveforms_that_no_segment_can_hold_are_refused(tiny_checkpoint: Path, waveform: np.ndarray) -> None:
    with pytest.raises(AudioError, match="waveform 0"):
        Encoder.from_pretrained(tiny_checkpoint).embed_audio([waveform.astype(np.float32)])


def test_embedding_a_text_is_silent_and_needs_no_torch(tiny_checkpoint: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys; from soundgrep import Encoder; "
        f"encoder = Encoder.from_pretrained({str(tiny_checkpoint)!r}); encoder.digest, encoder.segment_samples; "
        "encoder.embed_text(['a dog']); "
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert done.stderr == ""


class Payload:
    """A pickle that would run code if anybody let it."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.proof,))


def original_state() -> dict[str, torch.Tensor]:
    """The part of an original checkpoint that is looked at before the towers."""
    window = np.hanning(1025)[:1024]
    angles = 2 * np.pi * np.outer(np.arange(513), np.arange(1024)) / 1024
    bank = MelFrontEnd(1024, 320, 64, 50, 14_000, 32_000).bank
    kernels = (np.cos(angles) * window, -np.sin(angles) * window)
    state = {name: torch.tensor(kernel[:, None]) for name, kernel in zip(DFT, kernels, strict=True)}
    return {**state, MEL_BANK: torch.tensor(bank)}


def saved(content: object, folder: Path) -> Path:
    path = folder / "CLAP_weights_2023.pth"
    torch.save(content, path)
    return path


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    weights, proof = tmp_path / "evil.pth", tmp_path / "ran"
    weights.write_bytes(pickle.dumps({"model": Payload(proof)}))
    with pytest.raises(CheckpointError, match="not a torch checkpoint of plain tensors"):
        convert_checkpoint(weights, tmp_path / "out", tokenizer=GPT2_FILES)
    torch.save({"model": Payload(proof)}, weights)
    with pytest.raises(CheckpointError, match="not a torch checkpoint of plain tensors"):
        convert_checkpoint(weights, tmp_path / "out", tokenizer=GPT2_FILES)
    assert not proof.exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"state_dict": {}}, "no tensors under 'model'"),
        ({"model": {"x": torch.zeros(1)}}, "those of no checkpoint known here"),
        ({"model": {f"{PREFIX}.x": torch.zeros(1)}}, "the mel bank .* is missing"),
        ({"model": {"x": 3}}, "no tensors under 'model'"),
        ({"model": {}}, "no tensors under 'model'"),
        ({"model": {MEL_BANK: torch.zeros(513, 64)}}, "Fourier kernel .* is missing"),
    ],
)
def test_other_files_are_not_converted(tmp_path: Path, content: object, reason: str) -> None:
    with pytest.raises(CheckpointError, match=reason):
        convert_checkpoint(saved(content, tmp_path), tmp_path / "out", tokenizer=GPT2_FILES)
    assert not (tmp_path / "out").exists()


def test_conversion_is_strict(tmp_path: Path) -> None:
    state = original_state()
    with pytest.raises(CheckpointError, match="Missing key"):
        convert_checkpoint(saved({"model": state}, tmp_path), tmp_path / "out", tokenizer=GPT2_FILES)
    state["caption_encoder.base.h.0.attn.masked_bias"] = torch.zeros(1)  # old GPT-2: may be there
    state["audio_encoder.extra.weight"] = torch.zeros(1)
    with pytest.raises(CheckpointError, match=r"audio_encoder\.extra\.weight has no place"):
        convert_checkpoint(saved({"model": state}, tmp_path), tmp_path / "out", tokenizer=GPT2_FILES)
    state[DFT[0]] = state[DFT[0]] * 1.01
    with pytest.raises(CheckpointError, match="not a Hann-windowed Fourier transform"):
        convert_checkpoint(saved({"model": state}, tmp_path), tmp_path / "out", tokenizer=GPT2_FILES)


def test_conversion_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        convert_checkpoint(tmp_path / "none.pth", tmp_path / "out", tokenizer=GPT2_FILES)
    weights = saved({"model": original_state()}, tmp_path)
    with pytest.raises(UsageError, match="exists already"):
        convert_checkpoint(weights, tmp_path, tokenizer=GPT2_FILES)
    with pytest.raises(CheckpointError, match="no GPT-2 tokenizer"):
        convert_checkpoint(weights, tmp_path / "out", tokenizer=tmp_path)


@pytest.mark.parametrize(("rate", "highest"), [(44_100, 8_000), (44_100, 14_000), (32_000, 8_000), (32_000, 14_000)])
def test_the_front_end_is_read_from_the_checkpoint(rate: int, highest: int) -> None:
    bank = MelFrontEnd(1024, 320, 64, 50, highest, rate).bank
    extractor, words = front_end(bank)
    np.testing.assert_array_equal(extractor.front_end.bank, bank)
    assert words == f"50 to {highest} Hz drawn for {rate} Hz"


def test_a_mel_bank_that_nothing_describes_is_kept(tmp_path: Path) -> None:
    bank = np.random.default_rng(0).random((513, 64), dtype=np.float32)
    extractor, words = front_end(bank)
    assert "kept whole" in words
    extractor.save_pretrained(tmp_path)
    again = type(extractor).from_pretrained(tmp_path)
    np.testing.assert_array_equal(again.front_end.bank, bank)


def test_without_a_network_the_way_out_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import subprocess
    import sys

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setenv("SOUNDGREP_CACHE", str(tmp_path / "cache"))
    code = (
        "from soundgrep import Encoder, SoundgrepError\n"
        "try: Encoder.from_pretrained('msclap-2023')\n"
        "except SoundgrepError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "soundgrep convert CLAP_weights_2023.pth" in done.stdout
    assert done.stdout.count("\n") == 1


def test_no_warning_is_made_by_an_ordinary_text(tiny_checkpoint: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Encoder.from_pretrained(tiny_checkpoint).embed_text(["a dog barking", "", "ein Hund!"])
