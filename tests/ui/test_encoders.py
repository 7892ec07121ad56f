"""Several encoders from the shell: added, asked, compared, taken away; and whether an encoder works."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from .command import soundgrep
from .conftest import Indexed
from .sounds import GOOD

CAPTIONS = """\
file,caption
tone.wav,a tone
noise.wav,noise
sub/long.wav,a long tone
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, indexed: Indexed, second_checkpoint: Path) -> Path:
    """A folder with a collection that two encoders heard, and captions."""
    folder = tmp_path_factory.mktemp("encoders")
    shutil.copytree(indexed.collection, folder / "c")
    done = soundgrep("index", indexed.sounds, folder / "c", "--encoder", second_checkpoint, "--workers", "1")
    assert done.code == 0, done.err
    assert "encoders: tiny, other" in done.lines
    assert f"other embedded {len(GOOD)} clips" in done.lines
    (folder / "captions.csv").write_text(CAPTIONS)
    return folder


def test_show_names_them(place: Path) -> None:
    shown = soundgrep("show", place / "c").lines
    assert any(line.startswith("encoder     tiny (sha256:") for line in shown)
    assert any(line.startswith("encoder     other, beside it, heard ") for line in shown)


def test_search_asks_one_or_both(place: Path) -> None:
    alone = soundgrep("search", place / "c", "rain", "--encoder", "other", "--json")
    both = json.loads(soundgrep("search", place / "c", "rain", "--encoder", "both", "--json").out)
    assert [hit["places"]["other"] for hit in both if "other" in hit["places"]]
    assert {hit["path"] for hit in both} == {hit["path"] for hit in json.loads(alone.out)}
    line = soundgrep("search", place / "c", "rain", "--encoder", "both", "-k", "1").lines[0]
    assert line.split()[3] == both[0]["encoder"]
    mistake = soundgrep("search", place / "c", "rain", "--encoder", "msclap-2023").mistake()
    assert "has nothing that the encoder 'msclap-2023' heard, only tiny, other" in mistake
    assert "one encoder's" in soundgrep("search", place / "c", "rain", "--encoder", "both", "--by", "segment").mistake()


def test_evaluate_puts_them_side_by_side(place: Path) -> None:
    found = json.loads(soundgrep("evaluate", place / "c", place / "captions.csv", "--encoder", "both", "--json").out)
    assert [one["encoder_id"] for one in found] == ["tiny", "other", "both"]
    one = json.loads(soundgrep("evaluate", place / "c", place / "captions.csv", "--encoder", "other", "--json").out)
    assert one == found[1]
    lines = soundgrep("evaluate", place / "c", place / "captions.csv", "--encoder", "both").lines
    assert lines[2].split() == ["tiny", "other", "both"]


def test_classify_listens_by_the_one_that_is_named(place: Path) -> None:
    (place / "labels.txt").write_text("rain\na bell\n")
    done = soundgrep("classify", place / "c", "--labels", place / "labels.txt", "--encoder", "other", "--json")
    assert json.loads(done.out)["encoder_id"] == "other"


def test_compact_takes_one_away(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "c", tmp_path / "c")
    mistake = soundgrep("compact", tmp_path / "c", "--drop-encoder", "mini").mistake()
    assert "the encoder 'mini' heard, only tiny, other" in mistake
    said = soundgrep("compact", tmp_path / "c", "--drop-encoder", "tiny")
    assert said.code == 0, said.err
    assert f"{tmp_path / 'c'}: what tiny heard is taken out" in said.lines
    assert json.loads(soundgrep("show", tmp_path / "c", "--json").out)["encoder"]["id"] == "other"


def test_models_check_says_what_it_saw_or_what_is_wrong(second_checkpoint: Path, tmp_path: Path) -> None:
    done = soundgrep("models", "check", second_checkpoint)
    assert (done.code, done.lines[-1]) == (0, "it works")
    seen = json.loads(soundgrep("models", "check", second_checkpoint, "--json").out)
    assert seen["traits"] == {"sampling_rate_hz": 16_000, "segment_s": 0.5, "embedding_dim": 32}
    broken = shutil.copytree(second_checkpoint, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes((broken / "model.safetensors").read_bytes()[:1_000])
    assert "model.safetensors" in soundgrep("models", "check", broken).mistake()
    assert "not a checkpoint" in soundgrep("models", "check", tmp_path).mistake()
    assert "did you mean mini?" in soundgrep("models", "check", "mimi").mistake()
    assert "HF_HUB_OFFLINE is set" in soundgrep("models", "check", "someone/something").mistake()
