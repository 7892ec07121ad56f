"""LAION's own checkpoints, converted by our command's code, against the reference's own modules at full size."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import librosa
import numpy as np
import pytest
import torch
from transformers import ClapModel, RobertaTokenizer

from soundgrep import Encoder
from soundgrep.model.conversion import convert_checkpoint
from soundgrep.model.encoders.original import Original
from soundgrep.model.encoders.runtime import RUNTIME_VARIABLE
from soundgrep.model.errors import CheckpointError, UsageError
from soundgrep.model.laion.conversion import convert_original

from . import laion_reference
from .clap_checkpoint import save_tokenizer_files

RATE_HZ, SEGMENT = 48_000, 480_000
TOLERANCE = 1e-4
TEXTS = ["", "Sound of a dog", "A man speaks while rain falls on a tin roof.", "it's größer, собака 犬 ⚡", "x" * 60]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tokenizer_files(tmp_path_factory.mktemp("tokenizer") / "roberta")


def waveforms() -> dict[str, np.ndarray]:
    random, seconds = np.random.default_rng(7), np.arange(SEGMENT) / RATE_HZ
    sounds = {
        "noise": 0.3 * random.standard_normal(SEGMENT),
        "sweep": 0.5 * np.sin(2 * np.pi * (50 + 1000 * seconds) * seconds),
        "short": 0.3 * random.standard_normal(130_000),
    }
    return {name: sound.astype(np.float32) for name, sound in sounds.items()}


def reference_audio(model: torch.nn.Module, waveform: np.ndarray) -> np.ndarray:
    """The reference's embedding of a clip that is no longer than a segment, filled up as it does it."""
    whole = np.tile(waveform, SEGMENT // len(waveform))
    filled = np.pad(whole, (0, SEGMENT - len(whole)))
    inputs = {"waveform": torch.from_numpy(filled), "longer": torch.tensor([False])}
    if model.enable_fusion:  # its log-mels come from torchaudio, which these options of librosa equal (its own words)
        options = {"n_fft": 1024, "hop_length": 480, "pad_mode": "reflect", "n_mels": 64, "fmin": 50, "fmax": 14_000}
        power = librosa.feature.melspectrogram(y=filled, sr=RATE_HZ, norm=None, htk=True, **options)
        mels = 10 * np.log10(np.maximum(power.T, 1e-10))
        inputs["mel_fusion"] = torch.from_numpy(np.stack([mels] * 4).astype(np.float32))
    with torch.inference_mode():
        return model.get_audio_embedding([inputs])[0].numpy()


LARGEST = pytest.param("tiny", 12, marks=pytest.mark.long)


@pytest.mark.parametrize(("kind", "n_layers"), [("tiny", 2), ("base", 1), ("fused", 1), LARGEST])
def test_a_converted_checkpoint_embeds_as_the_reference(
    kind: str, n_layers: int, tokenizer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOUNDGREP_CACHE", str(tmp_path / "cache"))
    is_fused = kind == "fused"
    reference = laion_reference.build("tiny" if is_fused else kind, is_fused=is_fused, n_layers=n_layers)
    weights, folder = laion_reference.save(reference, tmp_path / "630k.pt"), tmp_path / "converted"
    report = convert_checkpoint(weights, folder, tokenizer=tokenizer)
    weights.unlink()
    bank = "HTK's" if is_fused else "Slaney's"
    assert report.mel == f"{bank}, 50 to 14000 Hz drawn for 48000 Hz"
    ids = RobertaTokenizer.from_pretrained(tokenizer)
    monkeypatch.setenv(RUNTIME_VARIABLE, "openvino")
    encoder = Encoder.from_pretrained(folder)
    for name, waveform in waveforms().items():
        expected = reference_audio(reference, waveform)
        (ours,) = encoder.embed_audio([waveform])
        difference = np.abs(ours - expected).max()
        assert difference < TOLERANCE, f"{name}: {difference:.2e}"
    for text in TEXTS:
        padded = ids([text], padding="max_length", truncation=True, max_length=77, return_tensors="pt")
        with torch.inference_mode():
            embedded = reference.get_text_embedding(dict(padded))[0].numpy()
        (ours,) = encoder.embed_text([text])
        assert np.abs(ours - embedded).max() < TOLERANCE, text
    monkeypatch.setenv(RUNTIME_VARIABLE, "torch")
    (ours,) = Encoder.from_pretrained(folder).embed_audio([waveform])
    assert np.abs(ours - expected).max() < TOLERANCE
    assert encoder.logit_scale == pytest.approx(1 / 0.07)
    assert isinstance(ClapModel.from_pretrained(folder), ClapModel)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    return laion_reference.build("tiny", n_layers=1).state_dict()


@pytest.mark.parametrize(
    ("gone", "added", "told"),
    [
        ("text_projection.0.bias", {}, r"Missing key: text_projection\.linear1\.bias"),
        ("audio_branch.patch_embed.proj.weight", {}, "not LAION CLAP with HTS-AT and RoBERTa"),
        ("audio_branch.logmel_extractor.melW", {}, "mel bank .* is missing or not that of LAION CLAP"),
        ("audio_branch.head.bias", {"audio_branch.other": torch.zeros(1)}, "other has no place in"),
        ("audio_branch.norm.bias", {"audio_branch.norm.bias": torch.zeros(3)}, "size mismatch"),
        (
            "audio_branch.logmel_extractor.melW",
            {"audio_branch.logmel_extractor.melW": torch.zeros(513, 64)},
            "mel bank .* not that of LAION CLAP",
        ),
    ],
)
def test_a_checkpoint_that_is_not_whole_is_refused_in_a_sentence(
    gone: str,
    added: dict[str, torch.Tensor],
    told: str,
    state: dict[str, torch.Tensor],
    tokenizer: Path,
    tmp_path: Path,
) -> None:
    other = {name: value for name, value in state.items() if name != gone} | added
    with pytest.raises(CheckpointError, match=rf"mine\.pt: .*{told}") as caught:
        convert_original(Original(tmp_path / "mine.pt", other), tmp_path / "out", tokenizer=tokenizer)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_transformers_own_pickle_is_converted_too(
    tiny_clap_checkpoint: Path, tokenizer: Path, state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    convert_original(Original(tmp_path / "mine.pt", dict(state)), tmp_path / "converted", tokenizer=tokenizer)
    model = ClapModel.from_pretrained(tmp_path / "converted")
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    report = convert_checkpoint(tmp_path / "pytorch_model.bin", tmp_path / "again", tokenizer=tokenizer)
    again = ClapModel.from_pretrained(report.out_dir)
    for (name, ours), theirs in zip(again.state_dict().items(), model.state_dict().values(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0, msg=name)


class Code:
    """A pickle that runs something when it is opened carelessly."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self._path,)


@pytest.fixture
def trap(tmp_path: Path) -> Iterator[Path]:
    """A checkpoint with code in it, that must not run."""
    torch.save({"state_dict": {"audio_branch.norm.bias": Code(tmp_path / "ran")}}, tmp_path / "trap.pt")
    yield tmp_path / "trap.pt"
    assert not (tmp_path / "ran").exists()


def test_a_pickle_with_code_in_it_is_refused_and_not_run(trap: Path, tokenizer: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"trap\.pt: not a torch checkpoint of plain tensors"):
        convert_checkpoint(trap, tmp_path / "out", tokenizer=tokenizer)


def test_a_tokenizer_that_is_missing_or_another_is_told(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    weights = tmp_path / "mine.pt"
    torch.save(state, weights)
    with pytest.raises(UsageError, match=r"is LAION CLAP, which needs RoBERTa's tokenizer: give --tokenizer DIR"):
        convert_checkpoint(weights, tmp_path / "out")
    with pytest.raises(CheckpointError, match="no RoBERTa tokenizer, it needs"):
        convert_checkpoint(weights, tmp_path / "out", tokenizer=tmp_path)
    (tmp_path / "vocab.json").write_text('{"<unk>": 0, "a": 1, "<s>": 2, "</s>": 3, "<pad>": 4}')
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    with pytest.raises(CheckpointError, match="not RoBERTa's tokenizer"):
        convert_checkpoint(weights, tmp_path / "out", tokenizer=tmp_path)
