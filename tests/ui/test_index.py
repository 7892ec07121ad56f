"""`soundgrep index`: what it says, what it leaves, and that it can be stopped and run again."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import numpy as np

from .command import ENVIRONMENT, SOUNDGREP, soundgrep, soundgrep_on_terminal
from .conftest import Indexed
from .sounds import BROKEN, GOOD, tone, write_wav


def test_the_first_line_names_the_encoder(indexed: Indexed) -> None:
    assert indexed.said.lines[0] == "encoder: tiny"


def test_the_report_counts_clips_segments_and_failures(indexed: Indexed) -> None:
    assert indexed.said.code == 0
    n_segments = len(GOOD) - 2 + 4 + 2  # all of one segment, but for the long one and the cut one
    assert re.search(rf"{len(GOOD)} clips in (\d+) segments", indexed.said.out)
    assert f"({len(GOOD)} added, {len(BROKEN)} failed)" in indexed.said.out
    assert n_segments - 1 <= int(re.findall(r"in (\d+) segments", indexed.said.out)[0]) <= n_segments


def test_every_broken_file_is_on_a_line_of_its_own_with_the_reason(indexed: Indexed) -> None:
    start = indexed.said.lines.index(f"{len(BROKEN)} files could not be read:")
    lines = indexed.said.lines[start + 1 : start + 1 + len(BROKEN)]
    assert {Path(line.split(": ")[0].strip()).name for line in lines} == BROKEN
    for line in lines:
        path, reason = line.strip().split(": ", maxsplit=1)
        assert reason.strip()
        assert path not in reason, "the path is told twice"


def test_in_a_pipe_nothing_but_the_report_is_said(indexed: Indexed) -> None:
    assert indexed.said.err == ""
    assert "\x1b" not in indexed.said.out


def test_again_with_json_the_encoder_is_remembered_and_nothing_is_done_twice(indexed: Indexed) -> None:
    again = soundgrep("index", indexed.sounds, indexed.collection, "--workers", "1", "--json")
    assert again.code == 0, again.err
    assert again.err == "soundgrep: encoder: tiny\n"
    report = json.loads(again.out)
    assert report["encoder_id"] == "tiny"
    assert (report["n_clips"], report["n_unchanged"]) == (len(GOOD), len(GOOD))
    assert (report["n_added"], report["n_replaced"], report["n_removed"]) == (0, 0, 0)
    assert {Path(failure["path"]).name for failure in report["failures"]} == BROKEN
    assert all(failure["reason"] for failure in report["failures"])


def test_a_report_for_machines_says_where_the_time_went(
    indexed: Indexed, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    shutil.copy(indexed.sounds / "tone.wav", sounds / "a.wav")
    arguments = ("index", sounds, tmp_path / "out", "--encoder", tiny_checkpoint, "--report")
    said = soundgrep(*arguments, tmp_path / "report.json")
    assert said.code == 0, said.err
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert report["n_added"] == 1
    stages = {"hash", "decode", "mel", "tower", "write", "index", "index: embedding texts"}
    assert set(report["stages_s"]) == stages
    refused = soundgrep(*arguments, tmp_path)
    assert refused.code == 2
    assert refused.err.endswith(f"{tmp_path}: the report cannot be written (Is a directory)\n")


def test_changed_added_and_removed_files_on_a_terminal(indexed: Indexed, tmp_path: Path) -> None:
    # The sounds are copies of ones the collection knows: only their files are new, so this is quick.
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    for name, content in {"a.wav": "tone.wav", "b.wav": "noise.wav"}.items():
        shutil.copy(indexed.sounds / content, sounds / name)
    collection = shutil.copytree(indexed.collection, tmp_path / "my sounds")
    said = soundgrep_on_terminal("index", "sounds", collection, "--workers", "1", cwd=tmp_path)
    assert said.code == 0, said.out
    assert said.out.startswith("encoder: tiny\n")
    assert "building the index: embedding texts" in said.out
    assert f"my sounds: {len(GOOD) + 2} clips" in said.out, "clips of other folders stay"
    shutil.copy(indexed.sounds / "eight.wav", sounds / "b.wav")
    shutil.copy(indexed.sounds / "silent.wav", sounds / "c.wav")
    (sounds / "a.wav").unlink()
    said = soundgrep_on_terminal("index", "sounds", collection, "--workers", "1", cwd=tmp_path)
    assert "(1 added, 1 replaced, 1 removed)" in said.out
    assert "next: soundgrep search 'my sounds' dog barking" in said.out
    report = said.out.rsplit("\x1b", maxsplit=1)[-1]
    assert all(len(line) <= 80 for line in report.splitlines()), report


def test_more_failures_than_a_screen_holds_are_counted(indexed: Indexed, tmp_path: Path) -> None:
    (tmp_path / "sounds").mkdir()
    for number in range(25):
        (tmp_path / "sounds" / f"{number}.wav").touch()
    shutil.copytree(indexed.collection, tmp_path / "out")
    said = soundgrep("index", "sounds", "out", "--workers", "1", cwd=tmp_path)
    assert said.code == 3, "more failed than could be read"
    assert len([line for line in said.lines if line.startswith("  sounds/")]) == 20
    assert "  and 5 more (--json lists them all)" in said.lines


def test_stopped_with_ctrl_c_it_leaves_a_good_collection_to_go_on_with(tiny_checkpoint: Path, tmp_path: Path) -> None:
    for number in range(60):
        write_wav(tmp_path / "sounds" / f"{number}.wav", tone(100 + number))
    arguments = ["index", "sounds", "out", "--encoder", tiny_checkpoint, "--workers", "1"]
    with subprocess.Popen(
        [SOUNDGREP, *arguments],
        cwd=tmp_path,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "encoder: tiny\n"
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the command and its workers
        said = process.stderr.read()
    assert process.returncode == 130, said
    assert said.startswith("soundgrep: stopped")
    assert "run the same command again" in said
    assert said.count("\n") == 1, said
    again = soundgrep(*arguments, "--json", cwd=tmp_path)
    assert again.code == 0, again.err
    report = json.loads(again.out)
    assert report["n_clips"] == report["n_added"] + report["n_unchanged"] == 60
    assert report["failures"] == []


def test_more_than_half_gone_is_kept_until_it_is_said_that_they_may_go(indexed: Indexed, tmp_path: Path) -> None:
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    for name in ("tone.wav", "noise.wav", "eight.wav"):
        shutil.copy(indexed.sounds / name, sounds)
    collection = shutil.copytree(indexed.collection, tmp_path / "c")
    soundgrep("index", sounds, collection, "--workers", "1")
    (sounds / "tone.wav").unlink()
    (sounds / "noise.wav").unlink()
    said = soundgrep("index", "sounds", "c", "--workers", "1", cwd=tmp_path)
    assert said.code == 3
    assert said.err == (
        "soundgrep: the files of 2 clips are gone or broken, which is more than half of what c has from sounds, "
        "or all that it has from one of them: the clips were kept, and --prune would drop them\n"
    )
    assert f"c: {len(GOOD) + 3} clips" in said.out
    said = soundgrep("index", sounds, collection, "--workers", "1", "--prune")
    assert said.code == 0
    assert "(2 removed, 1 unchanged)" in said.out


def test_files_that_failed_before_are_listed_again_and_tried_when_asked(indexed: Indexed, tmp_path: Path) -> None:
    collection = shutil.copytree(indexed.collection, tmp_path / "c")
    for options in ([], ["--retry-failed"]):
        said = soundgrep("index", indexed.sounds, collection, "--workers", "1", *options)
        assert said.code == 0
        assert f"{len(BROKEN)} files could not be read:" in said.lines


def test_what_may_matter_of_a_file_is_told_and_kept(tiny_checkpoint: Path, tmp_path: Path) -> None:
    sounds, collection = tmp_path / "sounds", tmp_path / "c.soundgrep"
    sound = tone(440)
    write_wav(sounds / "reversed.wav", np.concatenate([sound, -sound]))
    write_wav(sounds / "tone.wav", sound)
    said = soundgrep("index", sounds, collection, "--encoder", tiny_checkpoint, "--workers", "1")
    assert said.code == 0, said.err
    start = said.lines.index("of what was indexed, 1 thing may matter:")
    assert "reversed.wav: has channels that cancel each other out" in said.lines[start + 1]
    query = "SELECT tags FROM clips WHERE tags LIKE '%soundgrep_note%'"
    (row,) = json.loads(soundgrep("sql", collection, query, "--json").out)
    assert "cancel each other out" in json.loads(row["tags"])["soundgrep_note"]
