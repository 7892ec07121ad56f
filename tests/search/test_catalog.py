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
