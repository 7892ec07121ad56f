"""Annexes: further tables about the clips, replaced whole, seen together with the rest."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from soundgrep.indexer.writing.annexes import drop_annex, write_annex
from soundgrep.indexer.writing.lock import writer_lock
from soundgrep.indexer.writing.writer import Writer
from soundgrep.model.encoders.encoder import Encoder
from soundgrep.model.errors import CollectionError
from soundgrep.search.store.annexes import read_annex
from soundgrep.search.store.manifest import AnnexRecord, read_manifest

from ..search.made import add_clips, by_clip, clustered

GOLDEN = Path(__file__).parent.parent / "search" / "golden"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path) -> Path:
    encoder = Encoder.from_pretrained(tiny_checkpoint)
    clips = by_clip(clustered(20, dim=encoder.embedding_dim, seed=1), seed=1)
    return add_clips(tmp_path_factory.mktemp("annexes") / "c", clips, encoder=encoder)


@pytest.fixture
def folder(base: Path, tmp_path: Path) -> Path:
    return shutil.copytree(base, tmp_path / "c")


def rows(**columns: list[object]) -> pa.Table:
    return pa.table({"clip_id": pa.array(range(len(next(iter(columns.values())))), pa.int64()), **columns})


def read(folder: Path, name: str) -> dict[str, list[object]] | None:
    table = read_annex(folder, read_manifest(folder), name)
    return None if table is None else table.read().to_pydict()


def test_an_annex_is_replaced_whole_and_may_change_its_columns(folder: Path) -> None:
    assert read(folder, "labels") is None
    write_annex(folder, "labels", rows(label=["dog", "cat"]))
    write_annex(folder, "metadata", rows(**{"bit depth (bits)": [16, None], "süß": ["ja", "nein"]}))
    before = read_manifest(folder)
    assert before.annexes == {"labels": AnnexRecord(1, 2), "metadata": AnnexRecord(1, 2)}
    write_annex(folder, "labels", rows(score=[0.5, 0.25, 1.0]))
    assert read(folder, "labels") == {"clip_id": [0, 1, 2], "score": [0.5, 0.25, 1.0]}
    assert read(folder, "metadata") == {"clip_id": [0, 1], "bit depth (bits)": [16, None], "süß": ["ja", "nein"]}
    old = read_annex(folder, before, "labels")  # what a reader that opened before still sees
    assert old is not None
    assert old.read().to_pydict() == {"clip_id": [0, 1], "label": ["dog", "cat"]}
    write_annex(folder, "labels", rows(score=[0.5])[:0])
    assert read(folder, "labels") == {"clip_id": [], "score": []}


def test_a_dropped_annex_is_gone_and_can_come_back(folder: Path) -> None:
    write_annex(folder, "labels", rows(label=["dog"]))
    drop_annex(folder, "labels")
    drop_annex(folder, "labels")
    assert read_manifest(folder).annexes == {}
    write_annex(folder, "labels", rows(label=["cat"]))
    assert read(folder, "labels") == {"clip_id": [0], "label": ["cat"]}


def test_annexes_outlive_runs_of_the_indexer(folder: Path, tiny_checkpoint: Path) -> None:
    write_annex(folder, "labels", rows(label=["dog"]))
    encoder = Encoder.from_pretrained(tiny_checkpoint)
    add_clips(folder, [clustered(2, dim=encoder.embedding_dim, seed=9)], encoder=encoder, first=90)
    with Writer.open(folder, encoder=encoder, hop_s=None) as writer:
        writer.write_annex("notes", rows(note=["here"]))
    assert read(folder, "labels") == {"clip_id": [0], "label": ["dog"]}
    assert read(folder, "notes") == {"clip_id": [0], "note": ["here"]}


@pytest.mark.parametrize(
    ("name", "table", "told"),
    [
        ("clips", rows(a=[1]), "'clips' cannot be the name"),
        ("segments", rows(a=[1]), "'segments' cannot be the name"),
        ("../clips", rows(a=[1]), "cannot be the name"),
        ("Labels", rows(a=[1]), "cannot be the name"),
        ("", rows(a=[1]), "cannot be the name"),
        ("labels", pa.table({"a": [1]}), "no column clip_id"),
        ("labels", pa.table({"clip_id": ["1"]}), "no column clip_id"),
        ("labels", pa.table({"clip_id": pa.array([1, None], pa.int64())}), "has no clip_id"),
        ("labels", rows(a=[1], A=[2]), "two columns 'a'"),
    ],
)
def test_what_cannot_be_an_annex_is_refused_and_changes_nothing(
    folder: Path, name: str, table: pa.Table, told: str
) -> None:
    before = sorted(folder.rglob("*")), read_manifest(folder)
    with pytest.raises(CollectionError, match=told):
        write_annex(folder, name, table)
    after = sorted(path for path in folder.rglob("*") if path.name != "lock")
    assert (after, read_manifest(folder)) == ([path for path in before[0] if path.name != "lock"], before[1])


def test_one_writer_at_a_time_and_only_into_a_collection(folder: Path, tmp_path: Path) -> None:
    with writer_lock(folder), pytest.raises(CollectionError, match="another run is writing it"):
        write_annex(folder, "labels", rows(label=["dog"]))
    (tmp_path / "empty").mkdir()
    with pytest.raises(CollectionError, match="is not a collection"):
        write_annex(tmp_path / "empty", "labels", rows(label=["dog"]))
    assert not list((tmp_path / "empty").iterdir())


def test_what_a_killed_writer_left_of_an_annex_does_not_count(folder: Path) -> None:
    write_annex(folder, "labels", rows(label=["dog"]))
    before = (folder / "manifest.json").read_bytes()
    write_annex(folder, "labels", rows(label=["cat", "cow"]))
    (folder / "manifest.json").write_bytes(before)  # ended just before the manifest was swapped
    assert read(folder, "labels") == {"clip_id": [0], "label": ["dog"]}
    write_annex(folder, "labels", rows(label=["pig"]))
    assert read(folder, "labels") == {"clip_id": [0], "label": ["pig"]}
    shutil.rmtree(folder / "annexes" / "labels" / "_delta_log")
    write_annex(folder, "labels", rows(label=["hen"]))
    assert read(folder, "labels") == {"clip_id": [0], "label": ["hen"]}


def test_a_collection_of_the_first_format_opens_and_is_upgraded_by_the_next_run(
    tmp_path: Path, tiny_checkpoint: Path
) -> None:
    folder = shutil.copytree(GOLDEN / "format-1", tmp_path / "c")
    manifest = read_manifest(folder)
    assert (manifest.format_version, manifest.annexes) == (1, {})
    encoder = Encoder.from_pretrained(tiny_checkpoint)
    record = json.loads((folder / "manifest.json").read_text())
    record["encoder"]["digest"] = encoder.digest
    (folder / "manifest.json").write_text(json.dumps(record))
    with Writer.open(folder, encoder=encoder, hop_s=None):
        pass
    upgraded = read_manifest(folder)
    assert (upgraded.format_version, upgraded.n_clips, upgraded.encoding.n_clips) == (4, 4, 4)
    assert (upgraded.encoding.n_segments, upgraded.encoding.index) == (9, manifest.encoding.index)
    write_annex(folder, "labels", rows(label=["dog"]))
    assert read(folder, "labels") == {"clip_id": [0], "label": ["dog"]}
