"""The documents are true: their Python and their shell lines run, their links lead somewhere."""

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

from . import commands_page
from .ui.command import soundgrep as soundgrep_command

ROOT = Path(soundgrep.__file__).parent
# The README first: what it makes in build/ the others look at.
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NAMES = [path.relative_to(ROOT).as_posix() for path in DOCUMENTS]


def blocks(path: Path, language: str) -> list[str]:
    text = path.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like the checkout as a reader sees it after `make demo`: the demo sounds, and collections of them."""
    folder = tmp_path_factory.mktemp("docs")
    shutil.copytree(ROOT / "data" / "demo", folder / "data" / "demo")
    (folder / "build").mkdir()
    done = soundgrep_command("index", "data/demo", "build/demo.soundgrep", cwd=folder)
    assert done.code == 0, done.err
    shutil.copytree(folder / "build" / "demo.soundgrep", folder / "build" / "readme.soundgrep")
    return folder


def test_the_readme_is_short_and_shows_both_ways_in() -> None:
    assert len(DOCUMENTS[0].read_text(encoding="utf-8").splitlines()) <= 150
    assert blocks(DOCUMENTS[0], "python")
    assert "".join(blocks(DOCUMENTS[0], "console")).count("$ soundgrep ") >= 3


# Each block as a program of its own, but in one process: what it imports is loaded once.
PROGRAMS = """
import sys
for name, source in eval(sys.stdin.read()):
    exec(compile(source, name, "exec"), {"__name__": "__main__"})
"""


def test_the_python_runs_as_printed(place: Path) -> None:
    programs = {program: document.name for document in DOCUMENTS for program in blocks(document, "python")}
    printed = repr([(name, program) for program, name in programs.items()])
    done = subprocess.run([sys.executable, "-c", PROGRAMS], cwd=place, input=printed, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_console_sessions_print_what_they_say(place: Path) -> None:
    for document in DOCUMENTS:
        for step in re.split(r"^\$ ", "".join(blocks(document, "console")), flags=re.MULTILINE)[1:]:
            command, _, printed = step.partition("\n")
            program, *arguments = shlex.split(command)
            assert program == "soundgrep"
            done = soundgrep_command(*arguments, cwd=place)
            assert done.code == 0, f"{document.name}: {command}: {done.err}"
            # Times differ from run to run, scores in the last digit from machine to machine; what is found does not.
            for path in re.findall(r"\S+/\S+\.(?:wav|flac|ogg|mp3|opus|m4a)", printed):
                assert path in done.out, f"{document.name}: {command} does not print {path} any more"


def test_the_page_of_commands_is_what_help_prints() -> None:
    assert commands_page.PAGE.read_text(encoding="utf-8") == commands_page.page(), "run `make docs`"


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    document = ROOT / name
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        file, _, heading = target.partition("#")
        path = document if not file else (document.parent / file).resolve()
        assert path.exists(), f"{name}: {target}"
        if heading:
            titles = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
            assert heading in anchors, f"{name}: {target}"


def test_the_readme_leads_to_every_page() -> None:
    readme = DOCUMENTS[0].read_text(encoding="utf-8")
    assert [name for name in NAMES[1:] if f"({name})" not in readme] == []


def test_the_table_of_encoders_is_the_one_that_is_printed(tmp_path: Path) -> None:
    command = [Path(sys.executable).with_name("soundgrep"), "models"]
    environment = {**os.environ, "SOUNDGREP_CACHE": str(tmp_path)}
    listed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert f"$ soundgrep models\n{listed}" in (ROOT / "docs" / "encoders.md").read_text(encoding="utf-8")
