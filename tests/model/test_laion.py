"""LAION CLAP: what transformers' classes compute, always alike, and one sentence for whatever is wrong."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from transformers import (
    AutoModel,
    AutoProcessor,
    ClapAudioConfig,
    ClapAudioModel,
    ClapAudioModelWithProjection,
    ClapConfig,
    ClapFeatureExtractor,
    ClapModel,
    ClapProcessor,
    ClapTextConfig,
    ClapTextModel,
    ClapTextModelWithProjection,
)

from soundgrep import Encoder
from soundgrep.model.encoders.runtime import RUNTIME_VARIABLE
from soundgrep.model.errors import CheckpointError, SoundgrepWarning
from soundgrep.model.laion.family import LaionClap

from .clap_checkpoint import build

pytestmark = pytest.mark.slow

RATE_HZ, SEGMENT = 16_000, 16_000
TOLERANCE = 1e-5
TEXTS = [
    "",
    "a",
    "a dog barking in the rain",
    "Hund, größer!",
    "雨 🌧",
    "a literal <pad> and </s>",
    " leading",
    "dog " * 15,
]
RUNTIMES = ("openvino", "torch")


@pytest.fixture(scope="module")
def fused(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("checkpoints") / "tiny-fused", is_fused=True)


def waveforms() -> dict[str, np.ndarray]:
    random = np.random.default_rng(7)
    seconds = np.arange(SEGMENT) / RATE_HZ
    sounds = {
        "noise": 0.3 * random.standard_normal(SEGMENT),
        "tone": 0.5 * np.sin(2 * np.pi * 440 * seconds),
        "sweep": 0.5 * np.sin(2 * np.pi * (50 + 2500 * seconds) * seconds),
        "silence": np.zeros(SEGMENT),
        "click": np.eye(1, SEGMENT, 1000)[0],
        "two and a half times": 0.3 * random.standard_normal(6_400),
        "a sample short": 0.3 * random.standard_normal(SEGMENT - 1),
        "one sample": np.ones(1),
    }
    return {name: sound.astype(np.float32) for name, sound in sounds.items()}


@functools.cache
def loaded(folder: Path) -> tuple[ClapModel, ClapProcessor]:
    return ClapModel.from_pretrained(folder).eval(), ClapProcessor.from_pretrained(folder)


def theirs(folder: Path, waveform: np.ndarray) -> np.ndarray:
    """What transformers gives for a clip that is no longer than a segment."""
    model, processor = loaded(folder)
    inputs = processor(audio=waveform, sampling_rate=RATE_HZ, return_tensors="pt")
    with torch.inference_mode():
        is_longer = torch.zeros(1, 1, dtype=torch.bool)  # the processor would mark one clip of each batch at random
        features = model.get_audio_features(inputs["input_features"], is_longer=is_longer)
    return features.pooler_output[0].numpy()


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("kind", ["unfused", "fused"])
def test_sounds_are_embedded_as_transformers_embeds_them(
    kind: str, runtime: str, tiny_clap_checkpoint: Path, fused: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RUNTIME_VARIABLE, runtime)
    folder = fused if kind == "fused" else tiny_clap_checkpoint
    encoder = Encoder.from_pretrained(folder)
    assert (encoder.sampling_rate_hz, encoder.segment_s, encoder.embedding_dim) == (RATE_HZ, 1.0, 32)
    for name, waveform in waveforms().items():
        (ours,) = encoder.embed_audio([waveform])
        difference = np.abs(ours - theirs(folder, waveform)).max()
        assert difference < TOLERANCE, f"{name}: {difference:.2e}"
        assert np.linalg.norm(ours) == pytest.approx(1)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_texts_are_embedded_as_transformers_embeds_them(
    runtime: str, tiny_clap_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RUNTIME_VARIABLE, runtime)
    encoder = Encoder.from_pretrained(tiny_clap_checkpoint)
    model, processor = loaded(tiny_clap_checkpoint)
    with torch.inference_mode():
        together = model.get_text_features(**processor(text=TEXTS, padding=True, return_tensors="pt")).pooler_output
    for text, in_a_batch in zip(TEXTS, together.numpy(), strict=True):
        with torch.inference_mode():
            alone = model.get_text_features(**processor(text=text, return_tensors="pt")).pooler_output[0].numpy()
        (ours,) = encoder.embed_text([text])
        assert np.abs(ours - alone).max() < TOLERANCE, text
        assert np.abs(ours - in_a_batch).max() < TOLERANCE, text


def test_a_long_text_is_cut_before_its_end_mark(tiny_clap_checkpoint: Path) -> None:
    model, processor = loaded(tiny_clap_checkpoint)
    long = "zxq " * 60
    ids = processor.tokenizer(long, truncation=True, max_length=80, return_tensors="pt")
    with torch.inference_mode():
        expected = model.get_text_features(**ids).pooler_output[0].numpy()
    with pytest.warns(SoundgrepWarning, match="longer than the 80 tokens that tiny-clap reads"):
        (ours,) = Encoder.from_pretrained(tiny_clap_checkpoint).embed_text([long])
    assert np.abs(ours - expected).max() < TOLERANCE


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_batch_order_and_run_change_nothing(runtime: str, fused: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUNTIME_VARIABLE, runtime)
    sounds = list(waveforms().values())
    first, second = Encoder.from_pretrained(fused), Encoder.from_pretrained(fused)
    together = first.embed_audio(sounds)
    np.testing.assert_array_equal(together, second.embed_audio(sounds[::-1])[::-1])
    np.testing.assert_array_equal(together, np.concatenate([first.embed_audio([sound]) for sound in sounds]))


def test_transformers_own_default_is_what_chance_decides(fused: Path) -> None:
    model, processor = loaded(fused)
    clip, found = waveforms()["noise"], []
    for seed in range(8):
        np.random.seed(seed)  # the generator that it draws from
        inputs = processor(audio=[clip, clip], sampling_rate=RATE_HZ, return_tensors="pt")
        with torch.inference_mode():
            found.append(model.get_audio_features(**inputs).pooler_output[0].numpy())
    assert np.ptp(np.stack(found), axis=0).max() > TOLERANCE, "if this fails, their default has become fit for an index"


def test_every_class_of_theirs_opens_the_folder_and_agrees(tiny_clap_checkpoint: Path) -> None:
    folder, encoder = tiny_clap_checkpoint, Encoder.from_pretrained(tiny_clap_checkpoint)
    clip, text = waveforms()["sweep"], "glass breaking"
    config = ClapConfig.from_pretrained(folder)
    assert isinstance(config.text_config, ClapTextConfig)
    assert isinstance(config.audio_config, ClapAudioConfig)
    assert isinstance(AutoModel.from_pretrained(folder), ClapModel)
    assert isinstance(AutoProcessor.from_pretrained(folder), ClapProcessor)
    assert isinstance(ClapFeatureExtractor.from_pretrained(folder), ClapFeatureExtractor)
    model, processor = loaded(folder)
    inputs = processor(text=[text], audio=clip, sampling_rate=RATE_HZ, return_tensors="pt")
    sounds = {"input_features": inputs["input_features"]}
    texts = {name: inputs[name] for name in ("input_ids", "attention_mask")}
    (sound,), (words,) = encoder.embed_audio([clip]), encoder.embed_text([text])
    with torch.inference_mode():
        both = model(**inputs)
        pairs = [
            (both.audio_embeds, sound),
            (both.text_embeds, words),
            (ClapAudioModelWithProjection.from_pretrained(folder).eval()(**sounds).audio_embeds, sound),
            (ClapTextModelWithProjection.from_pretrained(folder).eval()(**texts).text_embeds, words),
        ]
        assert ClapAudioModel.from_pretrained(folder).eval()(**sounds).pooler_output.shape == (1, 32)
        assert ClapTextModel.from_pretrained(folder).eval()(**texts).pooler_output.shape == (1, 32)
    for theirs_, ours in pairs:
        row = theirs_[0].numpy()
        assert np.abs(row / np.linalg.norm(row) - ours).max() < TOLERANCE
    assert both.logits_per_audio.item() == pytest.approx(encoder.logit_scale * float(sound @ words), rel=1e-4)


def test_nothing_of_a_query_or_of_indexing_loads_torch(tiny_clap_checkpoint: Path, tmp_path: Path) -> None:
    code = (
        "import sys, numpy; from soundgrep import Encoder; e = Encoder.from_pretrained(sys.argv[1]);"
        "e.embed_text(['a dog']); e.embed_audio([numpy.ones(9, numpy.float32)]);"
        "print({'torch', 'transformers'} & set(sys.modules))"
    )
    environment = {"OMP_NUM_THREADS": "1", "SOUNDGREP_CACHE": str(tmp_path), RUNTIME_VARIABLE: "openvino"}
    command = [sys.executable, "-c", code, str(tiny_clap_checkpoint)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "set()\n"


Damage = Callable[[Path], object]


def with_json(name: str, *keys: str, value: object) -> Damage:
    def damage(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        inner = content
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = value
        (folder / name).write_text(json.dumps(content))

    return damage


def with_weights(change: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]) -> Damage:
    def damage(folder: Path) -> None:
        save_file(change(load_file(folder / "model.safetensors")), folder / "model.safetensors")

    return damage


def cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def without_marks(folder: Path) -> None:
    with_json("tokenizer.json", "post_processor", value=None)(folder)


def drowned(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Every text at nearly one place, as in laion/larger_clap_music."""
    name = "text_projection.linear2.bias"
    return {**weights, name: weights[name] + 4000 * np.random.default_rng(0).random(32, np.float32)}


