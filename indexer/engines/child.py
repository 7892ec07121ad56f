"""The child: a worker process, in which files are read ahead of the tower, and what came of each is handed over.

One thread listens to the parent, one or more read files (decoders let go of Python's lock), and the main thread embeds.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from queue import Empty, Queue
from typing import Any

import numpy as np
import numpy.typing as npt

from ...model.audio.segments import Waveform
from ...model.encoders.family import AudioTower
from ...model.system import limit_memory
from .worker import Alive, Begun, EmbeddedFile, Segments, Step, Task, encoder_of, set_known_contents

_N_STEPS_AHEAD = 8
_ALIVE_EVERY_S = 1.0


@dataclass(frozen=True)
class ChildSettings:
    """What a child is told at its start.

    Attributes:
        steps: What reads a file.
        known_contents: Hashes of contents that need no embedding.
        n_readers: Files to read at once.
        memory_bytes: Most memory that it may take; None for any.
    """

    steps: Callable[[Task], Iterator[Step]]
    known_contents: frozenset[str] = frozenset()
    n_readers: int = 1
    memory_bytes: int | None = None


@dataclass
class _File:
    """A file that is being read or embedded."""

    task: Task
    rows: list[npt.NDArray[np.float32]] = field(default_factory=list)
    n_waiting: int = 0
    decoded: EmbeddedFile | None = None
    spent: dict[str, float] = field(default_factory=dict)


class _Inbox:
    """Files that the parent sent and nobody has begun."""

    def __init__(self) -> None:
        self._tasks: deque[tuple[int, Task]] = deque()
        self._changed = threading.Condition()

    def put(self, number: int, task: Task) -> None:
        with self._changed:
            self._tasks.append((number, task))
            self._changed.notify()

    def get(self) -> tuple[int, Task]:
        with self._changed:
            while not self._tasks:
                self._changed.wait()
            return self._tasks.popleft()

    def give_back(self) -> int | None:
        with self._changed:
            return self._tasks.pop()[0] if self._tasks else None


class Child:
    """The work of one process.

    Args:
        connection: To the parent.
        settings: What it was told.
    """

    def __init__(self, connection: Connection, settings: ChildSettings) -> None:
        self._connection = connection
        self._steps = settings.steps
        self._telling = threading.Lock()
        self._told_s = 0.0
        self._inbox = _Inbox()
        self._events: Queue[tuple[str, Any, Any]] = Queue(_N_STEPS_AHEAD)
        self._files: dict[int, _File] = {}
        self._waiting: deque[tuple[int, Waveform]] = deque()
        self._n_at_once: int | None = None  # known when the encoder is loaded
        for work in (self._listen, *[self._read] * settings.n_readers):
            threading.Thread(target=work, daemon=True).start()

    def run(self) -> None:
        """Embed what is read, until the parent goes."""
        while True:
            self._take(self._events.get())
            self._take_all()
            while self._waiting:
                self._embed()
                self._take_all()

    def _take_all(self) -> None:
        """Take what is there, so far as more of it makes a fuller batch."""
        while len(self._waiting) < (self._n_at_once or 1):
            try:
                event = self._events.get_nowait()
            except Empty:
                return
            self._take(event)

    def _take(self, event: tuple[str, Any, Any]) -> None:
        kind, number, content = event
        if kind == "call":
            function, arguments = content
            self._answer(number, function, arguments)
        elif kind == "task":
            self._files[number] = _File(content)
        elif kind == "error":
            self._files.pop(number, None)
            self._drop(number)
            self._tell("error", number, content)
        else:
            self._take_step(number, content)

    def _take_step(self, number: int, step: Step) -> None:
        file = self._files.get(number)
        if file is None:
            return  # it failed while it was still being read
        if isinstance(step, Begun):
            file.rows.clear()
            self._drop(number)
        elif isinstance(step, Segments):
            self._waiting.extend((number, waveform) for waveform in step.waveforms)
            file.n_waiting += len(step.waveforms)
        elif isinstance(step, EmbeddedFile):
            file.decoded = step
            self._finish(number)
        elif not isinstance(step, Alive):
            del self._files[number]
            self._drop(number)
            self._tell("done", number, step)

    def _drop(self, number: int) -> None:
        """Forget the segments of a file that wait to be embedded."""
        self._waiting = deque((other, waveform) for other, waveform in self._waiting if other != number)
        if number in self._files:
            self._files[number].n_waiting = 0

    def _embed(self) -> None:
        first = self._files[self._waiting[0][0]]
        numbers = list(dict.fromkeys(number for number, _ in self._waiting))
        try:
            encoder = encoder_of(first.task.encoder_source)
            tower = self._loaded(first.task)
            some = [self._waiting.popleft() for _ in range(min(len(self._waiting), tower.n_at_once))]
            before = tower.spent
            rows = encoder.embed_audio([waveform for _, waveform in some])
            for stage, seconds in tower.spent.items():
                first.spent[stage] = first.spent.get(stage, 0.0) + seconds - before[stage]
        except Exception as error:  # noqa: BLE001 - the parent judges it
            for number in numbers:
                self._drop(number)
                del self._files[number]
                self._tell("error", number, _portable(error))
            return
        for (number, _), row in zip(some, rows, strict=True):
            self._files[number].spent = dict.fromkeys(before, 0.0) | self._files[number].spent
            self._files[number].rows.append(row)
            self._files[number].n_waiting -= 1
        for number in {number for number, _ in some}:
            self._finish(number)
        self._say_alive()

    def _loaded(self, task: Task) -> AudioTower:
        if self._n_at_once is None:
            self._tell("loading", None, None)
            self._n_at_once = encoder_of(task.encoder_source).load_audio_tower().n_at_once
            self._tell("loaded", None, None)
        return encoder_of(task.encoder_source).load_audio_tower()

    def _finish(self, number: int) -> None:
        """Hand over a file that was read to its end and whose segments are all embedded."""
        file = self._files[number]
        if file.decoded is not None and not file.n_waiting:
            del self._files[number]
            self._tell("done", number, file.decoded.embedded(np.stack(file.rows), file.spent))

    def _answer(self, number: int, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        try:
            self._tell("returned", number, function(*arguments))
        except Exception as error:  # noqa: BLE001 - it is the caller's
            self._tell("error", number, _portable(error))

    def _listen(self) -> None:
        """Take what the parent sends, and end the process when it is gone: nobody else would."""
        try:
            while True:
                kind, number, content = self._connection.recv()
                if kind == "read":
                    self._inbox.put(number, content)
                elif kind == "give back":
                    given = self._inbox.give_back()
                    if given is not None:
                        self._tell("given back", given, None)
                else:
                    self._events.put((kind, number, content))
        except (EOFError, OSError):
            os._exit(1)

    def _read(self) -> None:
        while True:
            number, task = self._inbox.get()
            self._tell("begun", number, None)
            self._events.put(("task", number, task))
            try:
                for step in self._steps(task):
                    if not isinstance(step, Alive):
                        self._events.put(("step", number, step))
                    self._say_alive()
            except Exception as error:  # noqa: BLE001 - the parent judges it
                self._events.put(("error", number, _portable(error)))
            self._tell("decoded", number, None)

    def _say_alive(self) -> None:
        now_s = time.monotonic()
        if now_s - self._told_s >= _ALIVE_EVERY_S:
            self._tell("alive", None, None)

    def _tell(self, kind: str, number: int | None, content: object) -> None:
        with self._telling:
            self._told_s = time.monotonic()
            self._connection.send((kind, number, content))


def main(descriptor: int) -> None:
    """Work for the parent at the other end of a connection, until it goes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which decides what to keep
    connection = Connection(descriptor)
    try:
        settings: ChildSettings = connection.recv()
        if settings.memory_bytes is not None:
            limit_memory(settings.memory_bytes)
        set_known_contents(settings.known_contents)
        Child(connection, settings).run()
    except (EOFError, OSError):
        sys.exit(1)


def _portable(error: Exception) -> tuple[Exception, str]:
    """Return an error that can be sent, and where it was raised."""
    where = "".join(traceback.format_exception(error))
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    except Exception:  # noqa: BLE001 - anything may be in it
        return RuntimeError(f"{type(error).__name__}: {error}"), where
    return error, where
