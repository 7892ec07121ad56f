"""Our MSCLAP 2023 against the reference's own modules: same random weights, converted by our command's code."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pygame
import pytest
import torch

from soundgrep import Encoder
from soundgrep.model.audio.decoding import decode
from soundgrep.model.encoders.runtime import RUNTIME_VARIABLE
from soundgrep.model.errors import SoundgrepWarning
from soundgrep.model.msclap.family import MSClap

from ..waiting import LONG_S
from .reference import GPT2_FILES, build, tokenizer

RATE_HZ, SEGMENT = 44_100, 308_700
TOLERANCE = 1e-4

TEXTS = [
    "",
    " ",
    "dog",
    "Sound of a dog",
    "Sound of vacuum cleaner",
    "glass breaking in a kitchen",
    "A man speaks while rain falls on a tin roof, and thunder rolls in the distance.",
    "UPPER CASE AND digits 0123456789",
    "it's the dog's bark, isn't it?",
    "  leading and  double   spaces",
    "trailing space ",
    "tabs\tand\nnewlines",
    "ein Hund bellt, die Tür fällt zu, größer",
    "собака лает под дождём",
    "犬が吠えている",
    "كلب ينبح",
    "rain 🌧️ and thunder ⚡",
    "café naïve Ångström",
    "a literal <|endoftext|> marker",
    "<|endoftext|>",
    "punctuation: (a; b), [c] {d} — e…",
    "x" * 60,
]
SHOUTED = ["!", "stop!", "stop! a dog! barks!!", "! first"]
LONG = " ".join(f"word{n}" for n in range(200))


@pytest.fixture(scope="module")
def reference() -> torch.nn.Module:
    return build()


@pytest.fixture(scope="module")
def original(reference: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The reference's weights as its authors publish them."""
    weights = tmp_path_factory.mktemp("original") / "CLAP_weights_2023.pth"
    torch.save({"model": reference.state_dict()}, weights)
    yield weights
    weights.unlink()


@pytest.fixture(scope="module")
def converted(original: Path) -> Iterator[Path]:
    folder = original.parent / "msclap-random"
    command = [str(Path(sys.executable).with_name("soundgrep")), "convert", str(original), str(folder)]
    done = subprocess.run(
        [*command, "--tokenizer", str(GPT2_FILES)], check=True, capture_output=True, text=True, timeout=LONG_S
    )
    assert "50 to 14000 Hz drawn for 32000 Hz" in " ".join(done.stdout.split()), "the mel bank that the weights hold"
    assert not done.stderr
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def encoder(converted: Path) -> Encoder:
    return Encoder.from_pretrained(converted)


def waveforms() -> dict[str, np.ndarray]:
    random = np.random.default_rng(7)
    seconds = np.arange(SEGMENT) / RATE_HZ
    examples = Path(pygame.__file__).parent / "examples" / "data"
    sounds = {
        "white noise": 0.3 * random.standard_normal(SEGMENT),
        "quiet noise": 1e-4 * random.standard_normal(SEGMENT),
        "tone": 0.5 * np.sin(2 * np.pi * 440 * seconds),
        "sweep": 0.5 * np.sin(2 * np.pi * (50 + 1500 * seconds) * seconds),
        "silence": np.zeros(SEGMENT),
        "click": np.eye(1, SEGMENT, 1000)[0],
        "short noise": 0.3 * random.standard_normal(30_000),
        "one sample": np.ones(1),
        "bursts": 0.4 * random.standard_normal(SEGMENT) * (np.sin(2 * np.pi * 2 * seconds) > 0),
    }
    for name in ("house_lo.wav", "car_door.wav", "boom.wav", "punch.wav", "secosmic_lo.wav", "house_lo.mp3"):
        sounds[name] = decode(examples / name, sampling_rate_hz=RATE_HZ).waveform[:SEGMENT]
    return {name: sound.astype(np.float32) for name, sound in sounds.items()}


FEW = ("white noise", "silence", "click", "short noise", "one sample", "house_lo.wav", "house_lo.mp3")


