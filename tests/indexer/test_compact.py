"""Compact: fewer files, nothing lost, nobody disturbed."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from soundgrep.indexer.maintenance.compact import compact_collection
from soundgrep.indexer.maintenance.verify import verify_collection
from soundgrep.indexer.writing.annexes import write_annex
from soundgrep.indexer.writing.lock import writer_lock
from soundgrep.indexer.writing.writer import Writer
from soundgrep.model.encoders.encoder import Encoder
from soundgrep.model.errors import CollectionError, UsageError
from soundgrep.search import Collection
from soundgrep.search.store.annexes import read_annex
from soundgrep.search.store.identity import clip_id_of
from soundgrep.search.store.manifest import read_manifest
from soundgrep.search.store.tables import Table

from ..search.made import add_clips, clip_path, clustered
from .test_commits import contents, is_ended

N_COMMITS = 9
GOLDEN = Path(__file__).parent.parent / "search" / "golden"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, encoder: Encoder) -> Path:
    """Clips in many small commits, one dropped again, and an annex that tells of it."""
    folder = tmp_path_factory.mktemp("compact") / "c"
    for number in range(N_COMMITS):
        clips = [clustered(3, dim=encoder.embedding_dim, seed=number)] * 2
        add_clips(folder, clips, encoder=encoder, first=2 * number)
    ids = pa.array([clip_id_of(clip_path(number)) for number in range(4)], pa.int64())
    write_annex(folder, "labels", pa.table({"clip_id": ids, "label": ["a", "b", "c", "d"]}))
    with Writer.open(folder, encoder=encoder, hop_s=None) as writer:
        batch = writer.batch()
        batch.remove(clip_id_of(clip_path(3)))
        writer.commit(batch)
        writer.refresh_index(text_queries=lambda n: clustered(n, dim=encoder.embedding_dim, seed=9))
    return folder


@pytest.fixture
def folder(base: Path, tmp_path: Path) -> Path:
    return shutil.copytree(base, tmp_path / "c")


def labels(folder: Path) -> list[str]:
    table = read_annex(folder, read_manifest(folder), "labels")
    assert table is not None
    return sorted(table.read().column("label").to_pylist())


def test_files_are_merged_and_what_is_found_stays_the_same(folder: Path) -> None:
    before = contents(folder)
    report = compact_collection(folder, keep_hours=0)
    assert contents(folder) == before
    assert verify_collection(folder).problems == ()
    manifest = read_manifest(folder)
    own = folder / "encodings" / "tiny"
    for place, version in (
        (folder / "clips", manifest.clips_version),
        (own / "segments", manifest.encoding.segments_version),
        (own / "coverage", manifest.encoding.coverage_version),
    ):
        assert len(Table.open(place, version=version).files()) == 1
        assert len(list(place.glob("*.parquet"))) == 1
    assert labels(folder) == ["a", "b", "c"]  # the row of the clip that was dropped went
    generations = (own / "index").iterdir()
    assert [path.name for path in generations] == [manifest.encoding.index.generation]
    assert (report.n_files_before > 20, report.n_files) == (True, 4)
    assert report.size_bytes < report.size_bytes_before
    assert report.size_bytes == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert report.old_bytes == 0
    assert json.loads(json.dumps(report.to_json()))["n_files"] == 4


def test_the_second_time_there_is_nothing_to_do(folder: Path) -> None:
    compact_collection(folder, keep_hours=0)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    report = compact_collection(folder, keep_hours=0)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert (report.n_files, report.size_bytes) == (report.n_files_before, report.size_bytes_before)


def test_whoever_reads_an_older_version_goes_on_reading_it(folder: Path, encoder: Encoder) -> None:
    query = np.ones(encoder.embedding_dim)
    reader, hits = Collection.open(folder), Collection.open(folder).search(embedding=query, k=50)
    report = compact_collection(folder)  # nothing of it was read yet
    assert reader.search(embedding=query, k=50) == hits
    assert reader.sql("SELECT count(*) AS n FROM segments").to_pylist() == [{"n": reader.n_segments}]
    assert report.old_bytes > 0
    assert len(list((folder / "encodings" / "tiny" / "index").iterdir())) > 1
    assert contents(folder)
    again = compact_collection(folder, keep_hours=0)
    assert again.old_bytes == 0


def test_generations_go_once_they_were_replaced_long_ago(folder: Path) -> None:
    generations = sorted((folder / "encodings" / "tiny" / "index").iterdir())
    assert len(generations) == 2
    for path in (generations[0], *generations[0].iterdir()):
        os.utime(path, (time.time() - 90_000,) * 2)
    compact_collection(folder)
    assert len(list((folder / "encodings" / "tiny" / "index").iterdir())) == 2  # old, but replaced just now
    for path in (generations[1], *generations[1].iterdir()):
        os.utime(path, (time.time() - 90_000,) * 2)
    compact_collection(folder)
    assert [path.name for path in (folder / "encodings" / "tiny" / "index").iterdir()] == [generations[1].name]


@pytest.mark.parametrize("keep_hours", [0, 24])
def test_it_may_be_ended_at_any_step(base: Path, tmp_path: Path, keep_hours: int) -> None:
    before, n_kills = contents(base), 0
    for ends_at in range(1, 500, 5):
        folder = shutil.copytree(base, tmp_path / str(ends_at))
        if not is_ended(ends_at, compact_collection, folder, keep_hours=keep_hours):
            break
        n_kills += 1
        assert contents(folder) == before
        assert verify_collection(folder).problems == ()
        compact_collection(folder, keep_hours=keep_hours)
        assert contents(folder) == before
        shutil.rmtree(folder)
    assert n_kills > 3


def test_what_a_killed_run_left_does_not_come_to_count(folder: Path, encoder: Encoder) -> None:
    before, manifest = contents(folder), (folder / "manifest.json").read_bytes()
    add_clips(folder, [clustered(2, dim=encoder.embedding_dim, seed=50)], encoder=encoder, first=50)
    (folder / "manifest.json").write_bytes(manifest)
    compact_collection(folder, keep_hours=0)
    assert contents(folder) == before


def test_runs_go_on_after_it_and_collections_of_older_formats_are_upgraded(
    folder: Path, tmp_path: Path, encoder: Encoder
) -> None:
    compact_collection(folder, keep_hours=0)
    add_clips(folder, [clustered(2, dim=encoder.embedding_dim, seed=50)], encoder=encoder, first=50)
    assert Collection.open(folder).n_clips == 2 * N_COMMITS
    old = shutil.copytree(GOLDEN / "format-1", tmp_path / "old")
    before = contents(old)
    compact_collection(old, keep_hours=0)
    assert contents(old) == before
    assert read_manifest(old).format_version == 4


def test_what_cannot_be_compacted_is_left_as_it_is(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="keep_hours"):
        compact_collection(folder, keep_hours=-1)
    with pytest.raises(CollectionError, match="there is no such collection"):
        compact_collection(tmp_path / "nowhere")
    with writer_lock(folder), pytest.raises(CollectionError, match="another run is writing it"):
        compact_collection(folder)
    lost = Table.open(folder / "encodings" / "tiny" / "segments").files()[0].path
    lost.write_bytes(b"")
    kept = set(folder.rglob("*.parquet"))
    with pytest.raises(CollectionError, match="segments: the table cannot be written"):
        compact_collection(folder, keep_hours=0)
    assert {path.parent.name for path in kept - set(folder.rglob("*.parquet"))} <= {"clips"}


def test_log_entries_of_long_ago_are_kept_as_long_as_the_manifest_names_them(tmp_path: Path) -> None:
    schema = pa.schema([pa.field("clip_id", pa.int64())])
    table = Table.create(tmp_path / "t", schema)
    for number in range(97):
        table.append(pa.table({"clip_id": pa.array([number], pa.int64())}, schema=schema))
    for path in (tmp_path / "t" / "_delta_log").iterdir():
        os.utime(path, (1, 1))
    version = table.version
    for number in range(4):  # Delta sums its log up every hundredth time
        table.append(pa.table({"clip_id": pa.array([number], pa.int64())}, schema=schema))
    assert list((tmp_path / "t" / "_delta_log").glob("*.checkpoint.parquet"))
    assert Table.open(tmp_path / "t", version=version).n_rows == 97
