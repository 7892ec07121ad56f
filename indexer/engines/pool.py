"""The pool: worker processes, of which a file that crashes or hangs one takes down no other file."""

from __future__ import annotations

import itertools
import logging
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import wait
from types import TracebackType
from typing import Any, Self

from ...model.encoders.runtime import chosen_runtime, has_gpu, usable_cores
from ...model.errors import CheckpointError, SoundgrepError
from ...model.paths import readable_path
from ...model.system import memory_bytes
from ..report import Failure
from .child import ChildSettings
from .engine import Outcome
from .process import Process
from .worker import Step, Task, read_steps

_N_AHEAD = 3  # files that a process has beside those it reads, so that it need not wait for the next
_LOOK_EVERY_S = 5.0
_STALL_S = 300.0
_LEAST_MEMORY_BYTES = 4 << 30
_N_FAILED_STARTS = 3
_CALL = -1  # the number of what is no file
# A process takes a second or more to load an encoder: with fewer files than this to read it is not worth another.
_MIN_FILES_PER_WORKER = 8

_log = logging.getLogger(__name__)


class Pool:
    """Worker processes, started when there is something to do.

    Args:
        n_workers: Processes, at least 1.
        known_contents: Hashes of contents that need no embedding.
        n_threads: Threads that the tower of each process computes in: as many segments at once.
        n_readers: Files that each process reads at once, ahead of its tower.
        steps: What reads a file in a process, by reference.
        stall_s: Seconds after which a process that gives no sign of life is ended, and its file given up.
    """

    def __init__(
        self,
        n_workers: int,
        *,
        known_contents: frozenset[str] = frozenset(),
        n_threads: int = 1,
        n_readers: int = 1,
        steps: Callable[[Task], Iterator[Step]] = read_steps,
        stall_s: float = _STALL_S,
    ) -> None:
        self._n_workers = n_workers
        self._n_threads = n_threads
        self._stall_s = stall_s
        self._settings = ChildSettings(steps, known_contents, n_readers, _memory_bytes(n_workers))
        self._processes: list[Process] = []
        self._numbers = itertools.count()
        self._waiting: deque[Task] = deque()
        self._suspects: deque[Task] = deque()
        self._n_failed_starts = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the processes."""
        for process in self._processes:
            process.end()
        self._processes.clear()

    def read_files(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome]]:
        """Read files, several at a time, and hand each over as soon as it is done.

        Args:
            tasks: The files.

        Yields:
            Each file with what came of it. One that crashes or hangs its process is a failure as any other.

        Raises:
            SoundgrepError: If no file can be read, because the encoder cannot be loaded.
        """
        more = iter(tasks)
        while True:
            self._hand_out(more)
            if not any(process.tasks for process in self._processes):
                return
            wait([process.connection for process in self._processes], self._look_every_s())
            for process in list(self._processes):
                yield from self._listen_to(process)

    def call(self, function: Callable[..., Any], *arguments: object) -> Any:
        """Run a function of a module in a worker process and wait for what it returns.

        Raises:
            CheckpointError: If the process died of it.
        """
        if not self._processes:
            self._start()
        process = self._processes[0]
        process.send(("call", _CALL, (function, arguments)))
        try:
            while True:
                kind, number, content = process.receive()
                if number == _CALL:
                    break
        except EOFError as error:
            self._end(process)
            raise CheckpointError(f"the process that ran {function.__name__} died: it may lack memory") from error
        if kind == "error":
            raise content[0]  # type: ignore[index]  # as child._portable made it
        return content

    def _hand_out(self, more: Iterator[Task]) -> None:
        """See that every process has enough to do; suspects come when nothing else is left."""
        while (task := self._waiting.popleft() if self._waiting else next(more, None)) is not None:
            process = self._with_most_room()
            if process is None:
                self._waiting.appendleft(task)
                return
            process.read(next(self._numbers), task)
        if self._suspects and not self._processes:
            self._start()
        for process in self._processes:
            if self._suspects and not process.tasks:
                process.is_alone = True
                process.read(next(self._numbers), self._suspects.popleft())
        self._share()

    def _with_most_room(self) -> Process | None:
        """Return the process with the fewest files, a new one if all have some, or None if all have enough."""
        free = [process for process in self._processes if not process.is_alone]
        least = min(free, key=lambda process: len(process.tasks), default=None)
        if least is not None and not least.tasks:
            return least
        if len(self._processes) < self._n_workers:
            return self._start()
        return least if least and len(least.tasks) < self._settings.n_readers + _N_AHEAD else None

    def _share(self) -> None:
        """Have a busy process give back a file that it has not begun, where another has nothing to do."""
        if not any(not process.tasks for process in self._processes):
            return
        busiest = max(self._processes, key=lambda process: len(process.tasks) - len(process.begun))
        if len(busiest.tasks) > len(busiest.begun) and not busiest.is_asked:
            busiest.is_asked = True
            busiest.send(("give back", None, None))

    def _listen_to(self, process: Process) -> Iterator[tuple[Task, Outcome]]:
        try:
            while process.connection.poll():
                kind, number, content = process.receive()
                if kind in ("done", "error", "given back") and number is not None:
                    task = process.tasks.pop(number)
                    process.is_alone = process.is_asked = False
                    if kind == "given back":
                        self._waiting.append(task)
                    else:
                        self._n_failed_starts = 0
                        yield task, _outcome(task, content)
        except EOFError:
            yield from self._bury(process)
            return
        if process.tasks and process.silent_s() > self._stall_s:
            yield from self._give_up(process)

    def _bury(self, process: Process) -> Iterator[tuple[Task, Outcome]]:
        """Deal with the files of a process that died: who it was is not known, so they go again, one at a time."""
        self._end(process)
        if process.is_loading or not process.begun:
            self._n_failed_starts += process.tasks != {} and not process.is_alone
            if self._n_failed_starts >= _N_FAILED_STARTS:
                raise CheckpointError(
                    "the processes that read files die as they load the encoder: they may lack memory"
                )
        for number, task in process.tasks.items():
            if number not in process.begun:
                self._waiting.append(task)
            elif process.is_alone:
                reason = "reading it crashed the process that read it"
                is_lasting = not process.is_loading and not process.was_ended
                yield task, Failure(readable_path(task.path), reason, is_lasting=is_lasting)
            else:
                self._suspects.append(task)

    def _give_up(self, process: Process) -> Iterator[tuple[Task, Outcome]]:
        """Deal with the files of a process that hangs."""
        self._end(process)
        culprits = process.in_hand or process.begun
        for number, task in process.tasks.items():
            if number not in process.begun:
                self._waiting.append(task)
            elif number in culprits and len(culprits) == 1:
                reason = f"reading it hung: no step in {self._stall_s:.0f} s"
                yield task, Failure(readable_path(task.path), reason, is_lasting=False)  # a disk may be slow
            else:
                self._suspects.append(task)

    def _start(self) -> Process:
        process = Process(self._settings, n_threads=self._n_threads)
        self._processes.append(process)
        return process

    def _end(self, process: Process) -> None:
        process.end()
        self._processes.remove(process)

    def _look_every_s(self) -> float:
        return min(_LOOK_EVERY_S, self._stall_s / 4)


def local_pool(n_files: int, *, n_workers: int | None, known_contents: frozenset[str] = frozenset()) -> Pool:
    """Make the pool that suits this machine.

    Args:
        n_files: Files to read.
        n_workers: Processes, at most one a file; None for one a core, fewer for a few files (whose towers then use the
            other cores), or a single one for a GPU.
        known_contents: Hashes of contents that need no embedding.
    """
    n_cores = usable_cores()
    if n_workers is not None:
        return Pool(max(1, min(n_workers, n_files)), known_contents=known_contents)
    if chosen_runtime() == "torch" and has_gpu():
        return Pool(1, known_contents=known_contents, n_threads=n_cores, n_readers=n_cores)
    n_processes = max(1, min(n_cores, math.ceil(n_files / _MIN_FILES_PER_WORKER)))
    n_threads = n_cores // n_processes
    return Pool(n_processes, known_contents=known_contents, n_threads=n_threads, n_readers=n_threads)


def _memory_bytes(n_workers: int) -> int | None:
    """Return a process's share of the memory, so that a file of absurd size fails by itself before the machine does."""
    if has_gpu():
        return None  # its driver maps more than any limit
    return max(_LEAST_MEMORY_BYTES, memory_bytes() // n_workers)


def _outcome(task: Task, content: Any) -> Outcome:
    if not isinstance(content, tuple):
        outcome: Outcome = content
        return outcome
    error, where = content
    if isinstance(error, SoundgrepError):
        raise error
    # Not foreseen, but no reason to lose the other files.
    _log.error("%s: reading it failed\n%s", readable_path(task.path), where)
    reason = f"reading it failed ({type(error).__name__}: {error})"
    return Failure(readable_path(task.path), reason, is_lasting=False)
