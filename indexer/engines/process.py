"""A process: a child as its parent holds it."""

from __future__ import annotations

import contextlib
import time

from ...model.child_process import start_child
from .child import ChildSettings
from .worker import Task

_CHILD = f"{__package__}.child"
# Threads of libraries that would only get in the way of the tower's.
_THREAD_COUNTS = ("MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
# SIGKILL, which Windows has no name for, and SIGTERM: nothing that a file does to a library.
_ENDED = (-9, -15)


class Process:
    """A running child and what it has in hand.

    Args:
        settings: What the child is told.
        n_threads: Threads that its tower computes in.

    Attributes:
        connection: To the child.
        tasks: Files it was sent and has not handed over, by number, in the order of sending.
        begun: Those it has begun to read.
        in_hand: Those it is reading.
        is_loading: Whether it is loading the encoder.
        is_alone: Whether it was sent a suspect, and gets nothing else meanwhile.
        is_asked: Whether it was asked to give a file back.
    """

    def __init__(self, settings: ChildSettings, *, n_threads: int) -> None:
        self.tasks: dict[int, Task] = {}
        self.begun: set[int] = set()
        self.in_hand: set[int] = set()
        self.is_loading = self.is_alone = self.is_asked = False
        self._last_s = time.monotonic()
        environment = dict.fromkeys(_THREAD_COUNTS, "1") | {"OMP_NUM_THREADS": str(n_threads)}
        self._popen, self.connection = start_child(_CHILD, environment=environment)
        self.send(settings)

    def send(self, message: object) -> None:
        """Send something; a child that is dead is found out when it is listened to."""
        with contextlib.suppress(OSError):
            self.connection.send(message)

    def read(self, number: int, task: Task) -> None:
        """Send a file."""
        if not self.tasks:
            self._last_s = time.monotonic()
        self.tasks[number] = task
        self.send(("read", number, task))

    def receive(self) -> tuple[str, int | None, object]:
        """Take the next message.

        Raises:
            EOFError: If the child is dead.
        """
        try:
            kind, number, content = self.connection.recv()
        except OSError as error:
            raise EOFError from error
        self._last_s = time.monotonic()
        if kind == "begun":
            self.begun.add(number)
            self.in_hand.add(number)
        elif kind == "decoded":
            self.in_hand.discard(number)
        elif kind in ("loading", "loaded"):
            self.is_loading = kind == "loading"
        elif kind in ("done", "error", "given back"):
            self.begun.discard(number)
        return kind, number, content

    def silent_s(self) -> float:
        """Return the seconds since it last said anything."""
        return time.monotonic() - self._last_s

    @property
    def was_ended(self) -> bool:
        """Whether something else ended it, as the system does where memory runs out."""
        return self._popen.poll() in _ENDED

    def end(self) -> None:
        """End it at once: it holds nothing that counts."""
        self.connection.close()
        self._popen.kill()
        self._popen.wait()
