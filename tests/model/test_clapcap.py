"""The captioner: the same captions on each runtime and in any company, and what is said of those of no use."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from transformers import AutoConfig, AutoModel, AutoProcessor

from soundgrep import Encoder
from soundgrep.model.audio.spread import spread_starts
from soundgrep.model.captioning.captioner import Captioner, CaptionSearch
from soundgrep.model.captioning.registration import ClapCapConfig, ClapCapModel
from soundgrep.model.encoders.runtime import RUNTIME_VARIABLE
from soundgrep.model.errors import AudioError, CheckpointError, UsageError
from soundgrep.model.msclap.processing import MSClapProcessor

from .captioner_checkpoint import build

pytestmark = pytest.mark.slow

SOUNDS = [np.random.default_rng(n).standard_normal(4_000 * (n + 1)).astype(np.float32) for n in range(3)]


@pytest.fixture(scope="module", params=["transformer", "mlp"])
def folder(request: pytest.FixtureRequest, tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    tokenizer = MSClapProcessor.from_pretrained(tiny_checkpoint).tokenizer
    return build(tmp_path_factory.mktemp("captioner") / "tiny", tokenizer, mapping=request.param)


def test_both_runtimes_write_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = {}
    for runtime in ("openvino", "torch"):
        monkeypatch.setenv(RUNTIME_VARIABLE, runtime)
        written[runtime] = Captioner.from_pretrained(folder).caption(SOUNDS)
    assert written["openvino"] == written["torch"]
    assert len(written["torch"]) == 3


def test_a_caption_depends_on_its_sound_alone(folder: Path) -> None:
    captioner = Captioner.from_pretrained(folder)
    together = captioner.caption(SOUNDS)
    assert together == [captioner.caption([sound])[0] for sound in SOUNDS]
    assert together[::-1] == captioner.caption(SOUNDS[::-1])
    assert captioner.caption([]) == []


def test_captions_are_as_long_as_they_may_be(folder: Path) -> None:
    captioner = Captioner.from_pretrained(folder)
    for search in (
        CaptionSearch(max_tokens=1),
        CaptionSearch(n_beams=1, max_tokens=500),
        CaptionSearch(n_beams=1_000, max_tokens=3),
    ):
        (text,) = captioner.caption(SOUNDS[:1], search=search)
        assert "\n" not in text.strip()
        assert text == text.strip()
    for wrong in ({"n_beams": 0}, {"max_tokens": 0}, {"temperature": 0.0}):
        with pytest.raises(UsageError, match=next(iter(wrong))):
            CaptionSearch(**wrong)
    with pytest.raises(AudioError, match="waveform 0"):
        captioner.caption([np.zeros(0, np.float32)])


def test_auto_classes_find_ours(folder: Path) -> None:
    assert isinstance(AutoConfig.from_pretrained(folder), ClapCapConfig)
    model = AutoModel.from_pretrained(folder).eval()
    assert isinstance(model, ClapCapModel)
    inputs = AutoProcessor.from_pretrained(folder)(text="a dog", audio=SOUNDS[0], return_tensors="pt")
    output = model(inputs["input_features"], inputs["input_ids"])
    assert output.prefix.shape == (1, 4, 32)
    assert output.logits.shape == (1, model.config.text_config.vocab_size)


def change(folder: Path, **fields: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def change_weights(folder: Path, change: Callable[[str, np.ndarray], np.ndarray]) -> None:
    path = folder / "model.safetensors"
    tensors = {name: change(name, tensor) for name, tensor in load_file(path).items()}
    save_file(tensors, path, metadata={"format": "pt"})


def deafen(folder: Path) -> None:
    heard = ("mapper.linear.weight", "mapper.fc1.weight")
    change_weights(folder, lambda name, tensor: tensor * 0 if name in heard else tensor)


def cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:5_000])


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer.json is missing"),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "tokenizer cannot be loaded"),
        (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors is missing"),
        (cut, "model.safetensors: cannot be loaded"),
        (lambda folder: change(folder, model_type="msclap"), "model_type is 'msclap', but a captioner is of 'clapcap'"),
        (lambda folder: change(folder, prefix_length=5), "size mismatch"),
        (lambda folder: change(folder, prefix_length="many"), "captioner cannot be built"),
        (lambda folder: change(folder, mapper_heads=5), "heads"),
        (deafen, "the captioner is dead"),
        (
            lambda folder: change_weights(
                folder, lambda _, tensor: tensor * np.float32(np.nan) if tensor.ndim else tensor
            ),
            "not numbers",
        ),
    ],
)
def test_a_spoilt_captioner_is_refused_in_one_sentence(
    folder: Path, tmp_path: Path, spoil: Callable[[Path], None], reason: str
) -> None:
    mine = Path(shutil.copytree(folder, tmp_path / "mine"))
    spoil(mine)
    with pytest.raises(CheckpointError, match=reason) as caught:
        Captioner.from_pretrained(mine).caption(SOUNDS[:1])
    assert str(mine) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_writes_is_no_encoder_and_the_other_way_round(folder: Path, tiny_checkpoint: Path) -> None:
    with pytest.raises(CheckpointError, match="clapcap"):
        Encoder.from_pretrained(folder)
    with pytest.raises(CheckpointError, match="a captioner is of 'clapcap'"):
        Captioner.from_pretrained(tiny_checkpoint)
    with pytest.raises(CheckpointError, match="there is no captioner 'clapcat'"):
        Captioner.from_pretrained("clapcat")


def test_the_name_is_looked_for_on_the_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SOUNDGREP_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match=r"soundgrep convert clapcap_weights_2023\.pth .* --tokenizer"):
        Captioner.from_pretrained("clapcap")


def test_a_few_segments_lie_evenly_over_a_clip() -> None:
    def starts(n_samples: int, n_segments: int) -> list[int]:
        return spread_starts(n_samples, segment_samples=10, n_segments=n_segments)

    assert starts(4, 3) == [0]
    assert starts(10, 3) == [0]
    assert starts(11, 3) == [0, 1]
    assert starts(100, 1) == [45]
    assert starts(100, 3) == [0, 45, 90]
