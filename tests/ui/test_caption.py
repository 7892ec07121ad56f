"""`soundgrep caption`, and a collection of MSCLAP 2022 from index to evaluate."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from transformers import AutoTokenizer

from soundgrep.indexer.maintenance.captions import ROWS
from soundgrep.indexer.writing.annexes import write_annex

from ..model import captioner_checkpoint, msclap2022_checkpoint
from .command import soundgrep
from .sounds import tone, write_wav


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("captioned") / "sounds"
    for name, frequency_hz, duration_s in (("short.wav", 300, 0.5), ("long.wav", 3_000, 3.5), ("gone.wav", 800, 1.0)):
        write_wav(folder / name, tone(frequency_hz, duration_s))
    return folder


@pytest.fixture(scope="module")
def captioner(tiny_checkpoint: Path, sounds: Path) -> Path:
    return captioner_checkpoint.build(sounds.with_name("captioner"), AutoTokenizer.from_pretrained(tiny_checkpoint))


def test_files_are_captioned(sounds: Path, captioner: Path, tmp_path: Path) -> None:
    options = "--captioner", captioner, "--beams", "2"
    said = soundgrep("caption", "short.wav", "long.wav", *options, cwd=sounds)
    assert (said.code, said.err) == (0, "")
    assert said.lines[0].startswith("short.wav: ")
    assert all(line.startswith("long.wav") for line in said.lines[1:])
    found = json.loads(soundgrep("caption", "short.wav", "long.wav", *options, "--json", cwd=sounds).out)
    assert [one["path"] for one in found] == ["short.wav", "long.wav"]
    assert found[0]["captions"][0]["end_s"] == 0.5
    assert found[1]["captions"][-1]["end_s"] == 3.5
    assert f"short.wav: {found[0]['captions'][0]['caption']}" == said.lines[0]
    (tmp_path / "text.wav").write_text("no sound")
    partly = soundgrep("caption", tmp_path / "text.wav", sounds / "short.wav", *options)
    assert (partly.code, len(partly.lines)) == (3, 1)
    assert "text.wav: it is not audio" in partly.err


def test_a_collections_captions_are_kept_and_found(sounds: Path, captioner: Path, tmp_path: Path) -> None:
    encoder = msclap2022_checkpoint.build(tmp_path / "encoder")
    collection = tmp_path / "c"
    assert soundgrep("index", sounds, collection, "--encoder", encoder, "--workers", "1").code == 0
    hits = json.loads(soundgrep("search", collection, "a dog", "--where", "duration_s < 2", "--json").out)
    assert {Path(hit["path"]).name for hit in hits} == {"short.wav", "gone.wav"}
    (tmp_path / "captions.csv").write_text("file_name,caption\nshort.wav,a dog\nlong.wav,rain\ngone.wav,glass\n")
    assert soundgrep("evaluate", collection, tmp_path / "captions.csv").code == 0

    (sounds / "gone.wav").rename(tmp_path / "elsewhere.wav")
    options = "--captioner", captioner, "--beams", "1"
    said = soundgrep("caption", collection, *options)
    assert said.code == 3
    assert "2 clips captioned by captioner, 0 had their captions" in said.out
    assert "gone.wav" in said.err
    rows = json.loads(
        soundgrep("sql", collection, "SELECT path, caption FROM captions JOIN clips USING (clip_id)", "--json").out
    )
    assert {Path(row["path"]).name for row in rows} == {"short.wav", "long.wav"}

    (tmp_path / "elsewhere.wav").rename(sounds / "gone.wav")
    report = json.loads(soundgrep("caption", collection, *options, "--json").out)
    assert (report["n_known"], report["n_captioned"], report["failures"]) == (2, 1, [])
    again = json.loads(soundgrep("caption", collection, *options, "--segments", "1", "--json").out)
    assert (again["n_known"], again["n_captioned"], again["n_captions"]) == (0, 3, 3)

    # Captions of random weights have no words to search by: this one has.
    clips = json.loads(soundgrep("sql", collection, "SELECT clip_id, path FROM clips", "--json").out)
    (clip_id,) = (int(clip["clip_id"]) for clip in clips if clip["path"].endswith("long.wav"))
    row = {"clip_id": clip_id, "start_s": 0.0, "end_s": 1.0, "caption": "A zither", "captioner": "me", "made_of": ""}
    write_annex(collection, "captions", pa.Table.from_pylist([row], schema=ROWS))
    found = json.loads(soundgrep("search", collection, "zithers", "--text-match", "only", "--json").out)
    assert [Path(hit["path"]).name for hit in found] == ["long.wav"]


def test_mistakes_are_one_line(sounds: Path, captioner: Path, tiny_checkpoint: Path) -> None:
    for arguments, sentence in (
        ([sounds, "--captioner", captioner], "is a folder; give files, or one collection"),
        ([sounds / "nowhere.wav", "--captioner", captioner], "nowhere.wav"),
        ([sounds / "short.wav", "--captioner", tiny_checkpoint], "a captioner is of 'clapcap'"),
        ([sounds / "short.wav", "--captioner", "clapcat"], "there is no captioner 'clapcat'"),
        ([sounds / "short.wav", "--captioner", captioner, "--beams", "0"], "--beams"),
    ):
        assert sentence in soundgrep("caption", *arguments).mistake()
