"""Askers: who a thread works for, where many ask at once, and whether they still wait."""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextvars import ContextVar
from dataclasses import dataclass, field

LOOK_EVERY_S = 0.2
"""How often who waits for something looks whether its asker has gone."""


@dataclass(frozen=True)
class Asker:
    """One of many who ask at the same time.

    Attributes:
        name: Who it is; whoever asks twice at once has the same name twice.
        is_gone: Set when the answer is not wanted any more.
    """

    name: str
    is_gone: threading.Event = field(default_factory=threading.Event)


current_asker: ContextVar[Asker | None] = ContextVar("current_asker", default=None)
"""Who the current thread or task works for; None if there is but one."""


class Places:
    """Places for those who ask, of which no one of them ever takes the last.

    Args:
        n: How many there are, at least two.
    """

    def __init__(self, n: int) -> None:
        self._n_free = n
        self._n_most = max(1, n - 1)
        self._taken: Counter[str] = Counter()
        self._changed = threading.Condition()

    def take(self, *, wait_s: float) -> bool:
        """Wait for a place of the current asker's, and return whether there was one in time."""
        asker, end_s = current_asker.get(), time.monotonic() + wait_s
        with self._changed:
            while not self._is_free(asker):
                left_s = end_s - time.monotonic()
                if left_s <= 0 or (asker is not None and asker.is_gone.is_set()):
                    return False
                self._changed.wait(min(left_s, LOOK_EVERY_S))
            self._n_free -= 1
            if asker is not None:
                self._taken[asker.name] += 1
            return True

    def give_back(self) -> None:
        """Leave the place that the current asker took."""
        asker = current_asker.get()
        with self._changed:
            self._n_free += 1
            if asker is not None:
                self._taken[asker.name] -= 1
                self._taken += Counter()  # forget who has none
            self._changed.notify_all()

    def _is_free(self, asker: Asker | None) -> bool:
        return self._n_free > 0 and (asker is None or self._taken[asker.name] < self._n_most)
