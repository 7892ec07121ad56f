"""`soundgrep classify`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from .command import soundgrep, soundgrep_on_terminal
from .conftest import Indexed
from .sounds import BROKEN, GOOD


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    (tmp_path / "labels.txt").write_text("# kinds\na tone\nnoise\n\nsilence\n")
    return tmp_path / "labels.txt"


def test_a_collection_is_a_line_a_clip(indexed: Indexed, labels: Path) -> None:
    said = soundgrep("classify", indexed.collection, "--labels", labels)
    assert (said.code, said.err) == (0, "")
    head, _, *lines = said.lines
    assert head.split() == ["score", "label", "path"]
    assert len(lines) == len(GOOD)
    assert {line.split(f"{indexed.sounds}/")[1] for line in lines} == GOOD
    for line in lines:
        assert 1 / 3 <= float(line[:5]) <= 1
        assert line[7:14].strip() in {"a tone", "noise", "silence"}


def test_a_folder_need_not_be_indexed(indexed: Indexed, labels: Path, tiny_checkpoint: Path) -> None:
    arguments = ["classify", indexed.sounds, "--labels", labels, "--encoder", tiny_checkpoint, "--workers", "1"]
    said = soundgrep(*arguments)
    assert said.code == 0, said.err
    left_out, *lines = said.lines
    assert left_out.startswith(f"left out: {len(BROKEN)} files could not be read ({indexed.sounds}/")
    assert lines == soundgrep("classify", indexed.collection, "--labels", labels).lines


def test_json_gives_every_clip_its_best_labels(indexed: Indexed, labels: Path) -> None:
    found = json.loads(soundgrep("classify", indexed.collection, "--labels", labels, "--json").out)
    assert (found["encoder_id"], found["n_labels"], found["accuracy"]) == ("tiny", 3, None)
    for clip in found["clips"]:
        assert clip["clip_id"].lstrip("-").isdecimal()
        assert {one["label"] for one in clip["labels"]} == {"a tone", "noise", "silence"}
        assert sum(one["score"] for one in clip["labels"]) == pytest.approx(1, abs=1e-5)
        assert [one["cosine"] for one in clip["labels"]] == sorted((o["cosine"] for o in clip["labels"]), reverse=True)


def test_the_truth_gives_the_accuracy(indexed: Indexed, tmp_path: Path) -> None:
    """As ESC-50's csv has it; the labels are made to be right for one clip and wrong for the other."""
    (tmp_path / "labels.txt").write_text("tone\nnoise\n")
    clips = json.loads(soundgrep("classify", indexed.collection, "--labels", tmp_path / "labels.txt", "--json").out)
    best = {clip["path"].rsplit("/", 1)[1]: clip["labels"][0]["label"] for clip in clips["clips"]}
    wrong = {"tone": "noise", "noise": "tone"}[best["noise.wav"]]
    rows = f"tone.wav,1,{best['tone.wav']}\nnoise.wav,2,{wrong}\n"
    # Both labels must be there, whatever the random encoder chose.
    (tmp_path / "esc50.csv").write_text(f"filename,fold,category\n{rows}gone.wav,1,tone\ngone.wav,1,noise\n")
    said = soundgrep("classify", indexed.collection, "--labels", tmp_path / "esc50.csv")
    assert (said.code, said.err) == (0, "")
    assert said.lines[:3] == [
        f"left out: 1 file is not in {indexed.collection} (gone.wav)",
        "tiny: 2 clips, 2 labels; shares in percent",
        f"not counted: {len(GOOD) - 2} clips of which nobody says what they are",
    ]
    assert any(line.startswith("best label right   50.0") for line in said.lines)
    table = soundgrep_on_terminal("classify", indexed.collection, "--labels", tmp_path / "esc50.csv", columns=90)
    assert "mostly taken for" in table.out
    assert all(len(line) <= 90 for line in table.out.splitlines() if not line.startswith("left out"))


def test_stored_labels_are_there_for_sql_and_filters(indexed: Indexed, labels: Path, tmp_path: Path) -> None:
    collection = shutil.copytree(indexed.collection, tmp_path / "c")
    said = soundgrep("classify", collection, "--labels", labels, "--store")
    assert said.code == 0
    assert said.err.startswith("soundgrep: the labels are stored; next: soundgrep sql ")
    query = "SELECT count(*) AS n, count(DISTINCT clip_id) AS clips, max(rank) AS ranks FROM labels"
    (row,) = json.loads(soundgrep("sql", collection, query, "--json").out)
    assert row == {"n": 3 * len(GOOD), "clips": len(GOOD), "ranks": 3}
    (tone,) = json.loads(
        soundgrep("sql", collection, "SELECT label FROM clips WHERE path LIKE '%/tone.wav'", "--json").out
    )
    filtered = soundgrep("search", collection, "rain", "--where", f"label = '{tone['label']}'", "--json")
    assert str(indexed.sounds / "tone.wav") in {hit["path"] for hit in json.loads(filtered.out)}


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "holds no labels"), ("a tone\n", "holds one label"), ("# only\n#comments\n", "holds no labels")],
)
def test_labels_that_are_no_choice(indexed: Indexed, tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "labels.txt").write_text(text)
    sentence = soundgrep("classify", indexed.sounds, "--labels", tmp_path / "labels.txt").mistake()
    assert sentence.startswith(f"{tmp_path / 'labels.txt'}: ")
    assert reason in sentence


def test_mistakes(indexed: Indexed, labels: Path, tmp_path: Path) -> None:
    assert "--labels" in soundgrep("classify", indexed.collection).mistake()
    assert "no such file" in soundgrep("classify", indexed.collection, "--labels", tmp_path / "no.txt").mistake()
    assert "no such file or folder" in soundgrep("classify", tmp_path / "nowhere", "--labels", labels).mistake()
    assert "cannot be stored" in soundgrep("classify", indexed.sounds, "--labels", labels, "--store").mistake()
    sentence = soundgrep("classify", indexed.collection, "--labels", labels, "--template", "a sound").mistake()
    assert "'a sound' has no {}" in sentence
    sentence = soundgrep("classify", indexed.collection, "--labels", labels, "--encoder", "mini").mistake()
    assert "'tiny'" in sentence
    assert "'mini'" in sentence
