"""Children: processes of one kind that answer a request at a time, wait for the next one, and can be killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
import weakref
from collections.abc import Mapping
from typing import Any

from .askers import LOOK_EVERY_S, current_asker
from .child_process import start_child


class Child:
    """A process that answers requests, one at a time.

    Args:
        module: What it runs, as `start_child` takes it.
        environment: Variables that it gets beside this process's.

    Attributes:
        connection: To it.
        is_ready: Whether it waits for the next request; set by who asks.
        surroundings: Where it was started: relative paths and settings of libraries depend on it.
        n_asked: Requests that it was taken for.

    Raises:
        OSError: If the system starts no more processes.
    """

    def __init__(self, module: str, *, environment: Mapping[str, str] | None = None) -> None:
        self.surroundings = surroundings()
        self._process, self.connection = start_child(module, environment=environment)
        self.is_ready = True
        self.n_asked = 0

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def receive(self, patience_s: float) -> Any:
        """Take the next message; a process that has not sent all of it after so long is ended.

        So is one whose message nobody waits for any more, because the current asker has gone.

        Raises:
            TimeoutError: If it had to be.
            EOFError: If it has ended by itself.
        """
        is_late = threading.Event()

        def kill() -> None:
            is_late.set()
            self._process.kill()

        timer = threading.Timer(max(1.0, patience_s), kill)  # it may hang in the middle of a message
        timer.daemon = True
        try:
            if self._has_answered(max(0.0, patience_s)):
                timer.start()
                return self.connection.recv()
            is_late.set()
        except (EOFError, OSError) as error:
            if not is_late.is_set():
                raise EOFError from error
        finally:
            timer.cancel()
        self.end()
        raise TimeoutError

    def _has_answered(self, patience_s: float) -> bool:
        """Wait for a message, and return whether there was one in time."""
        asker = current_asker.get()
        if asker is None:
            return self.connection.poll(patience_s)
        end_s = time.monotonic() + patience_s
        while not asker.is_gone.is_set():
            left_s = max(0.0, end_s - time.monotonic())
            if self.connection.poll(min(left_s, LOOK_EVERY_S)):
                return True
            if not left_s:
                break
        return False

    def end(self) -> None:
        """End it at once."""
        self.is_ready = False
        self.connection.close()
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # it hangs in the system, which will end it
            self._process.wait(timeout=10)

    def cause_of_death(self) -> str:
        """Return in a few words how it ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=10)
        code = self._process.returncode
        if code is None or code >= 0:
            return f"exit code {code}"
        return (signal.strsignal(-code) or f"signal {-code}").lower()


class Children:
    """Processes of one kind, started when they are needed.

    Args:
        module: What they run.
        environment: Variables that they get beside this process's.
        max_idle: How many of them are kept for the next request.
        max_asked: Requests after which one is replaced; None for any number.
    """

    def __init__(
        self,
        module: str,
        *,
        environment: Mapping[str, str] | None = None,
        max_idle: int = 2,
        max_asked: int | None = None,
    ) -> None:
        self._module, self._environment = module, environment
        self._max_idle, self._max_asked = max_idle, max_asked
        self._idle: list[Child] = []
        weakref.finalize(self, _end_all, self._idle)

    def prepare(self) -> None:
        """Start one, if none waits: it will be there when it is needed."""
        with contextlib.suppress(OSError):  # whoever needs it will say so
            if not self._idle:
                self._idle.append(Child(self._module, environment=self._environment))

    def take(self) -> Child:
        """Take a process that waits, or a new one, for one request; it is to be given back.

        Raises:
            OSError: If the system starts no more processes.
        """
        child = self._waiting() or Child(self._module, environment=self._environment)
        child.n_asked += 1
        return child

    def give_back(self, child: Child) -> None:
        """Keep a process for the next request if it is ready for it; otherwise end it."""
        is_spent = self._max_asked is not None and child.n_asked >= self._max_asked
        if child.is_ready and not is_spent and len(self._idle) < self._max_idle:
            self._idle.append(child)
        else:
            child.end()

    def _waiting(self) -> Child | None:
        """Take one of those that wait, if it would work as a new one does."""
        here = surroundings()
        while True:
            try:
                child = self._idle.pop()
            except IndexError:
                return None
            if child.is_alive and child.surroundings == here:
                return child
            child.end()


def surroundings() -> tuple[str | None, dict[str, str]]:
    """Return the current folder, if there is one, and the environment."""
    try:
        folder = os.getcwd()  # noqa: PTH109 - compared, not used
    except OSError:
        folder = None
    return folder, dict(os.environ)


def _end_all(children: list[Child]) -> None:
    while children:
        children.pop().end()
