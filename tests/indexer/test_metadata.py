"""A user's own columns, joined to the clips."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from soundgrep.indexer import add_metadata, build_collection
from soundgrep.indexer.maintenance.metadata import merge_metadata
from soundgrep.model.errors import CollectionError, UsageError
from soundgrep.search import Collection

from .sounds import write

NAMES = ("one/a.wav", "one/b.wav", "two/a.wav", "two/c.wav")


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path) -> Path:
    folder = tmp_path_factory.mktemp("metadata")
    for number, name in enumerate(NAMES):
        write(folder / "sounds" / name, number)
    build_collection(folder / "sounds", folder / "c", encoder=tiny_checkpoint, n_workers=1)
    return folder / "c"


def table(folder: Path, text: str, name: str = "t.csv") -> Path:
    (folder / name).write_text(text)
    return folder / name


def known(collection: Path, columns: str) -> dict[str, tuple[object, ...]]:
    rows = Collection.open(collection).sql(f"SELECT path, {columns} FROM clips").to_pylist()
    return {
        Path(row.pop("path")).relative_to(collection.parent / "sounds").as_posix(): tuple(row.values()) for row in rows
    }


def test_rows_find_their_clips_by_path_end_of_path_or_name(collection: Path, tmp_path: Path) -> None:
    there = collection.parent / "sounds" / "one" / "a.wav"
    rows = f"path,take\n{there},1\ntwo/a.wav,2\nb.wav,3\nc,4\na.wav,5\nnowhere.wav,6\n,7\n"
    report = add_metadata(collection, table(tmp_path, rows), replace=True)
    assert known(collection, "take") == {"one/a.wav": (1,), "two/a.wav": (2,), "one/b.wav": (3,), "two/c.wav": (4,)}
    assert (report.n_rows, report.n_matched, report.n_clips, report.columns) == (7, 4, 4, ("take",))
    assert (report.unmatched, report.ambiguous) == (("nowhere.wav", ""), ("a.wav",))
    beside = table(collection.parent / "sounds" / "one", "path,take\na.wav,9\n")
    add_metadata(collection, beside)
    beside.unlink()
    assert known(collection, "take")["one/a.wav"] == (9,), "relative to the table's own folder first"


def test_columns_are_added_or_replaced_and_the_others_stay(collection: Path, tmp_path: Path) -> None:
    add_metadata(collection, table(tmp_path, "path,take,place\nb.wav,1,Oslo\nc.wav,2,Rome\n"), replace=True)
    pq.write_table(pa.table({"id": ["c", "b"], "Take": [2.5, None], "day": ["x", "y"]}), tmp_path / "t.parquet")
    report = add_metadata(collection, tmp_path / "t.parquet", key="id")
    assert report.columns == ("Take", "day")
    assert known(collection, "take, place, day") == {
        "one/a.wav": (None, None, None),
        "two/a.wav": (None, None, None),
        "one/b.wav": (None, "Oslo", "y"),
        "two/c.wav": (2.5, "Rome", "x"),
    }
    hits = Collection.open(collection).search("a dog", where="place = 'Rome'")
    assert [Path(hit.path).name for hit in hits] == ["c.wav"]


def test_what_does_not_fit_is_refused_and_nothing_changes(collection: Path, tmp_path: Path) -> None:
    add_metadata(collection, table(tmp_path, "path,take\nb.wav,1\nc.wav,2\n"), replace=True)
    for rows, reason in (
        (
            "path,take\nb.wav,first\n",
            "its column 'take' holds string values, but int64 values of other clips are known",
        ),
        ("path,take\nnowhere.wav,1\n", "none of its 1 rows names a clip of the collection"),
        ("path,take\na.wav,1\nnowhere.wav,2\n", r"a clip of the collection alone; 1 names several, .*\(a\.wav\)"),
        ("path\nb.wav\n", "has no column beside 'path'"),
        ("name,take\nb.wav,1\n", "has no column 'path' or 'file'"),
    ):
        with pytest.raises(UsageError, match=reason):
            add_metadata(collection, table(tmp_path, rows))
    with pytest.raises(UsageError, match="has no column 'id'"):
        add_metadata(collection, table(tmp_path, "path,take\nb.wav,1\n"), key="id")
    with pytest.raises(CollectionError, match="there is no such collection"):
        add_metadata(tmp_path / "nowhere", table(tmp_path, "path,take\nb.wav,1\n"))
    assert known(collection, "take")["two/c.wav"] == (2,)


def test_a_column_may_change_its_type_when_all_its_values_do() -> None:
    old = pa.table({"clip_id": pa.array([1, 2], pa.int64()), "x": [1, 2]})
    new = pa.table({"clip_id": pa.array([2, 1, 2], pa.int64()), "x": ["b", "a", "c"]})
    assert merge_metadata(old, new, name="t").to_pylist() == [{"clip_id": 1, "x": "a"}, {"clip_id": 2, "x": "c"}]
