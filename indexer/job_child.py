"""The process of a job: does it, tells how far it is, and stops when it is told to or nobody listens any more."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from multiprocessing.connection import Connection
from types import FrameType

from ..model.errors import SoundgrepError
from ..model.system import interrupt_main_thread, lower_priority, on_interruption
from .job import IndexTask, MapTask, Task
from .report import Progress

_BETWEEN_S = 0.2


def main(descriptor: int) -> None:
    """Do the job that is sent over a connection."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, whose end is noticed
    on_interruption(_interrupt)
    with contextlib.suppress(ValueError):
        lower_priority(int(os.environ.get("SOUNDGREP_NICE", "0")))
    connection = Connection(descriptor)
    task: Task = connection.recv()
    threading.Thread(target=_obey, args=(connection,), daemon=True).start()
    told = _Told(connection)
    try:
        try:
            report: object = _done(task, told)
        except SoundgrepError as error:
            told("error", str(error))
        except OSError as error:
            told("error", f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error))
        except MemoryError:
            told("error", "there is not enough memory")
        else:
            told("report", report)
    except KeyboardInterrupt:
        told("stopped", None)


def _done(task: Task, told: _Told) -> object:
    told("step", ("starting", 0.0))
    if isinstance(task, MapTask):
        from .maintenance.mapping import map_collection

        return map_collection(task.collection, method=task.method, again=task.again, progress=told.step)
    return _indexed(task, told)


def _indexed(task: IndexTask, told: _Told) -> object:
    from .build import build_collection

    return build_collection(
        task.sources, task.collection, encoder=task.encoder, n_workers=task.n_workers, progress=told.progress
    )


class _Told:
    """Tells the parent, and not more often than it can look."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._told_s = 0.0
        self._n_failed = 0

    def __call__(self, kind: str, content: object) -> None:
        with contextlib.suppress(OSError):  # nobody listens any more
            self._connection.send((kind, content))

    def progress(self, progress: Progress) -> None:
        if progress.n_failed > self._n_failed and progress.newest_failure is not None:
            self("failure", progress.newest_failure)
        self._n_failed = progress.n_failed
        if self._is_time() or progress.n_done == progress.n_total:
            self("progress", progress)

    def step(self, what: str, share: float) -> None:
        if self._is_time() or share in (0.0, 1.0):
            self("step", (what, share))

    def _is_time(self) -> bool:
        now_s = time.monotonic()
        is_time = now_s - self._told_s >= _BETWEEN_S
        if is_time:
            self._told_s = now_s
        return is_time


def _obey(connection: Connection) -> None:
    """Interrupt the work when the parent says so, or is gone."""
    with contextlib.suppress(EOFError, OSError):
        connection.recv()
    interrupt_main_thread()


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    on_interruption(None)  # once is enough: what is done is being committed
    raise KeyboardInterrupt
