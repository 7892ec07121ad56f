"""`soundgrep sql` and `soundgrep show`."""

from __future__ import annotations

import json

from .command import soundgrep, soundgrep_on_terminal
from .conftest import Indexed
from .sounds import GOOD


def test_sql_prints_a_table_and_counts_its_rows(indexed: Indexed) -> None:
    query = "SELECT n_channels, count(*) AS n FROM clips GROUP BY 1 ORDER BY 1"
    assert soundgrep("sql", indexed.collection, query).lines == [
        "n_channels  n",
        "----------  -",
        f"         1  {len(GOOD) - 1}",
        "         8  1",
        "(2 rows)",
    ]


def test_sql_json_gives_rows_with_ids_as_text(indexed: Indexed) -> None:
    query = "SELECT clip_id, path, embedding FROM segments JOIN clips USING (clip_id) WHERE path LIKE '%noise%'"
    (row,) = json.loads(soundgrep("sql", indexed.collection, query, "--json").out)
    assert row["path"] == str(indexed.sounds / "noise.wav")
    assert row["clip_id"].isdecimal()
    assert len(row["embedding"]) == 32


def test_sql_json_is_strict_json(indexed: Indexed) -> None:
    query = "SELECT 'nan'::DOUBLE AS x, NULL AS y, now() AS z, path_bytes FROM clips WHERE path LIKE '%caf%'"
    (row,) = json.loads(soundgrep("sql", indexed.collection, query, "--json").out, parse_constant=lambda text: text)
    assert (row["x"], row["y"]) == (None, None)
    assert row["path_bytes"].endswith("caf\\xe9.wav")


def test_embeddings_are_abbreviated(indexed: Indexed) -> None:
    out = soundgrep("sql", indexed.collection, "SELECT embedding FROM segments LIMIT 1").out
    assert "... 32 numbers]" in out
    assert all(len(line) < 80 for line in out.splitlines())


def test_more_columns_than_a_terminal_has_are_shown_as_blocks(indexed: Indexed) -> None:
    out = soundgrep_on_terminal("sql", indexed.collection, "SELECT * FROM clips").out
    assert all(len(line) <= 80 for line in out.splitlines())
    assert out.count("-- row ") == len(GOOD)
    assert "sampling_rate_hz  16000\n" in out


def test_no_rows_is_a_table_too(indexed: Indexed) -> None:
    assert soundgrep("sql", indexed.collection, "SELECT path FROM clips WHERE false").lines == [
        "path",
        "----",
        "(0 rows)",
    ]


def test_show_says_what_a_collection_holds(indexed: Indexed) -> None:
    shown = soundgrep("show", indexed.collection)
    facts = dict(line.split(maxsplit=1) for line in shown.lines)
    assert facts["encoder"].startswith("tiny (sha256:")
    assert facts["clips"].startswith(f"{len(GOOD)}, ")
    assert "of 1 s, one every 1 s" in facts["segments"]
    assert facts["size"].endswith("B")
    assert "exact" in facts["index"]


def test_show_json(indexed: Indexed) -> None:
    facts = json.loads(soundgrep("show", indexed.collection, "--json").out)
    assert facts["path"] == str(indexed.collection)
    assert facts["n_clips"] == len(GOOD)
    assert facts["encoder"]["id"] == "tiny"
    assert facts["duration_s"] > 10
    assert facts["size_bytes"] > 1000
