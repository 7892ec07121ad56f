"""Waiting: for as long as the slowest machine may take, and no longer than until it holds."""

from __future__ import annotations

import time
from collections.abc import Callable

LONG_S = 900.0
"""What is waited for at most, wherever a test waits: nothing but a hang lasts as long, however busy the machine is."""


def wait_until(holds: Callable[[], object], what: str = "in vain") -> None:
    """Wait until a function gives something true."""
    end_s = time.monotonic() + LONG_S
    while not holds():
        assert time.monotonic() < end_s, f"waited {LONG_S:g} s: {what}"
        time.sleep(0.05)
