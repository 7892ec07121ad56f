"""A process: a child as its parent holds it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing import Pipe

from .child import ChildSettings
from .worker import Task

# The package is imported from where this process imports it. What a library prints must not get into a listing.
_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2]); "
    f"from {__package__}.child import main; main(int(sys.argv[1]))"
)
# Threads of libraries that would only get in the way of the tower's.
_THREAD_COUNTS = ("MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


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
        self.connection, theirs = Pipe()
        self.tasks: dict[int, Task] = {}
        self.begun: set[int] = set()
        self.in_hand: set[int] = set()
        self.is_loading = self.is_alone = self.is_asked = False
        self._heard_s = time.monotonic()
        environment = os.environ | dict.fromkeys(_THREAD_COUNTS, "1") | {"OMP_NUM_THREADS": str(n_threads)}
        # Until it has come to ignore a Ctrl-C it must not reach it, or it dies of it with a traceback.
        with theirs, _interrupts_held_back():
            self._popen = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-c", _BOOT, str(theirs.fileno()), json.dumps([str(entry) for entry in sys.path])],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=_stderr(),
                env=environment,
            )
        self.send(settings)

    def send(self, message: object) -> None:
        """Send something; a child that is dead is found out when it is listened to."""
        with contextlib.suppress(OSError):
            self.connection.send(message)

    def read(self, number: int, task: Task) -> None:
        """Send a file."""
        if not self.tasks:
            self._heard_s = time.monotonic()
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
        self._heard_s = time.monotonic()
        if kind == "begun":
            self.begun.add(number)
            self.in_hand.add(number)
        elif kind == "heard":
            self.in_hand.discard(number)
        elif kind in ("loading", "loaded"):
            self.is_loading = kind == "loading"
        elif kind in ("done", "error", "given back"):
            self.begun.discard(number)
        return kind, number, content

    def silent_s(self) -> float:
        """Seconds since it last said anything."""
        return time.monotonic() - self._heard_s

    def end(self) -> None:
        """End it at once: it holds nothing that counts."""
        self.connection.close()
        self._popen.kill()
        self._popen.wait()


@contextlib.contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Let Ctrl-C wait: this process gets it afterwards, processes started meanwhile never do."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _stderr() -> int:
    """Where a child's libraries may print."""
    try:
        os.fstat(2)
    except OSError:
        return subprocess.DEVNULL
    return 2
