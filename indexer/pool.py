"""The pool: worker processes that outlive a file which kills one of them."""

import contextlib
import logging
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from multiprocessing import resource_tracker
from types import TracebackType
from typing import Any, Self

import loky
from loky.process_executor import BrokenProcessPool

from ..model.errors import CheckpointError, SoundgrepError
from ..model.paths import readable_path
from .engine import Outcome
from .report import Failure
from .worker import Task, read_file, start_worker

# One compute stream a process: several threads in each would only get in each other's way.
_THREAD_COUNTS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
# loky restarts a process that grows by 300 MB after its first file: one long clip, or an encoder loaded late, is more.
_GROWTH_ALLOWED = {"LOKY_MAX_MEMORY_LEAK_SIZE": "4e9"}
_N_QUEUED_PER_WORKER = 3

_log = logging.getLogger(__name__)


class Pool:
    """Single-threaded worker processes, started when there is something to do.

    Args:
        n_workers: Processes, at least 1.
        known_contents: Hashes of contents that need no embedding.
        read: What reads a file in a worker.
    """

    def __init__(
        self,
        n_workers: int,
        *,
        known_contents: frozenset[str] = frozenset(),
        read: Callable[[Task], Outcome] = read_file,
    ) -> None:
        self._n_workers = n_workers
        self._known_contents = known_contents
        self._read = read
        self._executor: loky.ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the processes."""
        self._stop()

    def read_files(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome]]:
        """Read files, several at a time, and hand each over as soon as it is done.

        Args:
            tasks: The files.

        Yields:
            Each file with what came of it. One that kills its process is a failure as any other.

        Raises:
            SoundgrepError: If no file can be read, because the encoder cannot be loaded.
        """
        waiting = iter(tasks)
        running: dict[Future[Outcome], Task] = {}
        while True:
            while len(running) < self._n_workers * _N_QUEUED_PER_WORKER:
                task = next(waiting, None)
                if task is None:
                    break
                running[self._submit(task)] = task
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            suspects: deque[Task] = deque()
            for future in done:
                task = running.pop(future)
                if isinstance(future.exception(), BrokenProcessPool):
                    suspects.append(task)
                else:
                    yield task, _outcome(task, future)
            if suspects:
                # A process died; which file it had in hand is not known, so those in flight go again, one at a time.
                suspects.extend(running.values())
                running.clear()
                yield from self._read_alone(suspects)

    def call(self, function: Callable[..., Any], *arguments: object) -> Any:
        """Run a function in a worker process and wait for what it returns.

        Raises:
            CheckpointError: If the process died of it.
        """
        try:
            return self._handed_over(function, *arguments).result()
        except BrokenProcessPool as error:
            raise CheckpointError(f"the process that ran {function.__name__} died: it may lack memory") from error

    def _read_alone(self, suspects: Iterable[Task]) -> Iterator[tuple[Task, Outcome]]:
        self._stop()
        for task in suspects:
            future = self._submit(task)
            if isinstance(future.exception(), BrokenProcessPool):
                self._stop()
                yield task, Failure(readable_path(task.path), "reading it crashed the process that read it")
            else:
                yield task, _outcome(task, future)

    def _submit(self, task: Task) -> "Future[Outcome]":
        try:
            future: Future[Outcome] = self._handed_over(self._read, task)
        except BrokenProcessPool:
            # A process died since the last look; what it had in hand is told by the futures.
            self._stop()
            future = self._handed_over(self._read, task)
        return future

    def _handed_over(self, function: Callable[..., Any], *arguments: object) -> "Future[Any]":
        # The first call starts the processes. Until they have come to ignore a Ctrl-C it must not reach them, or each
        # dies of it with a traceback.
        with _interrupts_held_back():
            future: Future[Any] = self._started().submit(function, *arguments)
            return future

    def _started(self) -> loky.ProcessPoolExecutor:
        if self._executor is None:
            self._executor = loky.ProcessPoolExecutor(
                max_workers=self._n_workers,
                initializer=start_worker,
                initargs=(self._known_contents, os.getpid()),
                env=dict.fromkeys(_THREAD_COUNTS, "1") | _GROWTH_ALLOWED,
            )
        return self._executor

    def _stop(self) -> None:
        if self._executor is not None:
            # They hold nothing that counts, and asking torch to leave politely takes seconds.
            self._executor.shutdown(wait=True, kill_workers=True)
            self._executor = None


@contextlib.contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Let Ctrl-C wait: this process gets it afterwards, processes started meanwhile never do."""
    # Python starts this one along with the first lock, and lets the signal through again when it has: so it goes first.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def usable_cores() -> int:
    """Count the cores that this process may use, container limits included."""
    return max(1, int(loky.cpu_count()))


def _outcome(task: Task, future: "Future[Outcome]") -> Outcome:
    error = future.exception()
    if isinstance(error, SoundgrepError):
        raise error
    if error is not None:
        # Not foreseen, but no reason to lose the other files.
        _log.error("%s: reading it failed", readable_path(task.path), exc_info=error)
        return Failure(readable_path(task.path), f"reading it failed ({type(error).__name__}: {error})")
    return future.result()
