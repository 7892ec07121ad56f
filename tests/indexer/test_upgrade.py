"""The upgrade of collections of older formats: by whatever writes next, whole or not at all, unseen by readers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from soundgrep.indexer.maintenance.compact import compact_collection
from soundgrep.indexer.maintenance.verify import verify_collection
from soundgrep.indexer.writing.annexes import write_annex
from soundgrep.indexer.writing.writer import Writer
from soundgrep.model.errors import CollectionError
from soundgrep.search import Collection
from soundgrep.search.store.manifest import read_manifest, write_manifest

from .test_commits import is_ended

GOLDEN = Path(__file__).parent.parent / "search" / "golden"
OLD = ("segments", "index", "ears")


def open_to_write(folder: Path) -> None:
    with Writer.open(folder, encoder=None, hop_s=None):
        pass


def put_annex(folder: Path) -> None:
    write_annex(folder, "notes", pa.table({"clip_id": pa.array([1], pa.int64()), "note": ["here"]}))


def mend(folder: Path) -> None:
    (folder / "index" / ".000009.tmp").mkdir()
    verify_collection(folder, repair=True)


def answers(collection: Collection) -> list[object]:
    """What each encoder finds, and what stands in the tables."""
    found: list[object] = []
    for name in collection.encoders:
        encoding = collection.encodings[name]
        found.append(encoding.search(np.ones(encoding.record.embedding_dim)))
    return [*found, collection.sql("FROM clips ORDER BY path"), collection.sql("FROM segments ORDER BY segment_id")]


def files(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("golden", "write"),
    [
        ("format-1", put_annex),
        ("format-2", mend),
        ("format-2-cells", compact_collection),
        ("format-3", open_to_write),
        ("format-3", mend),
    ],
)
def test_whatever_writes_next_upgrades_and_nothing_else_changes(
    tmp_path: Path, golden: str, write: Callable[[Path], object]
) -> None:
    folder = shutil.copytree(GOLDEN / golden, tmp_path / "c")
    before, content = answers(Collection.open(folder)), files(folder)
    assert verify_collection(folder).problems == ()
    assert files(folder) == content  # who only reads writes nothing
    reader = Collection.open(folder)
    write(folder)
    manifest = read_manifest(folder)
    assert manifest.format_version == 4
    assert answers(Collection.open(folder)) == before
    assert answers(reader) == before  # its files are where they were
    open_to_write(folder)
    assert not [name for name in OLD if (folder / name).exists()]
    assert read_manifest(folder, file_name="manifest.previous.json").format_version == 4
    assert answers(Collection.open(folder)) == before
    assert verify_collection(folder).problems == ()
    assert sorted(path.name for path in (folder / "encodings").iterdir()) == sorted(manifest.encodings)


def test_an_upgrade_that_is_ended_at_any_step_is_whole_or_absent_and_can_be_done_again(tmp_path: Path) -> None:
    before, versions = answers(Collection.open(GOLDEN / "format-3")), []
    for ends_at in range(1, 500, 3):
        folder = shutil.copytree(GOLDEN / "format-3", tmp_path / str(ends_at))
        reader = Collection.open(folder)
        if not is_ended(ends_at, open_to_write, folder):
            break
        versions.append(read_manifest(folder).format_version)
        assert answers(Collection.open(folder)) == answers(reader) == before
        open_to_write(folder)
        assert read_manifest(folder).format_version == 4
        assert answers(Collection.open(folder)) == before
        shutil.rmtree(folder)
    assert len(versions) > 5
    assert versions == sorted(versions)


def test_where_files_have_no_second_name_they_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = shutil.copytree(GOLDEN / "format-3", tmp_path / "c")
    before = answers(Collection.open(folder))

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    open_to_write(folder)
    assert answers(Collection.open(folder)) == before
    assert {path.stat().st_nlink for path in folder.rglob("*") if path.is_file()} == {1}


def test_a_damaged_collection_of_an_older_format_is_mended_and_upgraded(tmp_path: Path) -> None:
    for part in ("clips", "segments", "ears/publisher-second/heard", "ears/publisher-second/segments", "index"):
        folder = shutil.copytree(GOLDEN / "format-3", tmp_path / part)
        ending = "*.faiss" if part == "index" else "*.parquet"
        next(iter(sorted((folder / part).rglob(ending)))).write_bytes(b"")
        assert not verify_collection(folder).is_sound
        report = verify_collection(folder, repair=True)
        assert report.is_sound, report.remaining
        assert report.n_clips >= 1
        assert read_manifest(folder).format_version == 4


def test_a_manifest_of_an_older_format_is_not_written(tmp_path: Path) -> None:
    folder = shutil.copytree(GOLDEN / "format-3", tmp_path / "c")
    with pytest.raises(CollectionError, match="is of format version 3; only 4 is written"):
        write_manifest(folder, read_manifest(folder))
