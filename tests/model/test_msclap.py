"""The MSCLAP classes as a user of the transformers library meets them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoFeatureExtractor, AutoModel, AutoProcessor

from soundgrep import Encoder
from soundgrep.model import (
    MSClapAudioConfig,
    MSClapAudioModel,
    MSClapAudioModelWithProjection,
    MSClapConfig,
    MSClapFeatureExtractor,
    MSClapModel,
    MSClapProcessor,
    MSClapTextConfig,
    MSClapTextModel,
    MSClapTextModelWithProjection,
)

pytestmark = pytest.mark.slow

TEXTS = ["Sound of a dog", "Sound of vacuum cleaner"]


@pytest.fixture(scope="module")
def model(tiny_checkpoint: Path) -> MSClapModel:
    return MSClapModel.from_pretrained(tiny_checkpoint).eval()


@pytest.fixture(scope="module")
def processor(tiny_checkpoint: Path) -> MSClapProcessor:
    return MSClapProcessor.from_pretrained(tiny_checkpoint)


@pytest.fixture
def waveform() -> np.ndarray:
    return np.random.default_rng(1).standard_normal(16_000).astype(np.float32)


def test_the_documented_example_runs(model: MSClapModel, processor: MSClapProcessor, waveform: np.ndarray) -> None:
    for name in ("audio", "audios"):
        inputs = processor(text=TEXTS, **{name: waveform}, sampling_rate=16_000, return_tensors="pt", padding=True)
        outputs = model(**inputs)
        probabilities = outputs.logits_per_audio.softmax(dim=-1)
        assert probabilities.shape == (1, 2)
        assert probabilities.sum().item() == pytest.approx(1)


def test_auto_classes_find_ours(tiny_checkpoint: Path) -> None:
    assert isinstance(AutoConfig.from_pretrained(tiny_checkpoint), MSClapConfig)
    assert isinstance(AutoModel.from_pretrained(tiny_checkpoint), MSClapModel)
    assert isinstance(AutoFeatureExtractor.from_pretrained(tiny_checkpoint), MSClapFeatureExtractor)
    assert isinstance(AutoProcessor.from_pretrained(tiny_checkpoint), MSClapProcessor)


def test_a_saved_model_embeds_as_before(
    model: MSClapModel, processor: MSClapProcessor, waveform: np.ndarray, tmp_path: Path
) -> None:
    model.save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").is_file()
    again = MSClapModel.from_pretrained(tmp_path).eval()
    inputs = processor(text=TEXTS, audio=waveform, sampling_rate=16_000, return_tensors="pt")
    assert torch.equal(model(**inputs).logits_per_text, again(**inputs).logits_per_text)


def test_features_are_unit_embeddings(model: MSClapModel, processor: MSClapProcessor, waveform: np.ndarray) -> None:
    inputs = processor(text=TEXTS, audio=[waveform, waveform / 2], sampling_rate=16_000, return_tensors="pt")
    text = model.get_text_features(inputs["input_ids"], inputs["attention_mask"]).pooler_output
    audio = model.get_audio_features(inputs["input_features"]).pooler_output
    for features in (text, audio):
        assert features.shape == (2, 32)
        torch.testing.assert_close(features.norm(dim=-1), torch.ones(2))
    outputs = model(**inputs, return_loss=True)
    torch.testing.assert_close(outputs.logits_per_text, text @ audio.T * model.logit_scale.exp())
    expected = torch.nn.functional.cross_entropy(outputs.logits_per_text, torch.arange(2))
    expected += torch.nn.functional.cross_entropy(outputs.logits_per_text.T, torch.arange(2))
    torch.testing.assert_close(outputs.loss, expected / 2)


def test_the_encoder_embeds_texts_as_the_model_does(
    model: MSClapModel, processor: MSClapProcessor, tiny_checkpoint: Path
) -> None:
    texts = [*TEXTS, "", "a dog!", "a text of many words, " * 2]
    encoded = Encoder.from_pretrained(tiny_checkpoint).embed_text(texts)
    expected = model.get_text_features(**processor(text=texts, return_tensors="pt")).pooler_output
    torch.testing.assert_close(torch.from_numpy(encoded), expected, atol=1e-5, rtol=0)


def test_a_plain_tuple_can_be_asked_for(model: MSClapModel, processor: MSClapProcessor) -> None:
    inputs = processor(text=TEXTS, return_tensors="pt")
    states, pooled = model.get_text_features(**inputs, return_dict=False)
    assert states.shape[:2] == inputs["input_ids"].shape
    assert pooled.shape == (2, 32)


def test_towers_stand_alone(model: MSClapModel, processor: MSClapProcessor, waveform: np.ndarray) -> None:
    inputs = processor(text=TEXTS, audio=waveform, sampling_rate=16_000, return_tensors="pt")
    outputs = model(**inputs)
    text = MSClapTextModelWithProjection(model.config.text_config).eval()
    text.load_state_dict({k: v for k, v in model.state_dict().items() if k.startswith("text_")})
    audio = MSClapAudioModelWithProjection(model.config.audio_config).eval()
    audio.load_state_dict({k: v for k, v in model.state_dict().items() if k.startswith("audio_")})
    text_embeds = text(inputs["input_ids"], inputs["attention_mask"]).text_embeds
    audio_embeds = audio(inputs["input_features"]).audio_embeds
    torch.testing.assert_close(torch.nn.functional.normalize(text_embeds, dim=-1), outputs.text_embeds)
    torch.testing.assert_close(torch.nn.functional.normalize(audio_embeds, dim=-1), outputs.audio_embeds)
    plain = MSClapTextModel(model.config.text_config).eval()(inputs["input_ids"], inputs["attention_mask"])
    assert plain.pooler_output.shape == (2, model.config.text_config.hidden_size)
    heard = MSClapAudioModel(model.config.audio_config).eval()(inputs["input_features"])
    assert heard.pooler_output.shape == (1, model.config.audio_config.hidden_size)


def test_towers_save_and_load(model: MSClapModel, tmp_path: Path) -> None:
    for kind, config in (
        (MSClapTextModelWithProjection, model.config.text_config),
        (MSClapAudioModelWithProjection, model.config.audio_config),
        (MSClapTextModel, model.config.text_config),
        (MSClapAudioModel, model.config.audio_config),
    ):
        tower = kind(config)
        tower.save_pretrained(tmp_path / kind.__name__)
        again = kind.from_pretrained(tmp_path / kind.__name__)
        for name, value in tower.state_dict().items():
            assert torch.equal(value, again.state_dict()[name]), name


def test_configurations_join_and_round_trip(tmp_path: Path) -> None:
    text = MSClapTextConfig(hidden_size=48, num_attention_heads=2)
    audio = MSClapAudioConfig(depths=(2, 2), num_attention_heads=(2, 4))
    config = MSClapConfig.from_text_audio_configs(text, audio, projection_dim=20)
    config.save_pretrained(tmp_path)
    again = MSClapConfig.from_pretrained(tmp_path)
    assert again.text_config.hidden_size == 48
    assert tuple(again.audio_config.depths) == (2, 2)
    assert again.projection_dim == again.text_config.projection_dim == again.audio_config.projection_dim == 20


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="no multiple of num_mel_bins"):
        MSClapAudioConfig(spec_size=250)
    with pytest.raises(ValueError, match="differ in length"):
        MSClapAudioConfig(depths=(2, 2))
    with pytest.raises(ValueError, match="does not divide"):
        MSClapAudioConfig(window_size=7)


def test_texts_end_where_their_marker_stands(model: MSClapModel, processor: MSClapProcessor) -> None:
    long, short = "a dog barking in the rain and in the kitchen", "a dog!"
    padded = processor(text=[long, short], return_tensors="pt")
    alone = processor(text=short, return_tensors="pt")
    assert alone["input_ids"][0, -1] == model.config.text_config.eos_token_id
    for mask in (padded["attention_mask"], None):
        together = model.get_text_features(padded["input_ids"], mask).pooler_output[1]
        torch.testing.assert_close(together, model.get_text_features(**alone).pooler_output[0])


def test_padding_to_the_full_length(processor: MSClapProcessor) -> None:
    inputs = processor(text=TEXTS, return_tensors="pt", padding="max_length")
    assert inputs["input_ids"].shape == (2, 77)


def test_short_audio_is_repeated_and_long_audio_always_cut_alike(
    processor: MSClapProcessor, waveform: np.ndarray
) -> None:
    extract = processor.feature_extractor
    short = extract(waveform[:5_000], sampling_rate=16_000, return_tensors="np")["input_features"]
    tiled = extract(np.tile(waveform[:5_000], 4)[:16_000], sampling_rate=16_000, return_tensors="np")["input_features"]
    np.testing.assert_array_equal(short, tiled)
    long = np.concatenate([waveform, waveform])
    np.testing.assert_array_equal(
        extract(long, return_tensors="np")["input_features"], extract(long, return_tensors="np")["input_features"]
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"audio": np.ones(16_000, np.float32), "sampling_rate": 44_100}, "16000 Hz, but sampling_rate is 44100"),
        ({"audio": np.full(16_000, np.nan, np.float32), "sampling_rate": 16_000}, "NaN"),
        ({"audio": [np.ones(0, np.float32)], "sampling_rate": 16_000}, "not empty"),
        ({"audio": np.ones((1, 2, 16_000), np.float32), "sampling_rate": 16_000}, "mono"),
        ({"audio": np.ones(9, np.float32), "audios": np.ones(9, np.float32)}, "not both"),
        ({}, "text, audio, or both"),
    ],
)
def test_unusable_input_is_refused(processor: MSClapProcessor, arguments: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        processor(**arguments, return_tensors="pt")


def test_more_frames_than_the_tower_takes_are_refused(model: MSClapModel) -> None:
    with pytest.raises(ValueError, match="more than the 128"):
        model.get_audio_features(torch.zeros(1, 1, 129, 32))


def test_the_log_mel_is_the_formula() -> None:
    extract = MSClapFeatureExtractor()
    waveform = np.random.default_rng(3).standard_normal(extract.segment_samples)
    mels = extract(waveform, sampling_rate=44_100, return_tensors="np")["input_features"][0, 0]
    padded = np.pad(waveform, 512, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)
    for frame in (0, 1, 500, 964):
        power = np.abs(np.fft.rfft(padded[frame * 320 :][:1024] * window)) ** 2
        np.testing.assert_allclose(mels[frame], 10 * np.log10(power @ extract.front_end.bank), atol=1e-3)
    assert mels.shape == (965, 64)


def test_classes_import_from_any_folder(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("raise RuntimeError('a user file of this name must not be imported')")
    code = "from soundgrep.model import MSClapModel; print(MSClapModel.__name__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "MSClapModel"
