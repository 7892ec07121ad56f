"""`soundgrep search`: hits in a pipe, on a terminal and as JSON."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from .command import ENVIRONMENT, SOUNDGREP, soundgrep, soundgrep_on_terminal
from .conftest import Indexed
from .sounds import GOOD

LINE = re.compile(r"(?P<rank>\d+) (?P<score>-?\d\.\d{4}) (?P<start>\d+\.\d)-(?P<end>\d+\.\d) (?P<path>.+)")


def test_a_pipe_gets_one_line_a_hit_with_the_whole_path(indexed: Indexed) -> None:
    found = soundgrep("search", indexed.collection, "a", "steady", "tone", "-k", "100")
    assert (found.code, found.err) == (0, "")
    hits = [LINE.fullmatch(line) for line in found.lines]
    assert all(hits)
    assert [int(hit["rank"]) for hit in hits if hit] == list(range(1, len(GOOD) + 1))
    assert {hit["path"] for hit in hits if hit} == {f"{indexed.sounds}/{name}" for name in GOOD}
    scores = [float(hit["score"]) for hit in hits if hit]
    assert scores == sorted(scores, reverse=True)


def test_a_sound_is_most_like_itself_and_json_says_where(indexed: Indexed) -> None:
    found = soundgrep("search", indexed.collection, "--audio", "noise.wav", "-k", "2", "--json", cwd=indexed.sounds)
    first, second = json.loads(found.out)
    assert first["path"] == str(indexed.sounds / "noise.wav")
    assert first["score"] > 0.9999 > second["score"]
    assert (first["rank"], first["start_s"], first["end_s"]) == (1, 0.0, 1.0)
    assert second["rank"] == 2


def test_where_leaves_only_the_clips_it_holds_for(indexed: Indexed) -> None:
    found = soundgrep("search", indexed.collection, "tone", "--where", "duration_s > 3", "--json")
    assert [hit["path"] for hit in json.loads(found.out)] == [str(indexed.sounds / "sub" / "long.wav")]


def test_no_hits_is_said_and_leaves_the_pipe_empty(indexed: Indexed) -> None:
    none = soundgrep("search", indexed.collection, "tone", "--where", "duration_s > 1000")
    assert (none.code, none.out) == (0, "")
    assert none.err == "soundgrep: no hits: no clip passes --where 'duration_s > 1000'\n"
    assert json.loads(soundgrep("search", indexed.collection, "tone", "--where", "false", "--json").out) == []


def test_on_a_terminal_paths_are_relative_and_lines_fit(indexed: Indexed) -> None:
    shown = soundgrep_on_terminal("search", indexed.collection, "tone", columns=44, cwd=indexed.sounds)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown.out)
    head, *lines = plain.splitlines()
    assert head.split() == ["rank", "score", "seconds", "path"]
    assert len(lines) == len(GOOD)
    assert all(len(line) <= 44 for line in plain.splitlines()), plain
    assert any(line.endswith("  new\\nline.wav") for line in lines)
    far = soundgrep_on_terminal("search", indexed.collection, "tone", columns=44, cwd=Path("/"))
    assert any(re.search(r"  /\S+….*noise\.wav$", line) for line in far.out.splitlines()), far.out


def test_a_reader_that_has_seen_enough_is_no_error(indexed: Indexed) -> None:
    command = f"{SOUNDGREP} sql {indexed.collection} 'SELECT * FROM range(100000)' | head -n 1"
    done = subprocess.run(["sh", "-c", command], env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.stdout == "range\n"
    assert done.stderr == ""


def test_searching_loads_no_browser_and_no_cluster(indexed: Indexed) -> None:
    code = (
        "import sys; from soundgrep.ui.cli import run; code = run();"
        "loaded = {'streamlit', 'ray', 'loky', 'soundgrep.indexer'} & set(sys.modules);"
        "sys.exit(str(loaded) if loaded else code)"
    )
    arguments = [sys.executable, "-c", code, "search", str(indexed.collection), "rain"]
    done = subprocess.run(arguments, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
