"""SQL and filters: what they can say, and that they reach nothing but the tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from soundgrep.model.errors import QueryError

from .conftest import Made
from .made import Float


def test_sql_answers_from_both_tables(small: Made) -> None:
    collection = small.open()
    rows = collection.sql(
        "SELECT codec, count(*) AS n, sum(n_segments) AS n_segments FROM clips GROUP BY codec ORDER BY codec"
    ).to_pylist()
    assert [row["codec"] for row in rows] == ["pcm_s16le", "vorbis"]
    assert sum(row["n"] for row in rows) == collection.n_clips == len(small.clips)
    assert sum(row["n_segments"] for row in rows) == collection.n_segments
    longest = (
        "SELECT path, count(*) AS n FROM segments JOIN clips USING (clip_id) GROUP BY path ORDER BY n DESC LIMIT 1"
    )
    assert collection.sql(longest).to_pylist()[0]["n"] == max(map(len, small.clips))


@pytest.mark.parametrize(
    "query", ["DESCRIBE clips", "SHOW TABLES", "FROM segments LIMIT 1", "WITH a AS (SELECT 1) FROM a;"]
)
def test_every_way_to_read_works(small: Made, query: str) -> None:
    assert small.open().sql(query).num_rows


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('{file}')",
        "SELECT * FROM read_text('{file}')",
        "SELECT * FROM '{file}'",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM parquet_scan('{file}')",
        "COPY clips TO '{aside}'",
        "EXPORT DATABASE '{aside}'",
        "ATTACH '{aside}' AS other",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "PRAGMA enable_profiling",
        "CALL pragma_version()",
        "CREATE TABLE t AS SELECT 1",
        "DROP VIEW clips",
        "DELETE FROM clips",
        "INSERT INTO clips SELECT * FROM clips",
        "UPDATE clips SET path = ''",
        "SELECT 1; SELECT 2",
        "SELECT * FROM rows",
        "SELECT nonsense FROM clips",
        "SELEC 1",
        "SELECT error('no')",
        "SELECT * FROM clips WHERE clip_id = ?",
        "SELECT 'a\udcff'",
        "",
        " ",
        ";",
    ],
)
def test_sql_that_does_more_than_read_is_refused_in_one_sentence(small: Made, tmp_path: Path, query: str) -> None:
    rows = small.clips  # a variable of the calling program, which SQL must not see
    assert rows
    secret, aside = tmp_path / "secret.csv", tmp_path / "aside"
    secret.write_text("a,b\n1,2\n")
    with pytest.raises(QueryError) as caught:
        small.open().sql(query.replace("{file}", str(secret)).replace("{aside}", str(aside)))
    assert "\n" not in str(caught.value)
    assert not aside.exists()


@pytest.mark.parametrize(
    "where",
    [
        "nonsense",
        "duration_s <",
        "duration_s < 2 LIMIT 1",
        "duration_s < 2 ORDER BY 1",
        "duration_s < 2; SELECT 1",
        "true) UNION SELECT clip_id FROM clips --",
        "true) OR (true",
        "true /*",
        "1, 2",
        "*",
        "count(*) > 1",
        "path",
        "",
        " ",
        "EXISTS (SELECT 1 FROM read_csv('/etc/passwd'))",
        "path = (SELECT content FROM read_text('/etc/hostname'))",
        "path ~ '('",
        "path = '\udcff'",
        "$1 = 1",
    ],
)
def test_a_filter_that_is_not_one_expression_over_the_tables_is_refused(small: Made, where: str) -> None:
    query = np.ones(small.clips[0].shape[1])
    with pytest.raises(QueryError) as caught:
        small.open().search(embedding=query, where=where)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("codec = 'vorbis' -- the better half", lambda number, clip: number % 2 == 0),
        ("rms_dbfs IS NULL", lambda number, clip: number == 0),
        ("duration_s BETWEEN 2 AND 3 AND path LIKE '%/3/%'", lambda n, clip: 2 <= len(clip) <= 3 and n % 10 == 3),
        ("title = 'number 7' OR title = 'number 8'", lambda number, clip: number in (7, 8)),
        ("clip_id IN (SELECT clip_id FROM segments WHERE start_s >= 4)", lambda number, clip: len(clip) == 5),
    ],
)
def test_a_filter_keeps_the_clips_it_describes(small: Made, where: str, kept: Callable[[int, Float], bool]) -> None:
    hits = small.open().search(embedding=np.ones(small.clips[0].shape[1]), k=10**6, where=where)
    expected = [number for number, clip in enumerate(small.clips) if kept(number, clip)]
    assert sorted(int(Path(hit.path).stem) for hit in hits) == expected


def test_a_search_is_a_table_in_sql(small: Made) -> None:
    collection = small.open()
    hits = collection.search("thunder", k=20)
    rows = collection.sql("FROM search('thunder', 20) ORDER BY rank").to_pylist()
    assert [row["clip_id"] for row in rows] == [hit.clip_id for hit in hits]
    assert [row["score"] for row in rows] == pytest.approx([hit.score for hit in hits])
    assert [(row["rank"], row["segment_id"], row["start_s"], row["end_s"]) for row in rows] == [
        (hit.rank, hit.segment_id, hit.start_s, hit.end_s) for hit in hits
    ]
    counts = collection.sql(
        "SELECT codec, count(*) AS n FROM search('thunder', 20) JOIN clips USING (clip_id) GROUP BY codec"
    ).to_pylist()
    assert sum(row["n"] for row in counts) == 20
    assert len(counts) == 2


@pytest.mark.parametrize(
    ("query", "n"),
    [
        ("FROM search('thunder')", 10),
        ("FROM search('it''s \"raining\"; --', 3)", 3),
        ("FROM search(E'a\\nb', 3)", 3),
        ("FROM search($$it's$$, 3)", 3),
        ("FROM Search('thunder', k := 4)", 4),
        ("FROM search('thunder', 5, 'codec = ''vorbis''')", 5),
        ("FROM search('thunder', 5, filter := NULL)", 5),
        ("FROM search('rain', 5) UNION ALL FROM search('rain', 7)", 12),
        ("WITH a AS (FROM search('rain', 6)) SELECT * FROM a WHERE rank <= (SELECT max(rank) - 2 FROM a)", 4),
        ("SELECT * FROM clips WHERE clip_id IN (SELECT clip_id FROM search('rain', 2))", 2),
        ("SELECT 'FROM search(''x'')' AS search", 1),
        ("SELECT 1 AS one -- search('x')", 1),
        ("WITH search AS (SELECT 1 AS a) FROM search", 1),
        ("FROM search($text, $k)", 6),
        ("DESCRIBE FROM search('rain')", 7),
    ],
)
def test_every_way_to_write_a_search_in_sql(small: Made, query: str, n: int) -> None:
    values = {"text": "rain", "k": 6} if "$text" in query else None
    assert small.open().sql(query, values=values).num_rows == n


@pytest.mark.parametrize(
    "query",
    [
        "FROM search()",
        "FROM search('')",
        "FROM search(5)",
        "FROM search('a', 0)",
        "FROM search('a', 1.5)",
        "FROM search('a', 'b')",
        "FROM search('a', 1, 2)",
        "FROM search('a', 1, 'nonsense = 1')",
        "FROM search('a', 1, 'true', 'more')",
        "FROM search(lower('A'))",
        "FROM search($text)",
        "SELECT * FROM clips, search(clips.title)",
        "SELECT search('a')",
        "EXPLAIN FROM search('a')",
    ],
)
def test_a_search_in_sql_that_cannot_be_made_is_refused_in_one_sentence(small: Made, query: str) -> None:
    with pytest.raises(QueryError) as caught:
        small.open().sql(query)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE a.range * b.range = -1",
        "SELECT a.range, b.range FROM range(1000000000) a, range(1000000000) b",
        "WITH RECURSIVE t AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM t) SELECT max(x) FROM t",
    ],
)
def test_what_would_never_end_is_stopped_and_the_collection_goes_on(small: Made, query: str) -> None:
    collection = small.open()
    with pytest.raises(QueryError, match=r"stopped after 0\.2 s"):
        collection.sql(query, time_limit_s=0.2)
    assert collection.sql("SELECT 1 AS one").to_pylist() == [{"one": 1}]


def test_a_filter_that_would_never_end_is_stopped(small: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soundgrep.search.sql.catalog.FILTER_LIMIT_S", 0.2)
    endless = (
        "duration_s < (SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE a.range * b.range = -1)"
    )
    collection = small.open()
    with pytest.raises(QueryError, match=r"stopped after 0\.2 s"):
        collection.search("rain", where=endless)
    assert len(collection.search("rain", where="true", k=3)) == 3


@pytest.mark.parametrize(
    ("where", "values"),
    [
        ("duration_s < $s", None),
        ("duration_s < $s", {}),
        ("duration_s < $s", {"t": 1}),
        ("duration_s < $s", {"s": 1, "t": 2}),
        ("duration_s < $s", {"s": object()}),
        ("duration_s < $s", {"s": "long"}),
        ("duration_s < $s", [1]),
        ("duration_s < $s", {1: 1}),
        (None, {"s": 1}),
    ],
)
def test_values_that_do_not_fit_a_filter_are_refused(small: Made, where: str | None, values: object) -> None:
    with pytest.raises(QueryError) as caught:
        small.open().search("rain", where=where, where_values=values)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_values_are_bound_and_never_read_as_sql(small: Made) -> None:
    collection = small.open()
    for title, n in (("number 7", 1), ("' OR true --", 0), ("number 7' OR '1'='1", 0)):
        assert len(collection.search("rain", where="title = $title", where_values={"title": title})) == n
    numbers = collection.sql("SELECT count(*) AS n FROM clips WHERE n_channels = $n", values={"n": 1}).to_pylist()
    assert numbers == [{"n": (len(small.clips) + 1) // 2}]


def test_a_filter_is_worked_out_once_and_not_confused_with_another(small: Made) -> None:
    collection = small.open()
    query = np.ones(small.clips[0].shape[1])
    for _ in range(2):
        for limit in (2, 3, "3", 2.5):
            hits = collection.search(embedding=query, k=10**6, where="duration_s < $s", where_values={"s": limit})
            assert len(hits) == sum(len(clip) < float(limit) for clip in small.clips)


WRITING = (
    "CREATE OR REPLACE TEMP VIEW clips AS SELECT 1 AS clip_id",
    "CREATE TEMP TABLE clips AS SELECT 1 AS clip_id",
    "CREATE OR REPLACE TEMP MACRO lower(x) AS 'x'",
    "DROP VIEW clips",
    "DELETE FROM clips",
    "INSERT INTO clips VALUES (1)",
    "COPY clips TO '/tmp/clips.csv'",
    "ATTACH ':memory:' AS other",
    "SET memory_limit = '1GB'",
    "SET VARIABLE a = 1",
    "RESET memory_limit",
    "PREPARE one AS SELECT 1",
    "CALL pragma_version()",
    "PRAGMA version",
    "INSTALL httpfs",
    "LOAD httpfs",
    "BEGIN",
    "VACUUM",
    "CHECKPOINT",
    "USE memory",
)


@pytest.mark.parametrize("statement", WRITING)
@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "EXPLAIN {}",
        "EXPLAIN ANALYZE {}",
        "explain/**/analyze--\n{}",
        "EXPLAIN (ANALYZE, FORMAT json) {}",
        "/* \u00e9 */ EXPLAIN ANALYZE {}",
    ],
)
def test_no_visitor_changes_what_another_asks(small: Made, around: str, statement: str) -> None:
    collection = small.open()
    with pytest.raises(QueryError) as caught:
        collection.sql(around.format(statement))
    assert "\n" not in str(caught.value)
    assert len(collection.encoding.clips.ids_where("lower('A') = 'a' AND clip_id >= 0")) == len(small.clips)
    assert collection.sql("SELECT getvariable('a') AS a").to_pylist() == [{"a": None}]


@pytest.mark.parametrize(
    "query",
    [
        "EXPLAIN ANALYZE SELECT count(*) FROM clips",
        "explain/**/analyze from clips",
        "EXPLAIN (FORMAT json) SELECT 1",
        "EXPLAIN (ANALYZE, FORMAT json) SELECT 1",
        "EXPLAIN (SELECT 1) UNION (SELECT 2)",
        "/* \u00e9\u00e9 */ EXPLAIN -- why\n ANALYZE WITH one AS (SELECT 1) FROM one",
    ],
)
def test_what_only_reads_can_be_explained(small: Made, query: str) -> None:
    assert small.open().sql(query).num_rows


def test_a_seed_is_its_askers_own(small: Made) -> None:
    collection = small.open()
    drawn = []
    for _ in range(2):
        collection.sql("SELECT setseed(0.5)")
        drawn.append(collection.sql("SELECT random() AS r").to_pylist()[0]["r"])
    assert drawn[0] != drawn[1]
