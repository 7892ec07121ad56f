"""`soundgrep search --output`: hits as tables, playlists and archives."""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import soundfile

from .command import soundgrep
from .conftest import Indexed

WHERE = ("--where", "path LIKE '%tone.wav' OR path LIKE '%long.wav'")


def test_hits_are_written_in_the_format_that_the_name_ends_with(indexed: Indexed, tmp_path: Path) -> None:
    listed = json.loads(soundgrep("search", indexed.collection, "tone", *WHERE, "--json").out)
    for ending in ("csv", "json", "parquet", "m3u", "zip"):
        done = soundgrep("search", indexed.collection, "tone", *WHERE, "--output", tmp_path / f"hits.{ending}")
        assert (done.code, done.out) == (0, "")
        assert done.err.startswith(f"soundgrep: {tmp_path}/hits.{ending}: 2 hits, "), done.err
    paths = [hit["path"] for hit in listed]
    assert [row["path"] for row in csv.DictReader((tmp_path / "hits.csv").open())] == paths
    assert json.loads((tmp_path / "hits.json").read_text()) == listed
    assert pq.read_table(tmp_path / "hits.parquet").column("path").to_pylist() == paths
    assert [line for line in (tmp_path / "hits.m3u").read_text().splitlines() if line[0] != "#"] == paths
    with zipfile.ZipFile(tmp_path / "hits.zip") as archive:
        assert sorted(archive.namelist()) == ["hits.csv", "sub/long.wav", "tone.wav"]
        assert archive.read("tone.wav") == (indexed.sounds / "tone.wav").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"hits.{ending}" for ending in ("csv", "json", "m3u", "parquet", "zip")
    ]


def test_an_archive_can_hold_only_the_seconds_that_answer(indexed: Indexed, tmp_path: Path) -> None:
    out = tmp_path / "hits.zip"
    done = soundgrep(
        "search", indexed.collection, "tone", "--by", "segment", *WHERE, "-k", "1", "--output", out, "--spans", "flac"
    )
    assert done.code == 0, done.err
    with zipfile.ZipFile(out) as archive:
        (name,) = set(archive.namelist()) - {"hits.csv"}
        assert name.endswith(" s.flac")
        with archive.open(name) as file:
            assert soundfile.info(file).duration == pytest.approx(1, abs=0.02)


def test_what_cannot_be_written_is_told_before_or_after_the_search(indexed: Indexed, tmp_path: Path) -> None:
    def mistake(*arguments: str | Path) -> str:
        return soundgrep("search", indexed.collection, "tone", *arguments).mistake()

    assert mistake("--output", tmp_path / "hits.doc").endswith("written as .csv, .parquet, .json, .m3u, .m3u8 or .zip")
    assert mistake("--spans", "wav") == "--spans says what a .zip file shall hold: give one with --output"
    assert mistake("--spans", "mp3", "--output", tmp_path / "a.zip") == "--spans is wav or flac, not 'mp3'"
    assert mistake("--output", tmp_path / "no" / "a.zip").endswith("cannot be written (No such file or directory)")
    assert list(tmp_path.iterdir()) == []
