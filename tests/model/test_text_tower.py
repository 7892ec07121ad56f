"""The text tower on each runtime: the same embeddings, each text once, no torch."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from soundgrep import Encoder
from soundgrep.model.encoders.runtime import RUNTIME_VARIABLE
from soundgrep.model.encoders.tensors import mapped_tensors
from soundgrep.model.errors import CheckpointError, SoundgrepWarning
from soundgrep.model.msclap.text_tower import MSClapTextTower

TEXTS = ["", "a", "a dog barking in the rain", "Hund, größer!", "雨 🌧", "<|endoftext|>", "dog " * 30]


def tower(folder: Path, runtime: str, monkeypatch: pytest.MonkeyPatch) -> MSClapTextTower:
    monkeypatch.setenv(RUNTIME_VARIABLE, runtime)
    return MSClapTextTower(folder)


@pytest.fixture
def mini() -> Path:
    return Encoder.from_pretrained("mini").source


def test_both_runtimes_give_the_same(mini: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, compiled = (tower(mini, runtime, monkeypatch) for runtime in ("torch", "openvino"))
    for text in TEXTS:
        ours, theirs = plain.embed_text(text), compiled.embed_text(text)
        cosine = float(ours @ theirs / np.linalg.norm(ours) / np.linalg.norm(theirs))
        assert cosine > 1 - 1e-6, text


def test_a_collection_made_by_one_runtime_is_asked_by_the_other(
    tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = Encoder.from_pretrained(tiny_checkpoint)
    waveform = np.random.default_rng(3).normal(0, 0.1, encoder.segment_samples).astype(np.float32)
    rows = {}
    for runtime in ("torch", "openvino"):
        monkeypatch.setenv(RUNTIME_VARIABLE, runtime)
        fresh = Encoder.from_pretrained(tiny_checkpoint)
        rows[runtime] = fresh.embed_text(TEXTS), fresh.embed_audio([waveform])
    for ours, theirs in zip(rows["torch"], rows["openvino"], strict=True):
        assert (np.sum(ours * theirs, axis=1) > 0.9999).all()


def test_a_text_asked_for_again_is_remembered_and_cannot_be_spoilt(mini: Path) -> None:
    loaded = MSClapTextTower(mini)
    first = loaded.embed_text("a dog")
    assert loaded.embed_text("a dog") is first
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 0
    encoder = Encoder.from_pretrained("mini")
    row = encoder.embed_text(["a dog"])
    row[:] = 0
    assert np.linalg.norm(encoder.embed_text(["a dog"])) == pytest.approx(1)


def test_a_cut_text_is_said_to_be_cut_each_time() -> None:
    encoder = Encoder.from_pretrained("mini")
    for _ in range(2):
        with pytest.warns(SoundgrepWarning, match="longer than the 77 tokens"):
            encoder.embed_text(["dog " * 200])


@pytest.mark.parametrize("runtime", ["torch", "openvino"])
def test_threads_share_a_tower(mini: Path, runtime: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = tower(mini, runtime, monkeypatch)
    texts = [f"sound number {n} {'of rain ' * (n % 7)}" for n in range(40)]
    alone = {text: tower(mini, runtime, monkeypatch).embed_text(text) for text in texts[:8]}
    found: dict[str, np.ndarray] = {}

    def ask(number: int) -> None:
        for text in texts[number:] + texts[:number]:
            found[f"{number} {text}"] = shared.embed_text(text)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(0, 40, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 * len(texts)
    for key, embedding in found.items():
        text = key.partition(" ")[2]
        if text in alone:
            np.testing.assert_allclose(embedding, alone[text], atol=1e-6)


@pytest.mark.parametrize("runtime", ["", "openvino"])
def test_a_text_query_loads_no_torch(runtime: str) -> None:
    code = (
        "from soundgrep import Encoder; Encoder.from_pretrained('mini').embed_text(['a dog']);"
        "import sys; print({'torch', 'transformers'} & set(sys.modules), 'openvino' in sys.modules)"
    )
    environment = {RUNTIME_VARIABLE: runtime} if runtime else {}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"OMP_NUM_THREADS": "1"} | environment,
    )
    assert done.stdout.split("\n")[0] == f"set() {bool(runtime)}"


def test_half_precision_is_read_as_what_it_says(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    whole = rng.standard_normal((3, 5)).astype(np.float32)
    truncated = (whole.view(np.uint32) >> 16 << 16).view(np.float32)
    names = {"whole": whole, "half": whole.astype(np.float16), "other": np.zeros(2, np.float32)}
    save_file(names, tmp_path / "a.safetensors")
    upper = (whole.view(np.uint32) >> 16).astype("<u2").tobytes()
    header = json.dumps({"brain": {"dtype": "BF16", "shape": [3, 5], "data_offsets": [0, len(upper)]}}).encode()
    (tmp_path / "b.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + upper)
    found = mapped_tensors(tmp_path / "a.safetensors") | mapped_tensors(tmp_path / "b.safetensors")
    np.testing.assert_array_equal(found["whole"], whole)
    np.testing.assert_array_equal(found["half"], whole.astype(np.float16).astype(np.float32))
    np.testing.assert_array_equal(found["brain"], truncated)
    assert set(mapped_tensors(tmp_path / "a.safetensors", prefix="wh")) == {"whole"}


@pytest.mark.parametrize("damage", ["cut", "integers", "not one"])
def test_damaged_weights_end_in_one_sentence(tiny_checkpoint: Path, tmp_path: Path, damage: str) -> None:
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "damaged")
    weights = folder / "model.safetensors"
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif damage == "not one":
        weights.write_bytes(b"these are no weights" * 10)
    else:
        tensors = load_file(weights)
        tensors["text_model.encoder.norm.bias"] = np.zeros(32, np.int64)
        save_file(tensors, weights)
    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        Encoder.from_pretrained(folder).embed_text(["a"])
