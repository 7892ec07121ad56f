"""`soundgrep ui` as a command: one line, and mistakes told before anything opens."""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path

from ...waiting import LONG_S
from ..command import ENVIRONMENT, SOUNDGREP, soundgrep


def test_mistakes_are_told_in_a_sentence(tmp_path: Path, odd_collection: Path) -> None:
    (tmp_path / "papers").mkdir()
    assert "papers" in soundgrep("ui", tmp_path / "papers", "--no-open").mistake()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert f"port {port}" in soundgrep("ui", odd_collection, "--no-open", "--port", port).mistake()
    assert "cannot listen" in soundgrep("ui", odd_collection, "--no-open", "--host", "203.0.113.7").mistake()


def test_one_line_says_where_the_page_is_and_nothing_else_is_said(odd_collection: Path) -> None:
    command = [SOUNDGREP, "ui", odd_collection, "--no-open", "--port", "0"]
    with subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert " at http://127.0.0.1:" in line
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LONG_S)
    assert process.returncode == 130
    assert (out, err.replace("soundgrep: stopped.\n", "")) == ("", "")
