"""`soundgrep verify` and `soundgrep compact`: what they say, and their exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from .command import soundgrep
from .conftest import Indexed
from .sounds import GOOD


@pytest.fixture
def folder(indexed: Indexed, tmp_path: Path) -> Path:
    return shutil.copytree(indexed.collection, tmp_path / "my sounds")


def test_a_whole_collection_is_called_so(folder: Path) -> None:
    said = soundgrep("verify", folder.name, cwd=folder.parent)
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"my sounds: {len(GOOD)} clips in ")
    assert said.out.endswith("segments, nothing is wrong\n")
    report = json.loads(soundgrep("verify", folder, "--json").out)
    assert (report["is_sound"], report["n_clips"], report["problems"], report["repairs"]) == (True, len(GOOD), [], [])


def test_damage_is_told_then_mended(folder: Path) -> None:
    next(folder.glob("encodings/*/index/*/embeddings.faiss")).write_bytes(b"")
    said = soundgrep("verify", folder.name, cwd=folder.parent)
    assert said.code == 3
    assert said.lines == [
        "my sounds: 1 problem",
        "  encodings/tiny/index: 000001 is missing or damaged (embeddings.faiss)",
        "next: soundgrep verify 'my sounds' --repair",
    ]
    report = soundgrep("verify", folder, "--json")
    assert report.code == 3
    assert json.loads(report.out)["remaining"] == [
        {"part": "encodings/tiny/index", "what": "000001 is missing or damaged (embeddings.faiss)"}
    ]
    said = soundgrep("verify", folder.name, "--repair", cwd=folder.parent)
    assert said.code == 0, said.err
    assert said.lines[2:4] == ["repaired:", "  encodings/tiny/index: built anew from the tables"]
    assert said.lines[-1].endswith("nothing is wrong any more")
    assert soundgrep("verify", folder).code == 0


def test_compact_says_what_it_saved(folder: Path) -> None:
    said = soundgrep("compact", folder.name, "--keep-hours", "0", cwd=folder.parent)
    assert (said.code, said.err, len(said.lines)) == (0, "", 1)
    assert said.lines[0].startswith("my sounds: ")
    said = soundgrep("compact", folder.name, "--keep-hours", "0", cwd=folder.parent)
    assert said.lines[0].startswith("my sounds: nothing to do, ")
    report = json.loads(soundgrep("compact", folder, "--json").out)
    assert (report["n_files"], report["size_bytes"]) == (report["n_files_before"], report["size_bytes_before"])
    assert soundgrep("verify", folder).code == 0


@pytest.mark.parametrize("command", ["verify", "compact"])
def test_mistakes_are_one_line(command: str, tmp_path: Path, folder: Path) -> None:
    assert "there is no such collection" in soundgrep(command, tmp_path / "nowhere").mistake()
    assert "is not a collection" in soundgrep(command, tmp_path).mistake()
    (folder / "manifest.json").write_text("{")
    (folder / "manifest.previous.json").unlink(missing_ok=True)
    arguments = ["--repair"] if command == "verify" else []
    assert "its manifest is damaged" in soundgrep(command, folder, *arguments).mistake()
    assert "keep_hours must be at least 0" in soundgrep("compact", folder, "--keep-hours", "-1").mistake()


def test_a_library_that_was_moved_is_followed(indexed: Indexed, folder: Path) -> None:
    new = shutil.copytree(indexed.sounds, folder.parent / "new place", symlinks=True)
    arguments = ("relocate", folder.name, indexed.sounds, "new place")
    said = soundgrep(*arguments, "--dry-run", cwd=folder.parent)
    assert said.code == 0, said.err
    n_failed = json.loads(soundgrep("relocate", folder, indexed.sounds, new, "--dry-run", "--json").out)["n_failures"]
    assert n_failed > 1
    moved = f"my sounds: {len(GOOD)} clips and {n_failed} files that failed"
    assert said.lines == [f"{moved} would be relocated to new place"]
    said = soundgrep(*arguments, cwd=folder.parent)
    assert said.lines == [f"{moved} relocated to new place", "next: soundgrep index 'new place' 'my sounds'"]
    paths = {row["path"] for row in json.loads(soundgrep("sql", folder, "SELECT path FROM clips", "--json").out)}
    assert paths == {str(new / name) for name in GOOD}
    said = soundgrep(*arguments, cwd=folder.parent)
    assert (said.lines, said.err) == ([f"my sounds: nothing to do, {len(GOOD)} clips in new place already"], "")
    assert "has no clips in" in soundgrep("relocate", folder, folder.parent / "nothing", indexed.encoder).mistake()
    assert "there is no such file" in soundgrep("relocate", folder, indexed.sounds, folder.parent / "x").mistake()
