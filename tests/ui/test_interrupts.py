"""Ctrl-C ends every command with 130 and without a traceback, whatever it is just doing."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .command import ENVIRONMENT, SOUNDGREP
from .conftest import Indexed

# One that runs for hours, in C.
ENDLESS = "SELECT count(*) FROM range(10000000000) a, range(1000) b WHERE hash(a.range * b.range) = 5"
ENDLESS_FILTER = (
    "clip_id IN (SELECT a.range FROM range(10000000000) a, range(1000) b WHERE hash(a.range * b.range) = 5)"
)
# One call of a function, which does not look whether it shall stop.
DEAF = "SELECT list_sum(list_transform(range(400000000), lambda x: hash(x) % 7))"
END_LIMIT_S = 60.0

Arguments = Callable[[Indexed, Path], list[str | Path]]
COMMANDS: dict[str, Arguments] = {
    "help": lambda made, folder: ["search", "--help"],
    "index": lambda made, folder: ["index", made.sounds, folder / "new.soundgrep", "--encoder", made.encoder],
    "search": lambda made, folder: ["search", made.collection, "a dog"],
    "filter": lambda made, folder: ["search", made.collection, "a dog", "--where", ENDLESS_FILTER],
    "sql": lambda made, folder: ["sql", made.collection, ENDLESS],
    "deaf": lambda made, folder: ["sql", made.collection, DEAF],
    "show": lambda made, folder: ["show", made.collection],
    "evaluate": lambda made, folder: ["evaluate", made.collection],
    "map": lambda made, folder: ["map", made.collection],
    "verify": lambda made, folder: ["verify", made.collection],
    "compact": lambda made, folder: ["compact", made.collection],
    "serve": lambda made, folder: ["serve", made.collection, "--port", "0"],
    "ui": lambda made, folder: ["ui", made.collection, "--port", "0", "--no-open"],
}


def start(arguments: list[str | Path]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [SOUNDGREP, *arguments],
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def wait_for_handler(process: subprocess.Popen[bytes]) -> None:
    """Wait until Ctrl-C is listened to: before, Python itself is starting, and answers as it likes."""
    while process.poll() is None:
        try:
            opened = [str(entry.readlink()) for entry in Path(f"/proc/{process.pid}/fd").iterdir()]
        except OSError:
            continue
        if any(name.startswith("socket:") for name in opened):
            return
        time.sleep(0.001)


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("after_s", [0.0, 0.1, 0.4, 1.0, 2.5])
def test_ctrl_c_ends_it_at_any_time(name: str, after_s: float, indexed: Indexed, tmp_path: Path) -> None:
    with start(COMMANDS[name](indexed, tmp_path)) as process:
        wait_for_handler(process)
        time.sleep(after_s)
        is_over = process.poll() is not None
        if not is_over:
            os.killpg(process.pid, signal.SIGINT)
        try:
            _, said = process.communicate(timeout=END_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert b"Traceback" not in said
    assert b"Exception ignored" not in said
    # It may have ended by itself in the very moment.
    assert process.returncode in ((0, 2, 3) if is_over else (130, 0, 2, 3)), said
    if name in ("sql", "deaf", "filter") and not is_over:
        assert process.returncode == 130, said
        assert said == b"soundgrep: stopped.\n"
