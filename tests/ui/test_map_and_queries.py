"""`soundgrep map` and `soundgrep queries`, and queries that search saves and asks again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from .command import soundgrep
from .conftest import Indexed


@pytest.fixture
def collection(indexed: Indexed, tmp_path: Path) -> Path:
    return shutil.copytree(indexed.collection, tmp_path / "copy.soundgrep")


def test_a_map_is_made_and_asked_in_sql(collection: Path) -> None:
    made = soundgrep("map", collection, "--method", "pca")
    assert made.code == 0, made.err
    assert "clips on the map, by pca in " in made.lines[0]
    assert made.lines[1].startswith("next: soundgrep ui ")
    report = json.loads(soundgrep("map", collection, "--json").out)
    assert (report["method"], report["n_new"]) == ("pca", 0)
    rows = json.loads(soundgrep("sql", collection, "SELECT clip_id, x, y FROM map", "--json").out)
    assert len(rows) == report["n_clips"]
    assert all(-1 <= row["x"] <= 1 and -1 <= row["y"] <= 1 for row in rows)
    assert "pca or umap, not 'tsne'" in soundgrep("map", collection, "--method", "tsne").mistake()


def test_a_query_is_saved_asked_again_and_deleted(collection: Path) -> None:
    first = soundgrep(
        "search", collection, "rain", "--minus", "wind", "--where", "duration_s > 0", "--save", "calm rain"
    )
    assert first.code == 0, first.err
    again = soundgrep("search", collection, "--saved", "calm rain")
    assert again.out == first.out
    listed = soundgrep("queries", collection)
    assert listed.lines[-1].startswith("calm rain  rain - wind  duration_s > 0  20")
    (one,) = json.loads(soundgrep("queries", collection, "--json").out)
    assert (one["name"], one["where"]) == ("calm rain", "duration_s > 0")
    more = soundgrep("search", collection, "--saved", "calm rain", "--plus", "thunder", "--where", "duration_s < 2")
    assert more.code == 0, more.err
    assert soundgrep("queries", collection, "--delete", "calm rain").code == 0
    assert "no queries are saved" in soundgrep("queries", collection).err


def test_mistakes_with_saved_queries_are_told(collection: Path, indexed: Indexed, tmp_path: Path) -> None:
    assert soundgrep("search", collection, "rain", "--save", "a").code == 0
    assert "'a' already" in soundgrep("search", collection, "wind", "--save", "a").mistake()
    assert "has no saved query 'b'; there are 'a'" in soundgrep("search", collection, "--saved", "b").mistake()
    assert "has no saved query 'b'" in soundgrep("queries", collection, "--delete", "b").mistake()
    assert "at most 80 characters" in soundgrep("search", collection, "rain", "--save", "x" * 100).mistake()
    assert "no such collection" in soundgrep("queries", tmp_path / "none").mistake()
    lines = tmp_path / "lines.txt"
    lines.write_text("rain\n")
    assert "--save or --queries" in soundgrep("search", collection, "--queries", lines, "--save", "c").mistake()
