"""A cluster makes the same collection as one machine, whatever it loses on the way."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
from ray.cluster_utils import Cluster

from soundgrep.indexer import BuildOptions, build_collection
from soundgrep.indexer.engines import ray_engine
from soundgrep.model.errors import EngineError, UsageError
from soundgrep.search.store.manifest import CLIPS_FOLDER, SEGMENTS_FOLDER
from soundgrep.search.store.tables import Table

from .sounds import write

N_FILES = 72
_NODE = {"num_cpus": 1, "object_store_memory": 80 << 20, "include_dashboard": False}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """Two nodes of one core."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    made = Cluster(initialize_head=True, head_node_args=_NODE)
    made.nodes_to_lose = [made.add_node(**_NODE)]
    ray.init(address=made.address, log_to_driver=False)
    made.wait_for_nodes()
    yield made
    ray.shutdown()
    made.shutdown()


class LosesANode(ray_engine.RayEngine):
    """Loses a node once both have files in hand and the first were handed over."""

    cluster: Cluster
    n_lost_shards = 0

    def _see_who_is_ready(self) -> None:
        super()._see_who_is_ready()
        while self.cluster.nodes_to_lose and len(self._ready) < 2:
            time.sleep(0.05)
            super()._see_who_is_ready()

    def _take(self, ref: Any, waiting: deque[Any]) -> Iterator[Any]:
        yield from super()._take(ref, waiting)
        if self.cluster.nodes_to_lose and len({reader for reader, _ in self._running.values()}) == 2:
            self.cluster.remove_node(self.cluster.nodes_to_lose.pop(), allow_graceful=False)

    def _bury(self, *arguments: Any, **named: Any) -> Iterator[Any]:
        type(self).n_lost_shards += 1
        return super()._bury(*arguments, **named)


def rows(collection: Path, table: str) -> list[dict[str, object]]:
    key = {CLIPS_FOLDER: "clip_id", SEGMENTS_FOLDER: "segment_id"}[table]
    (folder,) = collection.glob(f"**/{table}")
    read = Table.open(folder).read().sort_by(key)
    return read.drop_columns([name for name in ("indexed_at",) if name in read.column_names]).to_pylist()


def test_a_node_that_is_lost_in_the_middle_changes_nothing(
    tmp_path: Path,
    tiny_checkpoint: Path,
    cluster: Cluster,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for number in range(N_FILES):
        write(tmp_path / "sounds" / f"{number:03}.wav", number, duration_s=2.5)
    (tmp_path / "sounds" / "broken.wav").write_bytes(b"RIFF")
    here = build_collection(tmp_path / "sounds", tmp_path / "here", encoder=tiny_checkpoint, n_workers=1)
    LosesANode.cluster = cluster
    monkeypatch.setattr(ray_engine, "RayEngine", LosesANode)
    # Small shards: however soon the node's are done, more of them are to come when it is lost.
    monkeypatch.setattr(ray_engine, "_MAX_SHARD_FILES", 1)
    there = build_collection(
        tmp_path / "sounds", tmp_path / "there", encoder=tiny_checkpoint, options=BuildOptions(engine="ray")
    )
    assert LosesANode.n_lost_shards > 0
    assert (there.n_clips, there.n_segments, there.failures) == (N_FILES, N_FILES * 3, here.failures)
    for table in (CLIPS_FOLDER, SEGMENTS_FOLDER):
        assert rows(tmp_path / "there", table) == rows(tmp_path / "here", table)
    assert "a reader of the cluster was lost" in caplog.text


def test_an_engine_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the engine must be local or ray, not 'spark'"):
        BuildOptions(engine="spark")
    with pytest.raises(UsageError, match="an address is for the engine ray only"):
        BuildOptions(address="127.0.0.1:1")
    write(tmp_path / "sounds" / "a.wav", 1)
    with pytest.raises(EngineError, match=r"127.0.0.1:1: no Ray cluster answers there"):
        build_collection(tmp_path / "sounds", tmp_path / "c", options=BuildOptions(engine="ray", address="127.0.0.1:1"))
