"""Queries that are learned from marks, and queries that are saved under a name."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from soundgrep import Encoder
from soundgrep.indexer import delete_query, save_query, verify_collection
from soundgrep.model.errors import CollectionError, EncoderMismatchError, QueryError
from soundgrep.search import Collection, Query
from soundgrep.search.feedback import refine, refined
from soundgrep.search.saved import saved_queries, saved_query

from ..search.made import add_clips, clustered, unit
from .test_map import families


@pytest.fixture
def opened(tmp_path: Path, encoder: Encoder) -> Collection:
    clips, _ = families(60, dim=encoder.embedding_dim)
    return Collection.open(add_clips(tmp_path / "made", clips, encoder=encoder))


def test_what_was_kept_is_ranked_before_what_was_rejected(opened: Collection) -> None:
    rows = opened.sql("SELECT clip_id FROM clips ORDER BY path[-9:]").column("clip_id").to_pylist()
    kept, rejected = rows[0::3], rows[1::3]
    text = Query.text("anything at all")

    def ranks(query: Query, clips: list[int]) -> float:
        found = [hit.clip_id for hit in opened.search(query, k=60)]
        return float(np.mean([found.index(clip) for clip in clips]))

    learned = refine(opened, text, keep=kept[:4], reject=rejected[:4])
    assert ranks(learned, kept) < min(20.0, ranks(text, kept))
    assert ranks(learned, kept[:4]) < 20, "what was kept is a hit itself"
    assert ranks(learned, rejected) > ranks(text, rejected)
    alone = opened.search(refine(opened, None, keep=kept[:1]), k=10)
    assert {hit.clip_id for hit in alone} <= set(kept)


def test_a_mark_moves_a_query_a_little_and_many_move_it_a_lot() -> None:
    rng = np.random.default_rng(0)
    text, wanted = unit(rng.standard_normal((2, 64)))
    others = clustered(200, dim=64, seed=1)
    kept = unit(wanted + 0.05 * rng.standard_normal((20, 64)))
    none = np.empty((0, 64), np.float32)
    one = refined(text, kept=kept[:1], rejected=none, others=others)
    against = refined(text, kept=kept, rejected=unit(text + 0.05 * rng.standard_normal((20, 64))), others=others)
    assert float(wanted @ text) + 0.02 < float(wanted @ one) < float(wanted @ against)
    assert float(text @ one) > 0.7
    assert float(text @ against) < float(text @ one)
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5)


def test_rejecting_alone_leaves_the_query(opened: Collection) -> None:
    query = Query.text("rain")
    assert refine(opened, query, keep=[], reject=[opened.search(query, k=1)[0]]) is query
    with pytest.raises(QueryError, match="nothing to learn from"):
        refine(opened, None, keep=[])
    with pytest.raises(QueryError, match="not in"):
        refine(opened, query, keep=[12345])


def test_marks_may_be_of_several_collections(opened: Collection, tmp_path: Path, encoder: Encoder) -> None:
    clips, _ = families(12, dim=encoder.embedding_dim, seed=5)
    other = Collection.open(add_clips(tmp_path / "other", clips, encoder=encoder, first=1000))
    theirs = other.sql("SELECT clip_id FROM clips ORDER BY path[-9:]").column("clip_id").to_pylist()
    query = refine([opened, other], Query.text("rain") - 0.5 * Query.like(theirs[1]), keep=theirs[0:1])
    assert other.search(query, k=1)[0].clip_id == theirs[0]


def test_a_saved_query_finds_again_what_it_found(opened: Collection) -> None:
    query = Query.text("rain") - 0.5 * Query.text("wind")
    rejected = opened.search(query, k=1)[0].clip_id
    where, values = "codec = $codec", {"codec": "vorbis"}
    saved = save_query(opened, " calm rain ☂ ", query, where=where, values=values, rejected=[rejected])
    assert (saved.name, saved.text) == ("calm rain ☂", "rain - 0.5 * wind")
    reopened = Collection.open(opened.path)
    again = saved_query(reopened.path, reopened.manifest, "calm rain ☂")
    condition = again.condition
    found = reopened.search(again.query, k=5, where=condition.where, where_values=condition.values)
    expected = opened.search(query, k=6, where=where, where_values=values)
    assert [hit.segment_id for hit in found] == [hit.segment_id for hit in expected if hit.clip_id != rejected][:5]
    assert [hit.score for hit in found] == pytest.approx([hit.score for hit in expected if hit.clip_id != rejected][:5])
    assert verify_collection(opened.path).is_sound


def test_saved_queries_are_listed_and_deleted(opened: Collection) -> None:
    for name in ("b", "a/../../x", "Ä"):
        save_query(opened, name, "rain")
    assert [one.name for one in saved_queries(opened.path)] == ["a/../../x", "b", "Ä"]
    with pytest.raises(QueryError, match="'b' already"):
        save_query(opened, "b", "wind")
    delete_query(opened.path, "b")
    assert [one.name for one in saved_queries(opened.path)] == ["a/../../x", "Ä"]
    with pytest.raises(QueryError, match="no saved query 'b'"):
        delete_query(opened.path, "b")
    assert sorted(path.name for path in opened.path.parent.iterdir()) == ["made"]


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "two\nlines", "\udcff"])
def test_a_name_that_cannot_be_shown_is_refused(opened: Collection, name: str) -> None:
    with pytest.raises(QueryError, match="name of a saved query"):
        save_query(opened, name, "rain")
    assert saved_queries(opened.path) == []


def test_what_cannot_be_asked_is_not_saved(opened: Collection) -> None:
    with pytest.raises(QueryError, match="filter"):
        save_query(opened, "x", "rain", where="no_such_column = 1")
    assert saved_queries(opened.path) == []


def test_a_damaged_saved_query_is_told_and_harms_no_other(opened: Collection) -> None:
    save_query(opened, "good", "rain")
    save_query(opened, "bad", "wind")
    bad = next(path for path in (opened.path / "queries").iterdir() if '"bad"' in path.read_text("utf-8"))
    for content in (b"", b"{}", b'{"format": 1, "name": "bad"}', b"\xff"):
        bad.write_bytes(content)
        assert [one.name for one in saved_queries(opened.path)] == ["good"]
        with pytest.raises(CollectionError, match="'bad' is damaged"):
            saved_query(opened.path, opened.manifest, "bad")


def test_a_query_of_another_encoder_is_refused(opened: Collection) -> None:
    save_query(opened, "old", "rain")
    file = next((opened.path / "queries").iterdir())
    file.write_text(file.read_text("utf-8").replace(opened.manifest.encoding.encoder.digest, "sha256:0"), "utf-8")
    with pytest.raises(EncoderMismatchError, match="another encoder"):
        saved_query(opened.path, opened.manifest, "old")


def test_where_nothing_can_be_written_it_says_so(opened: Collection, tmp_path: Path) -> None:
    (opened.path / "queries").write_text("in the way")
    with pytest.raises(CollectionError, match="made: cannot be written"):
        save_query(opened, "x", "rain")
    shutil.rmtree(opened.path)
    with pytest.raises(CollectionError):
        delete_query(opened.path, "x")
