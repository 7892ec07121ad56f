"""What a search returns, against the naive formula over all embeddings."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from soundgrep.model.encoders.encoder import Encoder
from soundgrep.search import Collection, Hit

from .conftest import Made
from .made import Float, add_clips, by_clip, clustered, exact_best

pytestmark = pytest.mark.slow


def numbers(hits: list[Hit]) -> list[int]:
    return [int(Path(hit.path).stem) for hit in hits]


def queries(made: Made, n: int) -> Float:
    return clustered(n, dim=made.clips[0].shape[1], seed=77)


def recall(made: Made, collection: Collection, *, where: str | None = None, among: list[int] | None = None) -> float:
    asked = queries(made, 25)
    found = [set(numbers(collection.search(embedding=query, k=10, where=where))) for query in asked]
    exact = [{number for number, _ in exact_best(made.clips, query, 10, among=among)} for query in asked]
    return sum(len(a & b) for a, b in zip(found, exact, strict=True)) / sum(map(len, exact))


def test_the_flat_index_is_exact(small: Made) -> None:
    collection = small.open()
    assert collection.manifest.encoding.index is not None
    assert collection.manifest.encoding.index.kind == "flat"
    for query in queries(small, 20):
        hits = collection.search(embedding=query, k=10)
        exact = exact_best(small.clips, query, 10)
        assert numbers(hits) == [number for number, _ in exact]
        assert [hit.score for hit in hits] == pytest.approx([score for _, score in exact], abs=1e-6)
        assert [hit.rank for hit in hits] == list(range(1, 11))


def test_a_hit_is_the_best_segment_of_its_clip(small: Made) -> None:
    query = queries(small, 1)[0]
    for hit in small.open().search(embedding=query, k=len(small.clips)):
        scores = small.clips[int(Path(hit.path).stem)] @ query
        assert hit.start_s == scores.argmax()
        assert hit.end_s == hit.start_s + 1
        assert hit.score == pytest.approx(scores.max(), abs=1e-6)
        assert hit.duration_s == len(scores)


def test_the_ivf_index_finds_what_exact_search_finds(large: Made) -> None:
    collection = large.open()
    index = collection.manifest.encoding.index
    assert index is not None
    assert index.kind == "cells"
    assert index.nlist is not None
    assert index.nprobe is not None
    assert 1 <= index.nprobe < index.nlist
    assert index.recall_at_10 is not None
    assert index.recall_at_10 >= 0.99
    assert recall(large, collection) >= 0.95


@pytest.mark.parametrize("share", [0.5, 0.1, 0.01, 0.001])
def test_filters_keep_recall_at_every_selectivity(large: Made, share: float) -> None:
    n = max(1, round(share * len(large.clips)))
    among = list(range(len(large.clips)))[:n]
    assert recall(large, large.open(), where=f"size_bytes < {100 + n}", among=among) >= 0.95


@pytest.mark.parametrize("made", ["small", "large"])
def test_a_filter_that_keeps_few_is_answered_exactly(made: str, request: pytest.FixtureRequest) -> None:
    found: Made = request.getfixturevalue(made)
    collection = found.open()
    for query in queries(found, 5):
        hits = collection.search(embedding=query, k=10, where="size_bytes BETWEEN 105 AND 109")
        assert numbers(hits) == [number for number, _ in exact_best(found.clips, query, 10, among=range(5, 10))]


def test_a_filter_that_keeps_none_finds_none(small: Made) -> None:
    assert small.open().search(embedding=queries(small, 1)[0], where="duration_s < 0") == []
    assert small.open().search(embedding=queries(small, 1)[0], where="rms_dbfs > NULL") == []


@pytest.mark.parametrize("made", ["small", "large"])
def test_asking_for_more_than_there_is_gives_every_clip_once(made: str, request: pytest.FixtureRequest) -> None:
    found: Made = request.getfixturevalue(made)
    hits = found.open().search(embedding=queries(found, 1)[0], k=10**6)
    assert sorted(numbers(hits)) == list(range(len(found.clips)))
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_one_clip_that_fills_the_top_does_not_crowd_out_the_rest(tmp_path: Path, encoder: Encoder) -> None:
    query = clustered(1, dim=encoder.embedding_dim, seed=5)[0]
    long = np.repeat(query[np.newaxis], 400, axis=0)
    clips = [long, *by_clip(clustered(60, dim=encoder.embedding_dim, seed=6), seed=6)]
    hits = Collection.open(add_clips(tmp_path / "c", clips, encoder=encoder)).search(embedding=query, k=5)
    assert numbers(hits) == [number for number, _ in exact_best(clips, query, 5)]
    assert hits[0].start_s == 0  # the earliest of equals


def test_more_like_a_hit_leaves_its_own_clip_out(small: Made, large: Made) -> None:
    for made in (small, large):
        collection = made.open()
        for query in queries(made, 3):
            hit = collection.search(embedding=query, k=1)[0]
            number = int(Path(hit.path).stem)
            own = made.clips[number][int(hit.start_s)]
            others = [other for other in range(len(made.clips)) if other != number]
            like = collection.search(like=hit, k=3)
            assert numbers(like)[0] == exact_best(made.clips, own, 1, among=others)[0][0]
            assert number not in numbers(like)


def test_what_the_index_does_not_hold_yet_is_found_too(tmp_path: Path, encoder: Encoder, small: Made) -> None:
    folder = shutil.copytree(small.folder, tmp_path / "c")
    more = by_clip(clustered(40, dim=encoder.embedding_dim, seed=8), seed=8)
    add_clips(folder, more, encoder=encoder, first=len(small.clips), index=False)
    clips = [*small.clips, *more]
    collection = Collection.open(folder)
    assert collection.manifest.encoding.index is not None
    assert collection.manifest.encoding.index.n_segments < collection.n_segments
    for query in clustered(10, dim=encoder.embedding_dim, seed=9):
        assert numbers(collection.search(embedding=query, k=20)) == [n for n, _ in exact_best(clips, query, 20)]
    fresh = collection.search(embedding=more[0][0], k=1)[0]
    own, others = len(small.clips), [number for number in range(len(clips)) if number != len(small.clips)]
    assert numbers([fresh]) == [own]
    assert numbers(collection.search(like=fresh, k=1)) == [exact_best(clips, more[0][0], 1, among=others)[0][0]]


def damage_nothing(index: Path) -> None:
    index.unlink()


def damage_half(index: Path) -> None:
    index.write_bytes(index.read_bytes()[: index.stat().st_size // 2])


def damage_bytes(index: Path) -> None:
    index.write_bytes(b"\xff" * index.stat().st_size)


@pytest.mark.parametrize("damage", [damage_nothing, damage_half, damage_bytes])
def test_a_damaged_index_is_named_and_searched_without(
    tmp_path: Path, small: Made, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    folder = shutil.copytree(small.folder, tmp_path / "c")
    damage(next(folder.glob("encodings/*/index/*/embeddings.faiss")))
    query = queries(small, 1)[0]
    hits = Collection.open(folder).search(embedding=query, k=10)
    assert numbers(hits) == [number for number, _ in exact_best(small.clips, query, 10)]
    assert "index" in caplog.text
    assert str(folder) in caplog.text


def test_many_threads_can_search_one_collection(large: Made) -> None:
    collection = large.open()
    asked = queries(large, 32)
    alone = [collection.search(embedding=query, k=5, where="duration_s > 1") for query in asked]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda q: collection.search(embedding=q, k=5, where="duration_s > 1"), asked))
    assert [numbers(hits) for hits in together] == [numbers(hits) for hits in alone]


def test_the_best_segments_are_the_nearest_however_many_of_a_clip(small: Made, large: Made) -> None:
    for made, least in ((small, 1.0), (large, 0.95)):
        collection = made.open()
        rows, ranking = collection.encoding.rows, collection.encoding._ranking
        allowed = rows.start_s < 2
        for query in queries(made, 5):
            scores, found = ranking.best_segments(query, 30, allowed=allowed)
            exact = np.sort(np.concatenate([clip[:2] @ query for clip in made.clips]))[::-1][:30]
            assert np.isclose(scores[:, None], exact, atol=1e-4).any(axis=1).mean() >= least
            assert list(scores) == sorted(scores, reverse=True)
            assert allowed[found].all()


def test_the_plan_says_how_a_search_goes(small: Made, large: Made) -> None:
    plan = small.open().encoding._ranking.plan(10)
    assert (plan.kind, plan.nprobe, plan.n_segments, plan.n_allowed, plan.n_fresh) == ("exact", None, 300, 300, 0)
    ranking = large.open().encoding._ranking
    plan = ranking.plan(10)
    assert plan.kind == "index"
    assert plan.nlist is not None
    assert plan.nprobe is not None
    assert 1 <= plan.nprobe < plan.nlist
    allowed = np.zeros(plan.n_segments, np.bool_)
    allowed[:5] = True
    assert ranking.plan(10, allowed=allowed).n_allowed == 5
