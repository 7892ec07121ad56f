"""Counting on stderr what takes its time: texts that are embedded."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

from .screen import is_terminal, say

S_BEFORE_FIRST = 1.0
S_BETWEEN = 0.2
S_BETWEEN_LINES = 30.0


@contextlib.contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """Return a function that shows how many are done and of how many, on one line of a terminal that goes away again.

    Elsewhere it says so now and then. What is done in a second is not counted.

    Args:
        what: What is counted: "captions read".
    """
    on_terminal = is_terminal(sys.stderr)
    next_s = time.monotonic() + (S_BEFORE_FIRST if on_terminal else S_BETWEEN_LINES)
    is_shown = False

    def show(n_done: int, n_total: int) -> None:
        nonlocal next_s, is_shown
        now_s = time.monotonic()
        if now_s < next_s:
            return
        if on_terminal:
            sys.stderr.write(f"\r{n_done:,} of {n_total:,} {what}")
            sys.stderr.flush()
            is_shown, next_s = True, now_s + S_BETWEEN
        else:
            say(f"{n_done:,} of {n_total:,} {what}")
            next_s = now_s + S_BETWEEN_LINES

    try:
        yield show
    finally:
        if is_shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
