"""`soundgrep search`: hits in a pipe, on a terminal and as JSON."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from .command import ENVIRONMENT, SOUNDGREP, soundgrep, soundgrep_on_terminal
from .conftest import Indexed
from .sounds import GOOD

LINE = re.compile(r"(?P<rank>\d+) (?P<score>-?\d\.\d{4}) (?P<start>\d+\.\d)-(?P<end>\d+\.\d) (?P<path>.+)")


def test_a_pipe_gets_one_line_a_hit_with_the_whole_path(indexed: Indexed) -> None:
    # Run inside Python to see, too, what searching loads: no browser, no cluster, no indexer.
    code = (
        "import sys; from soundgrep.ui.program import run; code = run();"
        "loaded = {'streamlit', 'ray', 'loky', 'soundgrep.indexer'} & set(sys.modules);"
        "sys.exit(str(loaded) if loaded else code)"
    )
    arguments = [sys.executable, "-c", code, "search", indexed.collection, "a", "steady", "tone", "-k", "100"]
    done = subprocess.run(arguments, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    hits = [LINE.fullmatch(line) for line in done.stdout.splitlines()]
    assert all(hits)
    assert [int(hit["rank"]) for hit in hits if hit] == list(range(1, len(GOOD) + 1))
    assert {hit["path"] for hit in hits if hit} == {f"{indexed.sounds}/{name}" for name in GOOD}
    scores = [float(hit["score"]) for hit in hits if hit]
    assert scores == sorted(scores, reverse=True)


def test_a_sound_is_most_like_itself_and_json_says_where(indexed: Indexed) -> None:
    arguments = ["--audio", "noise.wav", "--where", "duration_s > 3 OR path LIKE '%noise%'", "--json"]
    found = soundgrep("search", indexed.collection, *arguments, cwd=indexed.sounds)
    first, second = json.loads(found.out)
    assert first["path"] == str(indexed.sounds / "noise.wav")
    assert second["path"] == str(indexed.sounds / "sub" / "long.wav")
    assert first["score"] > 0.9999 > second["score"]
    assert (first["rank"], first["start_s"], first["end_s"]) == (1, 0.0, 1.0)
    assert second["rank"] == 2
    assert second["end_s"] == second["start_s"] + 1


def test_no_hits_is_said_and_leaves_the_pipe_empty(indexed: Indexed) -> None:
    none = soundgrep("search", indexed.collection, "tone", "--where", "duration_s > 1000")
    assert (none.code, none.out) == (0, "")
    assert none.err == "soundgrep: no hits: no clip passes --where 'duration_s > 1000'\n"


def test_on_a_terminal_paths_are_relative_and_lines_fit(indexed: Indexed) -> None:
    shown = soundgrep_on_terminal("search", indexed.collection, "tone", columns=44, cwd=indexed.sounds / "sub")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown.out)
    head, *lines = plain.splitlines()
    assert head.split() == ["rank", "score", "/100", "seconds", "path"]
    assert len(lines) == len(GOOD)
    assert all(len(line) <= 44 for line in plain.splitlines()), plain
    assert any(line.endswith("  long.wav") for line in lines), "relative to the current folder"
    assert any(re.search(r"  /\S+….*noise\.wav$", line) for line in lines), "elsewhere: absolute, cut in the middle"


def test_a_lost_index_is_noted_and_the_search_goes_on(indexed: Indexed, tmp_path: Path) -> None:
    collection = shutil.copytree(indexed.collection, tmp_path / "copy")
    for file in (collection / "encodings" / "tiny" / "index").rglob("*"):
        if file.is_file():
            file.write_bytes(b"")
    found = soundgrep("search", collection, "--audio", indexed.sounds / "tone.wav", "-k", "1")
    assert found.out == f"1 1.0000 0.0-1.0 {indexed.sounds}/tone.wav\n"
    assert found.err.startswith("soundgrep: note: ")
    assert found.err.count("\n") == 1


def test_nobody_reads_at_all(indexed: Indexed) -> None:
    for closed, code in ((">&-", 0), ("2>&-", 0), (">/dev/full", 1)):
        done = subprocess.run(
            ["sh", "-c", f"{SOUNDGREP} sql {indexed.collection} 'SELECT 1' {closed}"],
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, closed
        assert done.stderr == ("soundgrep: No space left on device\n" if code else "")


def test_a_reader_that_has_seen_enough_is_no_error(indexed: Indexed) -> None:
    command = f"{SOUNDGREP} sql {indexed.collection} 'SELECT * FROM range(100000)' | head -n 1"
    done = subprocess.run(["sh", "-c", command], env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.stdout == "range\n"
    assert done.stderr == ""
