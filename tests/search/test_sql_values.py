"""Values and names that SQL has and few others know: they print and export, or are refused in a sentence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from soundgrep.indexer import add_metadata
from soundgrep.indexer.writing.annexes import write_annex
from soundgrep.model.errors import QueryError
from soundgrep.search import Collection, SearchOptions
from soundgrep.search.facets.reading import read_columns
from soundgrep.search.sql.views import quoted
from soundgrep.ui.rows_file import FORMATS, json_rows, save_rows
from soundgrep.ui.screen import json_text
from soundgrep.ui.table import table_lines

from .conftest import Made

VALUES = {
    "'infinity'::TIMESTAMP": "infinity",
    "'-infinity'::DATE": "-infinity",
    "'infinity'::TIMESTAMPTZ": "infinity",
    "'290000-01-01'::TIMESTAMP": "290000-01-01 00:00:00",
    "'0044-03-15 (BC)'::DATE": "0044-03-15 (BC)",
    "['infinity'::DATE]": "[infinity]",
    "{'a': ['12345-01-01'::DATE]}": "{'a': [12345-01-01]}",
    "MAP {'a': 'infinity'::TIMESTAMP}": "{a=infinity}",
    "'24:00:00'::TIME": "24:00:00",
    "'12:30:00+02'::TIMETZ": "12:30:00+02",
    "INTERVAL 3 MONTH": "3 months",
    "[INTERVAL 1 DAY]": "[1 day]",
    "union_value(a := 1)": "1",
    "MAP {'k': union_value(s := 'x')}": "{k=x}",
    "123456789012345678901234567890::BIGNUM": "123456789012345678901234567890",
    "340282366920938463463374607431768211455::UHUGEINT": "340282366920938463463374607431768211455",
    "'101'::BIT": "101",
    "'POINT(1 2)'::GEOMETRY": "POINT (1 2)",
    "'BIT'::ENUM('BIT', 'UNION')": "BIT",
    "170141183460469231731687303715884105727::HUGEINT": "170141183460469231731687303715884105727",
    "'2020-02-29'::DATE": "2020-02-29",
}


@pytest.mark.parametrize("isolated", [False, True])
def test_values_of_every_type_print_and_export(small: Made, tmp_path: Path, isolated: bool) -> None:
    collection = Collection.open(small.open().path, isolate_sql=True) if isolated else small.open()
    asked = ", ".join(f"{expression} AS v{place}" for place, expression in enumerate(VALUES))
    rows = collection.sql(f"SELECT {asked} UNION ALL SELECT {', '.join(['NULL'] * len(VALUES))}")
    first, second = json.loads(json_text(json_rows(rows)))
    assert list(first.values()) == list(VALUES.values())
    assert set(second.values()) == {None}
    assert len(list(table_lines(rows.column_names, [[*row.values()] for row in rows.to_pylist()], width=80))) > 3
    for ending in FORMATS:
        save_rows(rows, tmp_path / f"rows{ending}")
    assert pq.read_table(tmp_path / "rows.parquet").num_rows == 2


@pytest.fixture
def own(small: Made, tmp_path: Path) -> Collection:
    """A copy that may be changed."""
    return Collection.open(shutil.copytree(small.folder, tmp_path / "own"))


NAMES = ["", "\0", "a\0b", "a\nb", " ", '"', "'", "clip_id", "user_clip_id", "score", "tags", "title", "select", "a.b"]
NAMES += [
    "x" * 10_000,
    "rowid",
    "clips",
    "m",
    "1",
    "%s",
    "$x",
    "\\",
    "{x}",
    "--",
    "label",
    "best_label",
    "\U0001f3b5",
    "*",
]


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_whatever_a_column_is_called_it_can_be_asked_for(own: Collection, tmp_path: Path, kind: str) -> None:
    collection = own
    known = collection.sql("DESCRIBE clips").column("column_name").to_pylist()
    paths = collection.sql("SELECT path FROM clips").column("path").to_pylist()
    columns = {"file": paths} | {name: [f"{place} {row}" for row in paths] for place, name in enumerate(NAMES)}
    table = tmp_path / f"table.{kind}"
    if kind == "parquet":
        pq.write_table(pa.table(columns), table)
    else:
        table.write_text(
            "\n".join(json.dumps({name: column[row] for name, column in columns.items()}) for row in range(len(paths)))
        )
    add_metadata(collection.path, table)
    collection = Collection.open(collection.path)
    new = [name for name in collection.sql("DESCRIBE clips").column("column_name").to_pylist() if name not in known]
    assert len(new) == len(NAMES)
    for place, name in enumerate(new):
        found = collection.sql(f"SELECT {quoted(name)} AS x FROM clips WHERE {quoted(name)} LIKE '% %'")
        assert {value.split()[0] for value in found.column("x").to_pylist()} == {str(place)}
    assert collection.search("x", k=1, where=" AND ".join(f"{quoted(name)} IS NOT NULL" for name in new))
    assert collection.search("x", k=1, options=SearchOptions(text_match="on"))
    read_columns([collection])


def test_a_column_without_a_name_that_is_there_already_breaks_no_filter(own: Collection) -> None:
    collection = own
    ids = collection.sql("SELECT clip_id FROM clips").column("clip_id")
    write_annex(
        collection.path, "metadata", pa.table({"clip_id": ids, "": ["x"] * len(ids), "place": ["y"] * len(ids)})
    )
    assert Collection.open(collection.path).search("x", k=1, where="place = 'y'")


def test_labels_do_not_displace_a_column_of_the_users(own: Collection) -> None:
    collection = own
    ids = collection.sql("SELECT clip_id FROM clips").column("clip_id")
    mine = [f"mine {place}" for place in range(len(ids))]
    write_annex(collection.path, "metadata", pa.table({"clip_id": ids, "Label": mine}))
    write_annex(
        collection.path,
        "labels",
        pa.table(
            {
                "clip_id": ids,
                "label": ["dog", "cat"] * (len(ids) // 2) + ["dog"] * (len(ids) % 2),
                "score": [0.5] * len(ids),
            }
        ),
    )
    collection = Collection.open(collection.path)
    rows = collection.sql("SELECT label, best_label FROM clips").to_pylist()
    assert {row["Label"] for row in rows} == set(mine)
    assert {row["best_label"] for row in rows} == {"dog", "cat"}
    _, columns = read_columns([collection])
    assert "best_label" in [column.name for column in columns]


@pytest.mark.parametrize("number", [10**20, 1 << 31, 1 << 63])
def test_huge_numbers_of_hits_are_all_there_are(small: Made, number: int) -> None:
    collection = small.open()
    assert len(collection.search("x", k=number)) == collection.n_clips
    for text_match in ("off", "on", "only"):
        assert collection.search("x", options=SearchOptions(offset=number, text_match=text_match)) == []
    query = f"FROM search('x', {number})"
    if number < 1 << 63:
        assert collection.sql(query).num_rows == collection.n_clips
    else:
        with pytest.raises(QueryError, match="k, is a whole number from 1"):
            collection.sql(query)


@pytest.mark.parametrize("limit_s", [0, -1, float("nan")])
def test_a_time_limit_is_above_zero(small: Made, limit_s: float) -> None:
    with pytest.raises(QueryError, match="time limit"):
        small.open().sql("SELECT 1", time_limit_s=limit_s)
    assert small.open().sql("SELECT 1", time_limit_s=1e300).num_rows == 1
