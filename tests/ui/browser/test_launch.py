"""`soundgrep ui` as a command: one line, and mistakes told before anything opens."""

from __future__ import annotations

import socket
from pathlib import Path

from ..command import soundgrep


def test_mistakes_are_told_in_a_sentence(tmp_path: Path, odd_collection: Path) -> None:
    (tmp_path / "papers").mkdir()
    assert "papers" in soundgrep("ui", tmp_path / "papers", "--no-open").mistake()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert f"port {port}" in soundgrep("ui", odd_collection, "--no-open", "--port", port).mistake()
    assert "cannot listen" in soundgrep("ui", odd_collection, "--no-open", "--host", "203.0.113.7").mistake()
