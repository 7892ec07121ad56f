"""MSCLAP 2022: its classes, its towers on each runtime, its tokenizer, and checkpoints that cannot be used."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from transformers import AutoConfig, AutoFeatureExtractor, AutoModel, AutoProcessor, BertTokenizer

from soundgrep import Encoder
from soundgrep.model.conversion import convert_checkpoint
from soundgrep.model.encoders.runtime import RUNTIME_VARIABLE
from soundgrep.model.errors import CheckpointError, SoundgrepWarning, UsageError
from soundgrep.model.msclap.feature_extraction import MSClapFeatureExtractor
from soundgrep.model.msclap2022.bert_tokenizer import load_tokenizer
from soundgrep.model.msclap2022.registration import (
    MSClap2022AudioConfig,
    MSClap2022AudioModelWithProjection,
    MSClap2022Config,
    MSClap2022Model,
    MSClap2022Processor,
    MSClap2022TextModelWithProjection,
)

from .bert_vocabulary import save_vocabulary
from .msclap2022_checkpoint import build
from .reference import GPT2_FILES

pytestmark = pytest.mark.slow

TEXTS = ["", "dog", "a dog barking!", "Größer CAFÉ naïve", "犬 собака", "it's the dog's bark, isn't it?", "word " * 40]
SOUNDS = [np.random.default_rng(n).standard_normal(4_000 * (n + 1)).astype(np.float32) for n in range(4)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("msclap2022") / "tiny")


@pytest.fixture
def mine(folder: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(folder, tmp_path / "mine"))


def test_auto_classes_find_ours_and_towers_stand_alone(folder: Path) -> None:
    assert isinstance(AutoConfig.from_pretrained(folder), MSClap2022Config)
    assert isinstance(AutoFeatureExtractor.from_pretrained(folder), MSClapFeatureExtractor)
    model, processor = AutoModel.from_pretrained(folder).eval(), AutoProcessor.from_pretrained(folder)
    assert isinstance(model, MSClap2022Model)
    assert isinstance(processor, MSClap2022Processor)
    inputs = processor(text=TEXTS, audio=SOUNDS, sampling_rate=16_000, return_tensors="pt")
    outputs = model(**inputs)
    assert outputs.logits_per_audio.shape == (len(SOUNDS), len(TEXTS))
    text = MSClap2022TextModelWithProjection(model.config.text_config).eval()
    text.load_state_dict({k: v for k, v in model.state_dict().items() if k.startswith("text_")})
    audio = MSClap2022AudioModelWithProjection(model.config.audio_config).eval()
    audio.load_state_dict({k: v for k, v in model.state_dict().items() if k.startswith("audio_")})
    embeds = text(inputs["input_ids"], inputs["attention_mask"]).text_embeds
    torch.testing.assert_close(torch.nn.functional.normalize(embeds, dim=-1), outputs.text_embeds)
    embeds = audio(inputs["input_features"]).audio_embeds
    torch.testing.assert_close(torch.nn.functional.normalize(embeds, dim=-1), outputs.audio_embeds)


def test_both_runtimes_embed_as_the_model_does(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, processor = MSClap2022Model.from_pretrained(folder).eval(), MSClap2022Processor.from_pretrained(folder)
    inputs = processor(text=TEXTS, audio=SOUNDS, return_tensors="pt")
    with torch.inference_mode():
        expected = model(**inputs)
    for runtime in ("openvino", "torch"):
        monkeypatch.setenv(RUNTIME_VARIABLE, runtime)
        encoder = Encoder.from_pretrained(folder)
        assert encoder.family == "msclap_2022"
        np.testing.assert_allclose(encoder.embed_audio(SOUNDS), expected.audio_embeds.numpy(), atol=1e-5)
        np.testing.assert_allclose(encoder.embed_text(TEXTS), expected.text_embeds.numpy(), atol=1e-5)
        assert encoder.logit_scale == pytest.approx(1 / 0.07, rel=1e-5)


def test_neighbours_and_order_change_nothing(folder: Path) -> None:
    encoder = Encoder.from_pretrained(folder)
    for embed, inputs in ((encoder.embed_audio, SOUNDS), (encoder.embed_text, TEXTS)):
        together = embed(inputs)
        np.testing.assert_array_equal(together, np.concatenate([embed([one]) for one in inputs]))
        np.testing.assert_array_equal(together[::-1], embed(inputs[::-1]))


def test_a_long_text_is_cut_before_its_mark(folder: Path) -> None:
    encoder, tokenizer = Encoder.from_pretrained(folder), MSClap2022Processor.from_pretrained(folder).tokenizer
    long = "dog " * 120
    with pytest.warns(SoundgrepWarning, match="longer than the 100 tokens"):
        (ours,) = encoder.embed_text([long])
    np.testing.assert_array_equal(ours, encoder.embed_text(["dog " * 98])[0])
    assert len(tokenizer.encode(long)) == 122


def test_the_tokenizer_is_that_of_transformers(tmp_path: Path) -> None:
    held = save_vocabulary(tmp_path / "bert")
    theirs = BertTokenizer(vocab=str(held / "vocab.txt"))
    ours = load_tokenizer(held)
    theirs.save_pretrained(tmp_path / "whole")
    (tmp_path / "whole" / "vocab.txt").unlink(missing_ok=True)
    for text in [*TEXTS, "[CLS] marks [SEP] in [MASK] a text", "tabs\tand\nlines", "x" * 150]:
        assert ours.encode(text) == theirs.encode(text), text
        assert load_tokenizer(tmp_path / "whole").encode(text) == theirs.encode(text), text


def change(folder: Path, name: str, **fields: object) -> None:
    path = folder / name
    content = json.loads(path.read_text())
    part = content.get(name.removesuffix(".json"), content)
    part.update(fields)
    path.write_text(json.dumps(content))


def change_part(folder: Path, part: str, **fields: object) -> None:
    path = folder / "config.json"
    content = json.loads(path.read_text())
    content[part].update(fields)
    path.write_text(json.dumps(content))


def change_weights(folder: Path, change: Callable[[str, np.ndarray], np.ndarray]) -> None:
    path = folder / "model.safetensors"
    save_file({name: change(name, tensor) for name, tensor in load_file(path).items()}, path, metadata={"format": "pt"})


def use(folder: Path) -> None:
    encoder = Encoder.from_pretrained(folder)
    encoder.embed_text(["a dog"])
    encoder.embed_audio(SOUNDS[:1])


def cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:9_000])


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer.json is missing"),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "tokenizer cannot be loaded"),
        (cut, "model.safetensors: cannot be loaded"),
        (lambda folder: change_part(folder, "text_config", hidden_act="relu"), "activation must be 'gelu'"),
        (lambda folder: change_part(folder, "text_config", hidden_size=48), "mismatch|Missing"),
        (lambda folder: change_part(folder, "text_config", vocab_size=10), "mismatch|more tokens"),
        (lambda folder: change_part(folder, "audio_config", conv_widths=[8, 16]), "mismatch|Missing"),
        (lambda folder: change_part(folder, "audio_config", conv_widths="wide"), "audio tower cannot be built"),
        (lambda folder: change_part(folder, "audio_config", num_mel_bins=16), "mel bands"),
        (
            lambda folder: change_weights(folder, lambda n, t: t + 40 if n == "text_projection.layer_norm.bias" else t),
            "the text tower is dead",
        ),
        (
            lambda folder: change_weights(folder, lambda n, t: t * 0 if n == "audio_model.encoder.dense.weight" else t),
            "the audio tower is dead",
        ),
    ],
)
def test_a_spoilt_checkpoint_is_refused_in_one_sentence(mine: Path, spoil: Callable[[Path], None], reason: str) -> None:
    spoil(mine)
    with pytest.raises(CheckpointError, match=reason) as caught:
        use(mine)
    assert str(mine) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_wrong_tokenizer_is_refused(mine: Path, tiny_checkpoint: Path, tmp_path: Path) -> None:
    shutil.copy(tiny_checkpoint / "tokenizer.json", mine / "tokenizer.json")
    with pytest.raises(CheckpointError, match="not BERT's"):
        Encoder.from_pretrained(mine).embed_text(["a dog"])
    with pytest.raises(CheckpointError, match="no BERT tokenizer, it needs"):
        load_tokenizer(tmp_path)
    (tmp_path / "vocab.txt").write_text("hello\nworld\n")
    with pytest.raises(CheckpointError, match=r"not BERT's vocabulary, it has no \[CLS\]"):
        load_tokenizer(tmp_path)


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be halved"):
        MSClap2022AudioConfig(num_mel_bins=16)
    with pytest.raises(ValueError, match="fewer than the 4"):
        MSClap2022AudioModelWithProjection(MSClap2022AudioConfig(conv_widths=(2, 2, 2)))(torch.zeros(1, 1, 3, 64))


def test_files_are_told_by_their_tensors(tmp_path: Path) -> None:
    for names, tokenizer, reason in (
        (["audio_encoder.base.conv_block1.conv1.weight"], None, "is MSCLAP 2022, which needs BERT's tokenizer"),
        (["clap_project.linear.weight"], None, "is clapcap, which needs GPT-2's tokenizer"),
        (["audio_encoder.base.conv_block1.conv1.weight"], GPT2_FILES, "the mel bank .* is missing"),
        (["something.else"], GPT2_FILES, "those of no checkpoint known here"),
    ):
        weights = tmp_path / "weights.pth"
        torch.save({"model": {name: torch.zeros(1) for name in names}}, weights)
        with pytest.raises((CheckpointError, UsageError), match=reason):
            convert_checkpoint(weights, tmp_path / "out", tokenizer=tokenizer)
    assert not (tmp_path / "out").exists()
