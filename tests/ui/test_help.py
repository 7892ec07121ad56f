"""Help: quick, complete and readable at 80 columns."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version

import pytest

from ..commands_page import commands_in, help_of
from .command import ENVIRONMENT, soundgrep

COMMANDS = commands_in(help_of())
HEAVY = [
    "torch",
    "transformers",
    "tokenizers",
    "numpy",
    "pyarrow",
    "duckdb",
    "faiss",
    "deltalake",
    "av",
    "loky",
    "rich",
]


def test_there_are_commands() -> None:
    assert {"index", "search", "sql", "show", "convert"} <= set(COMMANDS)


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_fits_a_terminal_and_has_an_example(command: str | None) -> None:
    shown = help_of(*([command] if command else []))
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert f"\n  soundgrep {command or 'index'} " in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_the_examples_parse(command: str) -> None:
    """Every option that an example uses exists."""
    text = help_of(command)
    head, examples = re.split(r"\nExamples?:\n", text)
    lines = [line for line in examples.splitlines() if line.startswith(f"  soundgrep {command} ")]
    for option in re.findall(r"(?<!\S)--?[a-z-]+", " ".join(lines)):
        assert re.search(rf"^  {option}\b", head, re.MULTILINE), option


def test_no_command_is_a_mistake_answered_with_the_help() -> None:
    bare = soundgrep()
    assert (bare.code, bare.out) == (2, "")
    assert bare.err == soundgrep("--help").out == help_of()


def test_version() -> None:
    assert soundgrep("--version").out == f"soundgrep {version('soundgrep')}\n"


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from soundgrep.ui.program import run; code = run();"
        f"print(sorted({{name.split('.')[0] for name in sys.modules}} & set({HEAVY})), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "index", "--help"], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "[]\n")
