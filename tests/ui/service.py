"""A real service on the loopback, started by the real command."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2

from .command import ENVIRONMENT, SOUNDGREP

START_S = 300.0


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
        with httpx2.Client(base_url=_address(process), timeout=60) as client:
            yield client
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], START_S)
    line = process.stdout.readline() if readable else ""
    found = re.search(r"http://\S+", line)
    if found is None:
        process.kill()
        raise AssertionError((line, process.communicate()))
    return found[0]


def wait_until(condition: object, *, seconds: float = 60.0) -> None:
    """Waits until a function gives something true."""
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"pid {os.getpid()}: waited {seconds} s in vain"
        time.sleep(0.1)
