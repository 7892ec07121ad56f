"""A real service on the loopback, started by the real command."""

from __future__ import annotations

import contextlib
import re
import select
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2

from ..waiting import LONG_S
from .command import ENVIRONMENT, SOUNDGREP


@contextlib.contextmanager
def served(*arguments: str | Path) -> Iterator[httpx2.Client]:
    """Serves, and gives a client that knows the address."""
    process = subprocess.Popen(
        [SOUNDGREP, "serve", *arguments, "--port", "0"],
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        with httpx2.Client(base_url=_address(process), timeout=LONG_S) as client:
            yield client
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=LONG_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], LONG_S)
    line = process.stdout.readline() if readable else ""
    found = re.search(r"http://\S+", line)
    if found is None:
        process.kill()
        raise AssertionError((line, process.communicate()))
    return found[0]
