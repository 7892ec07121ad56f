"""Writes docs/commands.md, the help of every command as it is printed; `make docs` runs it."""

from __future__ import annotations

import contextlib
import functools
import io
import re
from pathlib import Path
from unittest.mock import patch

from soundgrep.ui.program import run

PAGE = Path(__file__).parents[1] / "docs" / "commands.md"
_HEAD = """\
# Commands

Made by `make docs` from `soundgrep COMMAND --help`. Whatever lists something has `--json` for pipes.

| exit code | |
|--:|---|
| 0 | done |
| 1 | the system failed: a full disk, a device that is away |
| 2 | a mistake in what was asked, told in one line on stderr |
| 3 | done, but something needs your attention |
| 130 | stopped by Ctrl-C |
"""


@functools.cache
def help_of(*command: str) -> str:
    """The help of a command, as a pipe gets it."""
    shown, complaints = io.StringIO(), io.StringIO()
    with (
        patch("sys.argv", ["soundgrep", *command, "--help"]),
        contextlib.redirect_stdout(shown),
        contextlib.redirect_stderr(complaints),
    ):
        code = run()
    assert (code, complaints.getvalue()) == (0, "")
    return shown.getvalue()


def commands_in(text: str) -> list[str]:
    """The commands that a help text lists."""
    return re.findall(r"^  ([a-z]+)  ", text.partition("Commands:")[2].partition("\n\n")[0], flags=re.MULTILINE)


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for name in commands_in(help_of()):
        text = help_of(name)
        parts += _section(name, text)
        for inner in commands_in(text):
            parts += _section(f"{name} {inner}", help_of(name, inner))
    return "\n".join(parts)


def _section(name: str, text: str) -> list[str]:
    return [f"## soundgrep {name}\n", f"```text\n{text.rstrip()}\n```\n"]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
