"""Hits as tables and in notebooks: what a data scientist does with them next."""

from __future__ import annotations

import base64
import io
import re
import sys
import wave
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

from soundgrep import Collection, Encoder, build_collection
from soundgrep.model.errors import UsageError
from soundgrep.search import Hits

from ..indexer.sounds import write


@pytest.fixture(scope="module")
def hits(tmp_path_factory: pytest.TempPathFactory, encoder: Encoder) -> Hits:
    folder = tmp_path_factory.mktemp("hits")
    (folder / "sounds").mkdir()
    for number in range(4):
        write(folder / "sounds" / f"<b>{number}<&b>.wav", number, duration_s=1.5)
    build_collection(folder / "sounds", folder / "made", encoder=encoder, n_workers=1)
    return Collection.open(folder / "made", encoder=encoder).search("rain", k=3, explain=True)


def test_every_table_says_what_the_hits_say(hits: Hits) -> None:
    expected = [(hit.rank, hit.score, hit.path, hit.start_s, hit.clip_id, hit.segment_id) for hit in hits]
    names = ["rank", "score", "path", "start_s", "clip_id", "segment_id"]
    assert [tuple(row[name] for name in names) for row in hits.to_list()] == expected
    assert list(zip(*(hits.to_arrow().column(name).to_pylist() for name in names), strict=True)) == expected
    frame = hits.to_pandas()
    assert isinstance(frame, pd.DataFrame)
    assert list(frame[names].itertuples(index=False, name=None)) == expected
    other = hits.to_polars()
    assert isinstance(other, pl.DataFrame)
    assert other.select(names).rows() == expected
    assert other["spans"][0].to_list() == hits.to_list()[0]["spans"]
    assert hits.to_list()[0]["spans"][0].keys() == {"start_s", "end_s", "score"}


def test_no_hits_are_an_empty_table_of_the_same_columns(hits: Hits) -> None:
    assert Hits().to_arrow().schema == hits.to_arrow().schema
    assert Hits().to_list() == []


def test_some_hits_are_hits(hits: Hits) -> None:
    some = hits[1:]
    assert isinstance(some, Hits)
    assert [hit.rank for hit in some] == [2, 3]
    assert some.explanation is hits.explanation is not None
    assert hits[-1].rank == 3


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_library_that_is_not_there_is_named(hits: Hits, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UsageError, match=f"pip install {library}"):
        getattr(hits, f"to_{library}")()


def test_a_notebook_shows_and_plays_them(hits: Hits) -> None:
    shown = hits._repr_html_()
    assert "&lt;b&gt;" in shown
    assert "<b>" not in shown
    players = re.findall(r'src="data:audio/wav;base64,([^"]+)"', shown)
    assert len(players) == len(hits)
    for hit, player in zip(hits, players, strict=True):
        with wave.open(io.BytesIO(base64.b64decode(player))) as sound:
            assert sound.getnframes() / sound.getframerate() == pytest.approx(hit.end_s - hit.start_s, abs=0.01)


def test_a_sound_that_is_gone_is_said_in_its_place(hits: Hits, tmp_path: Path) -> None:
    hits[0].file.rename(tmp_path / "away.wav")
    try:
        shown = hits._repr_html_()
    finally:
        (tmp_path / "away.wav").rename(hits[0].file)
    assert shown.count("<audio") == len(hits) - 1
    assert "no such file" in shown
