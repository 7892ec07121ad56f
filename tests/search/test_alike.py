"""Two builds of one collection answer alike, whatever came first and whatever the clock said meanwhile."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from soundgrep.indexer.writing.writer import Writer
from soundgrep.model.encoders.encoder import Encoder
from soundgrep.search import Collection, SearchOptions
from soundgrep.search.index import Index
from soundgrep.search.index.bank import Bank

from .conftest import Made
from .made import Float, clip_path, clustered, made_file

pytestmark = pytest.mark.slow

WHERES = (None, *(f"size_bytes < {100 + n}" for n in (5, 60, 700, 2_500, 6_000)))
OPTIONS = (SearchOptions(), SearchOptions(by="segment"), SearchOptions(fold=True))


def add_in_order(folder: Path, clips: list[Float], order: list[int], *, encoder: Encoder, n_batch: int) -> Collection:
    """Commit clips as they arrive, a batch at a time."""
    with Writer.open(folder, encoder=encoder, hop_s=None) as writer:
        for first in range(0, len(order), n_batch):
            batch = writer.batch()
            for number in order[first : first + n_batch]:
                batch.add(clip_path(number), made_file(clips[number], number=number))
            writer.commit(batch)
        writer.refresh_index(text_queries=lambda n: clustered(n, dim=encoder.embedding_dim, seed=99))
    return Collection.open(folder)


def jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every clock jump ahead by up to a minute at every look."""
    rng = np.random.default_rng(7)
    for name in ("perf_counter", "monotonic", "process_time", "thread_time"):
        true = getattr(time, name)
        ahead = [0.0]

        def clock(true=true, ahead=ahead) -> float:  # type: ignore[no-untyped-def]
            ahead[0] += float(rng.random() * 60)
            return float(true()) + ahead[0]

        monkeypatch.setattr(time, name, clock)


def answers(collection: Collection, queries: Float) -> list[object]:
    """Plans and hits of queries under several filters, listed in several ways, and by words."""
    found: list[object] = []
    for where in WHERES:
        for options in OPTIONS:
            for query in queries:
                found += [
                    hit.to_json() for hit in collection.search(embedding=query, k=10, where=where, options=options)
                ]
        explained = collection.search(embedding=queries[0], k=10, where=where, explain=True).explanation
        assert explained is not None
        found.append(dataclasses.asdict(explained.plan))
    return found


def test_large_builds_answer_alike(
    large: Made, encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = np.random.default_rng(5).permutation(len(large.clips)).tolist()
    jitter(monkeypatch)
    other = add_in_order(tmp_path / "c", large.clips, order, encoder=encoder, n_batch=3_001)
    monkeypatch.undo()
    first, second = large.open(), other
    assert first.manifest.encoding.index == second.manifest.encoding.index
    queries = np.concatenate(
        [clustered(6, dim=encoder.embedding_dim, seed=77), np.stack([c[0] for c in large.clips[:6]])]
    )
    mine, theirs = answers(first, queries), answers(second, queries)
    assert mine == theirs
    assert {plan["kind"] for plan in mine if isinstance(plan, dict) and "kind" in plan} == {"exact", "index"}


def test_of_equals_the_same_are_listed(encoder: Encoder, tmp_path: Path) -> None:
    """Copies of one sound, more than are asked for: which of them are listed follows from the clips."""
    one = clustered(2, dim=encoder.embedding_dim, seed=3)
    clips = [one[number % 2][np.newaxis] for number in range(200)]
    found = []
    for name, order in (("a", list(range(200))), ("b", list(range(199, -1, -1)))):
        collection = add_in_order(tmp_path / name, clips, order, encoder=encoder, n_batch=33)
        fresh = collection.search(embedding=one[0], k=7)
        words = collection.encoding.clips.lexical.best("number", 7)
        found.append(([hit.to_json() for hit in fresh], words))
    assert found[0] == found[1]


def test_an_index_of_before_there_were_costs_is_planned_by_counts(large: Made, tmp_path: Path) -> None:
    record = large.open().manifest.encoding.index
    assert record is not None
    assert record.tuning is not None
    assert record.tuning.costs is not None
    older = dataclasses.replace(record, tuning=dataclasses.replace(record.tuning, costs=None))
    dim = large.clips[0].shape[1]
    place = large.folder / "encodings" / "tiny" / "index"
    new, old = (Index.open(place, one, embedding_dim=dim) for one in (record, older))
    counts = [10, 100, 1_000, 5_000, 10_000, 24_000]
    assert [new.nprobe(10, n_allowed=n) for n in counts] == [old.nprobe(10, n_allowed=n) for n in counts]


def test_costs_kept_with_an_index_decide(large: Made) -> None:
    record = large.open().manifest.encoding.index
    assert record is not None
    assert record.tuning is not None
    assert record.tuning.costs is not None
    costly = dataclasses.replace(record.tuning.costs, query=1e9)
    other = dataclasses.replace(record, tuning=dataclasses.replace(record.tuning, costs=costly))
    index = Index.open(large.folder / "encodings" / "tiny" / "index", other, embedding_dim=large.clips[0].shape[1])
    assert index.nprobe(10, n_allowed=24_000) is None


_BUILD = """
import json, sys
from dataclasses import asdict
from pathlib import Path
import numpy as np
from soundgrep.search.index.building import Source, build_index
rows = np.load(sys.argv[1])
ids = np.arange(len(rows), dtype=np.int64)
texts = rows[:2_000] + 0.1 * rows[2_000:4_000]
texts /= np.linalg.norm(texts, axis=1, keepdims=True)
source = Source(lambda: [(ids, rows)], len(rows), rows.shape[1], lambda n: texts)
record = build_index(Path(sys.argv[2]), "000001", source)
print(json.dumps(asdict(record)))
"""


def test_any_number_of_threads_builds_the_same_index(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", clustered(20_500, dim=96, seed=4))
    records, places = [], []
    for n in ("1", "3"):
        place = tmp_path / n
        environment = os.environ | {"OMP_NUM_THREADS": n, "OPENBLAS_NUM_THREADS": n}
        command = [sys.executable, "-c", _BUILD, str(tmp_path / "rows.npy"), str(place)]
        done = subprocess.run(command, env=environment, capture_output=True, check=True, text=True)
        records.append(json.loads(done.stdout))
        places.append(place / "000001")
    assert records[0] == records[1]
    one, other = (np.load(place / "segment_ids.npy") for place in places)
    assert np.array_equal(one, other)
    assert np.array_equal(*(Bank.read(place).best_scores for place in places))