@pytest.mark.parametrize("names", [FEW, pytest.param(None, marks=pytest.mark.long)], ids=["few", "all"])
def test_audio_embeddings_equal_the_reference(
    reference: torch.nn.Module, encoder: Encoder, names: tuple[str, ...] | None
) -> None:
    sounds = waveforms()
    for name in names or sounds:
        waveform = sounds[name]
        tiled = np.tile(waveform, -(-SEGMENT // len(waveform)))[:SEGMENT]
        with torch.inference_mode():
            expected = reference.audio_encoder(torch.from_numpy(tiled)[None])[0].numpy()[0]
        (ours,) = encoder.embed_audio([waveform])
        difference = np.abs(ours - expected / np.linalg.norm(expected)).max()
        assert difference < TOLERANCE, f"{name}: {difference:.2e}"


@pytest.fixture(scope="module")
def expected(reference: torch.nn.Module) -> dict[str, np.ndarray]:
    """The reference's embeddings of the texts."""
    gpt2, embedded = tokenizer(), {}
    for text in TEXTS:
        tokens = gpt2(text + " <|endoftext|>", max_length=77, padding="max_length", return_tensors="pt")
        with torch.inference_mode():
            (row,) = reference.caption_encoder(tokens).numpy()
        embedded[text] = row / np.linalg.norm(row)
    return embedded


@pytest.mark.parametrize("runtime", ["openvino", "torch"])
def test_text_embeddings_equal_the_reference(
    expected: dict[str, np.ndarray], converted: Path, runtime: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RUNTIME_VARIABLE, runtime)
    encoder = Encoder.from_pretrained(converted)
    for text in TEXTS:
        (ours,) = encoder.embed_text([text])
        difference = np.abs(ours - expected[text]).max()
        assert difference < TOLERANCE, f"{text!r}: {difference:.2e}"
        assert ours @ expected[text] > 1 - 1e-5, text


def reference_at_end(reference: torch.nn.Module, ids: list[int]) -> np.ndarray:
    """The reference's text tower pooled at the last token, which is what it means to do."""
    with torch.inference_mode():
        states = reference.caption_encoder.base(torch.tensor([ids])).last_hidden_state
        embedded = reference.caption_encoder.projection(states[:, -1]).numpy()[0]
    return embedded / np.linalg.norm(embedded)


@pytest.mark.parametrize("text", SHOUTED)
def test_an_exclamation_mark_does_not_move_the_pooled_state(
    reference: torch.nn.Module, encoder: Encoder, text: str
) -> None:
    ids = tokenizer()(text + " <|endoftext|>").input_ids
    assert 0 in ids, "the case that the reference gets wrong"
    (ours,) = encoder.embed_text([text])
    assert np.abs(ours - reference_at_end(reference, ids)).max() < TOLERANCE


def test_a_long_text_is_cut_before_its_end_marker(reference: torch.nn.Module, encoder: Encoder) -> None:
    ids = tokenizer()(LONG + " <|endoftext|>").input_ids
    assert len(ids) > 77
    with pytest.warns(SoundgrepWarning, match="longer than the 77 tokens"):
        (ours,) = encoder.embed_text([LONG])
    assert np.abs(ours - reference_at_end(reference, ids[:75] + ids[-2:])).max() < TOLERANCE


def test_neighbours_in_a_batch_change_nothing(encoder: Encoder) -> None:
    four = [waveform for name, waveform in waveforms().items() if name in FEW[:4]]
    together = encoder.embed_audio(four)
    alone = np.concatenate([encoder.embed_audio([waveform]) for waveform in four])
    np.testing.assert_array_equal(together, alone)
    texts = TEXTS[2:6]
    np.testing.assert_array_equal(
        encoder.embed_text(texts), np.concatenate([encoder.embed_text([text]) for text in texts])
    )


def test_the_model_itself_gives_the_same_in_any_batch(converted: Path) -> None:
    from soundgrep.model import MSClapModel, MSClapProcessor

    model = MSClapModel.from_pretrained(converted).eval()
    processor = MSClapProcessor.from_pretrained(converted)
    inputs = processor(
        text=TEXTS[2:6], audio=list(waveforms().values())[:4], sampling_rate=RATE_HZ, return_tensors="pt"
    )
    with torch.inference_mode():
        together = model(**inputs)
        for row in range(4):
            one = model(**{name: value[row : row + 1] for name, value in inputs.items()})
            assert (one.audio_embeds - together.audio_embeds[row]).abs().max() < 1e-5
            assert (one.text_embeds - together.text_embeds[row]).abs().max() < 1e-5


def test_the_known_name_converts_what_the_hub_cache_holds(original: Path, converted: Path, tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    files = {"microsoft/msclap": {"CLAP_weights_2023.pth": original}}
    files["openai-community/gpt2"] = {"vocab.json": GPT2_FILES / "encoder.json", "merges.txt": GPT2_FILES / "vocab.bpe"}
    (release,) = (one for one in MSClap.releases if one.name == "msclap-2023")
    made = {}
    for file in release.files:
        folder = hub / f"models--{file.repository.replace('/', '--')}" / "snapshots" / str(file.revision)
        folder.mkdir(parents=True, exist_ok=True)
        path = files[file.repository][file.path]
        (folder / file.path).symlink_to(path)
        made[file.path] = hashlib.sha256(path.read_bytes()).hexdigest()
    # The real files' digests cannot be met here: those of the made ones stand in their place.
    code = f"""
import dataclasses
from soundgrep import Encoder
from soundgrep.model.msclap.family import MSClap
made = {made!r}
MSClap.releases = tuple(
    dataclasses.replace(
        one, files=tuple(dataclasses.replace(file, sha256=made[file.path]) for file in one.files)
    )
    for one in MSClap.releases
)
print(Encoder.from_pretrained("msclap-2023").source)
"""
    environment = {
        **os.environ,
        "HF_HUB_CACHE": str(hub),
        "HF_HUB_OFFLINE": "1",
        "SOUNDGREP_CACHE": str(tmp_path / "cache"),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment, timeout=LONG_S
    )
    assert Path(done.stdout.strip()) == tmp_path / "cache" / "msclap-2023"
    named = Encoder.from_pretrained(tmp_path / "cache" / "msclap-2023")
    assert named.id == "msclap-2023"
    assert named.digest == Encoder.from_pretrained(converted).digest
