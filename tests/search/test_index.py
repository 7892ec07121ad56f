"""The index with cells, against exact search: texts that lie off the sounds, filters, growth, damage, many threads."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from soundgrep.model.encoders.encoder import Encoder
from soundgrep.model.errors import CollectionError
from soundgrep.search import Collection
from soundgrep.search.index import Index
from soundgrep.search.index.bank import Bank
from soundgrep.search.index.building import Source, build_index, fold_index
from soundgrep.search.store.manifest import IndexRecord

from .conftest import Made
from .made import Float, add_clips, by_clip, clip_path, clustered

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from gap import Gap

pytestmark = pytest.mark.slow

DIM = 64
N = 30_000
GAP = Gap(DIM)


@dataclass(frozen=True)
class Built:
    """An index over made segments with a modality gap; segment `i` has the id `3 i`."""

    folder: Path
    record: IndexRecord
    sounds: Float

    def open(self) -> Index:
        return Index.open(self.folder, self.record, embedding_dim=DIM)


def source(sounds: Float, *, first: int = 0, n: int | None = None) -> Source:
    ids = 3 * np.arange(len(sounds), dtype=np.int64)

    def batches() -> list[tuple[np.ndarray, Float]]:
        return [(ids[at : at + 7_000], sounds[at : at + 7_000]) for at in range(first, len(sounds), 7_000)]

    return Source(batches, len(sounds) if n is None else n, DIM, lambda k: GAP.texts(k, seed=1))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    sounds = GAP.sounds(N, seed=1)
    folder = tmp_path_factory.mktemp("index")
    return Built(folder, build_index(folder, "000001", source(sounds)), sounds)


def recall(index: Index, sounds: Float, queries: Float, *, allowed: np.ndarray | None = None) -> float:
    """Share of the exact top 10 among those found; `allowed` is by segment."""
    n_hit = n_wanted = 0
    at_position = index.segment_ids // 3
    for query in queries:
        scores = sounds @ query
        scores = scores if allowed is None else np.where(allowed, scores, -np.inf)
        exact = np.sort(scores)[::-1][:10]
        exact = exact[np.isfinite(exact)]
        found, positions = index.search(query, 10, allowed=None if allowed is None else allowed[at_position])
        assert found == pytest.approx(sounds[at_position[positions]] @ query, abs=2e-4)
        assert list(found) == sorted(found, reverse=True)
        n_hit += int((scores[at_position[positions]] >= exact[-1] - 1e-4).sum())
        n_wanted += len(exact)
    return n_hit / n_wanted


def test_texts_off_the_sounds_are_answered_as_well_as_was_asked(built: Built) -> None:
    index, record = built.open(), built.record
    assert record.kind == "cells"
    assert record.nprobe is not None
    assert record.nlist is not None
    assert record.nprobe < record.nlist
    assert record.recall_at_10 is not None
    assert record.recall_at_10 >= 0.99
    # Other texts than the index was tuned with; a little less is luck.
    assert recall(index, built.sounds, GAP.texts(150, seed=77)) >= 0.98
    assert recall(index, built.sounds, built.sounds[::300]) >= 0.98


def test_the_curve_says_what_more_cells_find(built: Built) -> None:
    assert built.record.tuning is not None
    curve = built.record.tuning.curve
    assert built.record.nprobe in [point.nprobe for point in curve]
    assert [point.nprobe for point in curve] == sorted({point.nprobe for point in curve})
    assert curve[0].text_recall < curve[-1].text_recall
    # The whole point: few cells answer sounds better than texts.
    assert curve[0].audio_recall > curve[0].text_recall


@pytest.mark.parametrize("share", [0.5, 0.1, 0.01, 0.001])
def test_filters_keep_recall(built: Built, share: float) -> None:
    allowed = np.random.default_rng(3).random(N) < share
    assert recall(built.open(), built.sounds, GAP.texts(60, seed=78), allowed=allowed) >= 0.98


def test_filters_that_keep_one_corner_keep_recall(built: Built) -> None:
    for anchor, query in zip(built.sounds[::3_000], GAP.texts(10, seed=79), strict=True):
        scores = built.sounds @ anchor
        found = recall(built.open(), built.sounds, query[np.newaxis], allowed=scores > np.quantile(scores, 0.6))
        assert found >= 0.8


def test_the_fewer_are_allowed_the_more_cells_until_all_are_compared(built: Built) -> None:
    index = built.open()
    visited = [index.nprobe(10, n_allowed=n) for n in (N, N // 2, N // 4)]
    assert visited[0] == built.record.nprobe
    assert visited == sorted(visited, key=lambda cells: cells or 10**9)
    assert index.nprobe(10, n_allowed=100) is None
    assert index.nprobe(N, n_allowed=N) is None


def test_asking_for_all_gives_all(built: Built) -> None:
    scores, positions = built.open().search(built.sounds[0], N + 5)
    assert len(scores) == N
    assert len(np.unique(positions)) == N
    assert built.open().search(built.sounds[0], 5, allowed=np.zeros(N, np.bool_))[0].size == 0


def test_embeddings_come_back(built: Built) -> None:
    index = built.open()
    positions = np.array([5, N - 1, 0])
    assert index.embeddings(positions) == pytest.approx(built.sounds[index.segment_ids[positions] // 3], abs=1e-3)
    with pytest.raises(CollectionError, match="no segment at position"):
        index.embedding(N)


def test_threads_share_an_index(built: Built) -> None:
    index, queries = built.open(), GAP.texts(64, seed=80)
    alone = [index.search(query, 10)[1] for query in queries]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda query: index.search(query, 10)[1], [*queries] * 3))
    assert all(np.array_equal(one, alone[number % 64]) for number, one in enumerate(together))


def test_what_is_new_is_folded_in_without_new_cells(built: Built, tmp_path: Path) -> None:
    folder = shutil.copytree(built.folder, tmp_path / "index")
    sounds = np.concatenate([built.sounds, GAP.sounds(2_000, seed=5)])
    is_live = built.open().segment_ids % 5 > 0
    n = int(is_live.sum()) + 2_000
    folded = fold_index(folder, "000002", source(sounds, first=N, n=n), old=(built.record, is_live))
    index = Index.open(folder, folded, embedding_dim=DIM)
    assert folded.nlist == built.record.nlist
    assert sorted(index.segment_ids) == sorted([*built.open().segment_ids[is_live], *3 * np.arange(N, N + 2_000)])
    is_there = np.zeros(len(sounds), np.bool_)
    is_there[index.segment_ids // 3] = True
    assert folded.tuning is not None
    assert built.record.tuning is not None
    assert folded.tuning.n_trained == built.record.tuning.n_trained
    for query in GAP.texts(40, seed=81):
        exact = np.sort(np.where(is_there, sounds @ query, -1))[::-1][:10]
        assert (index.search(query, 10)[0] >= exact[-1] - 1e-4).mean() >= 0.8
    assert recall(index, np.where(is_there[:, np.newaxis], sounds, 0), GAP.texts(60, seed=82)) >= 0.98


def test_advice_comes_when_cells_have_drifted(built: Built) -> None:
    tuning = built.record.tuning
    assert tuning is not None
    assert built.record.advice is None
    drifted = dataclasses.replace(tuning, imbalance=2 * tuning.trained_imbalance)
    assert "--rebuild-index" in str(dataclasses.replace(built.record, tuning=drifted).advice)


def remove(file: Path) -> None:
    file.unlink()


def halve(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@pytest.mark.parametrize("name", ["codes.faiss", "embeddings.f16", "space.npz", "segment_ids.npy"])
@pytest.mark.parametrize("damage", [remove, halve])
def test_without_a_whole_index_search_is_exact_and_says_so(
    large: Made, tmp_path: Path, name: str, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    folder = shutil.copytree(large.folder, tmp_path / "c")
    damage(next(folder.glob(f"encodings/*/index/*/{name}")))
    query = clustered(1, dim=large.clips[0].shape[1], seed=6)[0]
    hits = Collection.open(folder).search(embedding=query, k=5)
    assert hits[0].score == pytest.approx(max(float((clip @ query).max()) for clip in large.clips), abs=1e-6)
    assert "searching without it, exactly" in caplog.text


def test_an_index_that_was_asked_for_less_visits_fewer_cells(built: Built, tmp_path: Path) -> None:
    less = build_index(tmp_path, "000001", source(built.sounds), target=0.9)
    assert less.nprobe is not None
    assert built.record.nprobe is not None
    assert less.nprobe < built.record.nprobe
    assert less.recall_at_10 is not None
    assert less.recall_at_10 >= 0.9


def test_an_index_that_cannot_be_built_leaves_nothing(built: Built, tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match="30000 rows, not 30001"):
        build_index(tmp_path, "000001", source(built.sounds, n=N + 1))
    assert list(tmp_path.iterdir()) == []


def test_a_collection_grows_by_folding(large: Made, encoder: Encoder, tmp_path: Path) -> None:
    folder = shutil.copytree(large.folder, tmp_path / "c")
    more = by_clip(clustered(1_500, dim=encoder.embedding_dim, seed=8), seed=8)
    add_clips(folder, more, encoder=encoder, first=len(large.clips))
    collection = Collection.open(folder)
    record = collection.manifest.encoding.index
    assert record is not None
    assert record.tuning is not None
    assert record.generation == "000002"
    assert (record.n_segments, record.tuning.n_trained) == (25_500, 24_000)
    for number in range(0, len(more), 40):
        path = clip_path(len(large.clips) + number).decode()
        assert collection.search(embedding=more[number][0], k=1)[0].path == path


def test_the_bank_places_a_score(large: Made) -> None:
    collection = large.open()
    assert collection.manifest.encoding.index is not None
    place = collection.path / "encodings" / "tiny" / "index"
    bank = Bank.read(place / collection.manifest.encoding.index.generation)
    assert len(bank.embeddings) == len(bank.best_scores)
    assert bank.calibrated(-1) == 0
    assert bank.calibrated(1) == 100
    assert bank.calibrated(float(np.median(bank.best_scores))) == pytest.approx(50, abs=1)
    scores = np.linspace(-1, 1, 50)
    assert [bank.calibrated(score) for score in scores] == sorted(bank.calibrated(score) for score in scores)
