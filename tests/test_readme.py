"""The README is true: its Python runs, its shell lines run, and no command is missing."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import soundgrep

from .waiting import LONG_S

ROOT = Path(soundgrep.__file__).parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like the checkout as a reader sees it: the demo sounds, and room for what the examples write."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "data" / "demo", folder / "data" / "demo")
    (folder / "build").mkdir()
    return folder


def test_the_python_runs_as_printed(place: Path) -> None:
    programs = blocks("python")
    assert len(programs) >= 2
    for program in programs:
        subprocess.run([sys.executable, "-c", program], cwd=place, check=True, timeout=LONG_S)


def test_the_console_sessions_print_what_they_say(place: Path) -> None:
    sessions = "".join(blocks("console"))
    assert sessions.count("$ soundgrep ") >= 5
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for step in re.split(r"^\$ ", sessions, flags=re.MULTILINE)[1:]:
        command, _, printed = step.partition("\n")
        done = subprocess.run(
            shlex.split(command), cwd=place, env=environment, capture_output=True, text=True, timeout=LONG_S
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        # Times differ from run to run, scores in the last digit from machine to machine; what is found does not.
        for path in re.findall(r"\S+/\S+\.(?:wav|flac|ogg|mp3|opus|m4a)", printed):
            assert path in done.stdout, f"{command} does not print {path} any more"


def test_every_command_is_documented() -> None:
    command = str(Path(sys.executable).with_name("soundgrep"))
    listing = subprocess.run([command, "--help"], capture_output=True, text=True, check=True).stdout
    names = re.findall(r"^  ([a-z]+)  ", listing.partition("Commands:")[2], flags=re.MULTILINE)
    assert {"index", "search", "sql", "convert"} <= set(names)
    for name in names:
        assert f"soundgrep {name}" in README, f"README does not say what `soundgrep {name}` does"


def test_the_table_of_encoders_is_the_one_that_is_printed(tmp_path: Path) -> None:
    command = [Path(sys.executable).with_name("soundgrep"), "models"]
    environment = {**os.environ, "SOUNDGREP_CACHE": str(tmp_path)}
    listed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert f"$ soundgrep models\n{listed}" in README
