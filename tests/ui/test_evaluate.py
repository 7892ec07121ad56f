"""`soundgrep evaluate`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .command import soundgrep, soundgrep_on_terminal
from .conftest import Indexed

CAPTIONS = """\
file,caption,category
tone.wav,a tone,tones
noise.wav,noise,noises
sub/long.wav,a long tone,tones
eight.wav,A tone.,tones
silent.wav,,silence
away.wav,something far away,noises
tone.wav,a tone,tones
"""


@pytest.fixture
def captions(tmp_path: Path) -> Path:
    (tmp_path / "captions.csv").write_text(CAPTIONS)
    return tmp_path / "captions.csv"


def test_a_table_of_figures_and_what_was_left_out(indexed: Indexed, captions: Path) -> None:
    said = soundgrep("evaluate", indexed.collection, captions)
    assert (said.code, said.err) == (0, "")
    head, *left_out = said.out.split("\n\n")[0].splitlines()
    assert head == "tiny: 3 captions of 4 clips; shares in percent"
    assert left_out == [
        f"left out: 1 file is not in {indexed.collection} (away.wav)",
        "left out: 1 caption is empty (line 6)",
        "left out: 1 caption is there twice (line 8)",
    ]
    figures = said.out.split("\n\n")[1].splitlines()[2:]
    assert [line[:26].rstrip() for line in figures] == [
        f"{direction}  {figure}"
        for direction in ("text to audio", "audio to text")
        for figure in ("R@1", "R@5", "R@10", "mAP@10", "median rank")
    ]
    assert "R@10         100.0" in figures[2]
    categories = said.out.split("\n\n")[2].splitlines()[2:]
    assert [line.split()[:2] for line in categories] == [["noises", "1"], ["tones", "2"]]


def test_json_has_all_figures_and_nothing_else(indexed: Indexed, captions: Path) -> None:
    said = soundgrep("evaluate", indexed.collection, captions, "--json")
    found = json.loads(said.out)
    assert (found["n_clips"], found["n_captions"]) == (4, 3)
    assert found["text_to_audio"]["recall_at_5"]["value"] == 1
    assert 0 < found["text_to_audio"]["recall_at_5"]["low"] < 1
    assert found["text_to_audio"]["recall_at_1"]["chance"] == pytest.approx((2 / 4 + 1 / 4 + 1 / 4) / 3, abs=1e-4)
    assert found["by_category"]["noises"]["audio_to_text"]["n_queries"] == 1
    assert found["left_out"][0]["examples"] == ["away.wav"]


def test_a_terminal_gets_the_same_report(indexed: Indexed, captions: Path) -> None:
    out = soundgrep_on_terminal("evaluate", indexed.collection, captions, columns=100).out
    assert "text to audio  median rank" in out
    # A path is never broken, or it could not be copied.
    assert all(len(line) <= 100 or str(captions.parent.parent) in line for line in out.splitlines())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("file,caption\nnothing.wav,a tone\n", "none of its files is in"),
        ("file,title\ntone.wav,a tone\n", "has the columns file, title"),
        ("", "is empty"),
    ],
)
def test_captions_that_cannot_be_used(indexed: Indexed, tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "captions.csv").write_text(text)
    sentence = soundgrep("evaluate", indexed.collection, tmp_path / "captions.csv").mistake()
    assert sentence.startswith(f"{tmp_path / 'captions.csv'}: ")
    assert reason in sentence


def test_a_file_or_collection_that_is_not_there(indexed: Indexed, tmp_path: Path, captions: Path) -> None:
    assert "there is no such file" in soundgrep("evaluate", indexed.collection, tmp_path / "no.csv").mistake()
    assert "no such collection" in soundgrep("evaluate", tmp_path / "nowhere", captions).mistake()