HEAD, NORM = "text_projection.linear2.weight", "audio_model.audio_encoder.layers.0.blocks.1.layernorm_before.weight"
QUERY = "audio_model.audio_encoder.layers.1.blocks.0.attention.self.query.weight"
AUDIO = ("config.json", "audio_config")
FRONT_END = ("processor_config.json", "feature_extractor")


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda folder: (folder / "tokenizer.json").unlink(), r"the file tokenizer\.json is missing"),
        (lambda folder: (folder / "processor_config.json").unlink(), r"preprocessor_config\.json is missing"),
        (
            with_json("config.json", "model_type", value="clip"),
            r"model_type is 'clip', but the families known here are",
        ),
        (with_json("config.json", "model_type", value="msclap"), r"cannot be (loaded|built)"),
        (cut, r"model\.safetensors: cannot be loaded: "),
        (pickled, r"weights are a pickle, pytorch_model\.bin, .*soundgrep convert"),
        (with_weights(lambda w: {k: v for k, v in w.items() if k not in (HEAD, NORM)}), r"Missing key"),
        (with_weights(lambda w: {**w, HEAD: w[HEAD][1:], QUERY: w[QUERY][1:]}), r"size mismatch"),
        (with_weights(lambda w: {**w, "text_other": w[HEAD], "audio_other": w[HEAD]}), r"(text|audio)_other"),
        (with_json(*AUDIO, "depths", value=[2, 3]), r"layers\.1\.blocks\.2"),
        (with_json(*AUDIO, "hidden_act", value="silu"), r"config\.json: .* hidden_act must be 'gelu', not 'silu'"),
        (with_json(*AUDIO, "spec_size", value=60), r"config\.json: .*spec_size 60 is no multiple of"),
        (with_json("config.json", "projection_hidden_act", value="gelu"), r"config\.json: .* cannot be built: "),
        (
            with_json("config.json", "text_config", "num_attention_heads", value=5),
            r"width 32 with 5 heads|multiple of the number of attention heads \(5\)",
        ),
        (with_json(*FRONT_END, "padding", value="pad"), r"padding must be 'repeatpad', not 'pad'"),
        (with_json(*FRONT_END, "sampling_rate", value=0), r"sampling_rate must be a positive number, not 0"),
        (with_json(*FRONT_END, "feature_size", value=16), r"16 mel bands, but the audio tower"),
        (without_marks, r"tokenizer\.json: not RoBERTa's"),
        (with_weights(drowned), r"the text tower is dead: .*mean cosine (0\.99|1\.0)"),
    ],
)
def test_a_checkpoint_that_is_wrong_is_refused_in_a_sentence(
    damage: Damage,
    told: str,
    runtime: str,
    tiny_clap_checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(RUNTIME_VARIABLE, runtime)
    monkeypatch.setenv("SOUNDGREP_CACHE", str(tmp_path / "cache"))
    folder = shutil.copytree(tiny_clap_checkpoint, tmp_path / "tiny")
    damage(folder)
    with pytest.raises(CheckpointError, match=told) as caught:
        use(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["unfused", "fused"])
def test_what_the_hub_has_as_a_pickle_is_rewritten(
    kind: str, tiny_clap_checkpoint: Path, fused: Path, tmp_path: Path
) -> None:
    folder = fused if kind == "fused" else tiny_clap_checkpoint
    snapshot = shutil.copytree(folder, tmp_path / "snapshot")
    torch.save(loaded(folder)[0].state_dict(), snapshot / "pytorch_model.bin")
    (snapshot / "model.safetensors").unlink()
    names = ("config.json", "processor_config.json", "tokenizer.json", "pytorch_model.bin")
    LaionClap().assemble({name: snapshot / name for name in names}, tmp_path / "assembled")
    sounds = list(waveforms().values())[:2]
    ours, before = Encoder.from_pretrained(tmp_path / "assembled"), Encoder.from_pretrained(folder)
    np.testing.assert_array_equal(ours.embed_audio(sounds), before.embed_audio(sounds))
    np.testing.assert_array_equal(ours.embed_text(["rain"]), before.embed_text(["rain"]))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_folder_of_another_family_is_refused_in_a_sentence(
    runtime: str, tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RUNTIME_VARIABLE, runtime)
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "tiny")
    with_json("config.json", "model_type", value="clap")(folder)
    for part in (Encoder.embed_audio, Encoder.embed_text):
        with pytest.raises(CheckpointError, match=r"(audio|text)_(model|projection)\.|not RoBERTa's") as caught:
            part(Encoder.from_pretrained(folder), [np.ones(9, np.float32)] if part is Encoder.embed_audio else ["rain"])
        assert "\n" not in str(caught.value)


def use(folder: Path) -> None:
    encoder = Encoder.from_pretrained(folder)
    encoder.embed_audio([np.ones(9, np.float32)])
    encoder.embed_text(["rain"])
