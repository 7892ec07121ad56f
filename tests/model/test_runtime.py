"""Runtimes: OpenVINO, torch and the GPU's way give the same embeddings, whatever else is embedded beside them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from transformers.audio_utils import mel_filter_bank

from soundgrep.model import MSClapConfig, MSClapFeatureExtractor, MSClapModel
from soundgrep.model.encoders.checkpoint import Checkpoint
from soundgrep.model.encoders.encoder import Encoder
from soundgrep.model.encoders.runtime import RUNTIME_VARIABLE, THREADS_VARIABLE, chosen_runtime, n_threads
from soundgrep.model.errors import UsageError
from soundgrep.model.msclap.audio_tower import GpuAudioTower, TorchAudioTower, load_model
from soundgrep.model.msclap.family import MSClap
from soundgrep.model.msclap.mel import slaney_bank

pytestmark = pytest.mark.slow

MINI = Encoder.from_pretrained("mini").source


def waveforms(encoder_samples: int, rate_hz: int) -> list[npt.NDArray[np.float32]]:
    times_s = np.arange(encoder_samples) / rate_hz
    random = np.random.default_rng(7)
    beat = (np.sin(2 * np.pi * 2 * times_s) > 0) * random.normal(0, 0.2, encoder_samples)
    return [
        one.astype(np.float32)
        for one in (
            0.3 * np.sin(2 * np.pi * 440 * times_s),
            0.5 * np.sin(2 * np.pi * (100 + 300 * times_s) * times_s),
            random.normal(0, 0.1, encoder_samples),
            beat,
            np.zeros(encoder_samples),
        )
    ]


def least_cosine(some: npt.NDArray[np.float32], others: npt.NDArray[np.float32]) -> float:
    a, b = some.astype(np.float64), others.astype(np.float64)
    return float(((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).min())


@pytest.fixture(scope="module")
def full_size(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """MSCLAP 2023's audio tower with random weights, and a text tower of next to nothing."""
    folder = tmp_path_factory.mktemp("full-size")
    torch.manual_seed(1)
    small_text = {"vocab_size": 8, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    model = MSClapModel(MSClapConfig(text_config={**small_text, "intermediate_size": 8, "eos_token_id": 7}))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim <= 2:
                parameter += 0.02 * torch.randn_like(parameter)
        norm = model.audio_model.encoder.batch_norm
        norm.running_mean.copy_(-20 + 5 * torch.randn(64))
        norm.running_var.copy_(200 + 20 * torch.randn(64))
    model.save_pretrained(folder)
    MSClapFeatureExtractor().save_pretrained(folder)
    yield folder
    (folder / "model.safetensors").unlink()


@pytest.mark.parametrize("which", ["mini", "full size", "tiny"])
def test_openvino_agrees_with_torch(which: str, full_size: Path, tiny_checkpoint: Path) -> None:
    folder = {"mini": MINI, "full size": full_size, "tiny": tiny_checkpoint}[which]
    rate_hz, segment_s = {"mini": (22_050, 5), "full size": (44_100, 7), "tiny": (16_000, 1)}[which]
    sounds = waveforms(rate_hz * segment_s, rate_hz)
    ours, theirs = (
        MSClap().audio_tower(Checkpoint(folder)).embed_segments(sounds),
        TorchAudioTower(folder).embed_segments(sounds),
    )
    assert least_cosine(ours, theirs) > 1 - 1e-6
    ours /= np.linalg.norm(ours, axis=1, keepdims=True)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_the_gpu_s_way_agrees_in_every_precision(tiny_checkpoint: Path) -> None:
    sounds = waveforms(16_000, 16_000)
    sounds += [sounds[number % 5] * np.float32(0.9) ** number for number in range(30)]  # more than one batch
    theirs = TorchAudioTower(tiny_checkpoint).embed_segments(sounds)
    for precision, cosine in ((torch.float32, 1 - 1e-6), (torch.float16, 1 - 1e-5), (torch.bfloat16, 0.9999)):
        tower = GpuAudioTower(tiny_checkpoint, device="cpu", precision=precision)
        assert least_cosine(tower.embed_segments(sounds), theirs) > cosine


def test_what_half_precision_cannot_hold_is_computed_in_full(tiny_checkpoint: Path) -> None:
    def loud(folder: Path) -> MSClapModel:
        model = load_model(folder)
        assert isinstance(model, MSClapModel)
        model.audio_model.encoder.stages[0].blocks[0].mlp.fc1.weight.mul_(1e6)
        return model

    sounds = waveforms(16_000, 16_000)
    theirs = TorchAudioTower(tiny_checkpoint, load=loud).embed_segments(sounds)
    ours = GpuAudioTower(tiny_checkpoint, device="cpu", load=loud).embed_segments(sounds)
    assert least_cosine(ours, theirs) > 1 - 1e-6


def test_neighbours_order_and_threads_change_nothing(monkeypatch: pytest.MonkeyPatch, tiny_checkpoint: Path) -> None:
    sounds = waveforms(16_000, 16_000)
    monkeypatch.setenv(THREADS_VARIABLE, "1")
    encoder = Encoder.from_pretrained(tiny_checkpoint)
    alone = np.stack([encoder.embed_audio([sound])[0] for sound in sounds])
    assert (encoder.embed_audio(sounds[::-1])[::-1] == alone).all()
    monkeypatch.setenv(THREADS_VARIABLE, "3")
    assert (Encoder.from_pretrained(tiny_checkpoint).embed_audio(sounds * 3)[5:10] == alone).all()


def test_a_sound_is_embedded_without_torch(tiny_checkpoint: Path) -> None:
    code = f"""
import sys, numpy
from soundgrep import Encoder
Encoder.from_pretrained({str(tiny_checkpoint)!r}).embed_audio([numpy.ones(16000, numpy.float32)])
print(sorted({{"torch", "transformers"}} & set(sys.modules)), "openvino" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[] True\n"


def test_the_runtime_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(RUNTIME_VARIABLE, raising=False)
    assert chosen_runtime() == ("torch" if torch.cuda.is_available() else "openvino")
    monkeypatch.setenv(RUNTIME_VARIABLE, "torch")
    assert chosen_runtime() == "torch"
    monkeypatch.setenv(RUNTIME_VARIABLE, "onnx")
    with pytest.raises(UsageError, match="SOUNDGREP_RUNTIME must be openvino or torch, not 'onnx'"):
        chosen_runtime()


@pytest.mark.parametrize(("asked", "given"), [("3", 3), ("1", 1), ("0", None), ("many", None), ("", None)])
def test_threads(asked: str, given: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(THREADS_VARIABLE, asked)
    assert n_threads() == given if given else n_threads() >= 1


@pytest.mark.parametrize(("high_hz", "rate_hz"), [(8_000, 44_100), (14_000, 32_000), (11_000, 22_050)])
def test_the_mel_bank_is_slaney_s(high_hz: int, rate_hz: int) -> None:
    theirs = mel_filter_bank(513, 64, 50, high_hz, rate_hz, norm="slaney", mel_scale="slaney")
    np.testing.assert_array_equal(
        slaney_bank(513, 64, low_hz=50, high_hz=high_hz, sampling_rate_hz=rate_hz), theirs.astype(np.float32)
    )
