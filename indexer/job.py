"""A job: indexing or mapping in a process of its own, watched from this one and stopped at any time."""

from __future__ import annotations

import dataclasses
import subprocess
import threading
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Literal, cast

from ..model.child_process import start_child
from ..model.errors import UsageError
from ..model.paths import readable_path
from .report import Failure, IndexReport, Progress

if TYPE_CHECKING:
    from .maintenance.mapping import MapReport

N_FAILURES = 1_000
"""Failures that are remembered of a job that runs; its report has them all."""

State = Literal["running", "stopping", "done", "stopped", "failed"]

_CHILD = f"{__package__}.job_child"
_STOP_S = 10.0


@dataclass(frozen=True)
class IndexTask:
    """Sounds to index.

    Attributes:
        sources: Where they are, as `build_collection` takes it.
        collection: The collection's folder.
        encoder: What listens: a name or a folder; None for what made the collection.
        n_workers: Processes to read files with; None for one a core.
    """

    sources: tuple[str, ...]
    collection: str
    encoder: str | None = None
    n_workers: int | None = None

    def __str__(self) -> str:
        return f"indexing {', '.join(readable_path(source) for source in self.sources)}"


@dataclass(frozen=True)
class MapTask:
    """A collection to map.

    Attributes:
        collection: Its folder.
        method: As `map_collection` takes it.
        again: Whether to lay out everything anew.
    """

    collection: str
    method: str | None = None
    again: bool = False

    def __str__(self) -> str:
        return f"mapping {readable_path(self.collection)}"


Task = IndexTask | MapTask


@dataclass(frozen=True)
class JobStatus:
    """How a job is.

    Attributes:
        task: What it does.
        state: Whether it runs or how it ended.
        progress: How far indexing is; None before it has begun, and of other jobs.
        step: What is being done, in a word, of a job that is no indexing.
        share: What share of that is done.
        failures: Files that could not be indexed, the latest last, at most 1,000.
        report: What was done, once it is.
        error: Why it failed, in a sentence.
    """

    task: Task
    state: State = "running"
    progress: Progress | None = None
    step: str = "starting"
    share: float = 0.0
    failures: tuple[Failure, ...] = field(default=(), repr=False)
    report: IndexReport | MapReport | None = None
    error: str | None = None

    @property
    def is_running(self) -> bool:
        """Whether its process works."""
        return self.state in ("running", "stopping")


class Job:
    """A job that was started; when this process ends, it stops as if it had been told to.

    Args:
        task: What it does.

    Raises:
        OSError: If the system starts no more processes.
    """

    def __init__(self, task: Task) -> None:
        self._status = JobStatus(task)
        self._lock = threading.Lock()
        # What the page does comes first.
        self._process, self._connection = start_child(_CHILD, environment={"SOUNDGREP_NICE": "5"})
        self._connection.send(task)
        self._listening = threading.Thread(
            target=self._listen, args=(self._process, self._connection), name="soundgrep-job", daemon=True
        )
        self._listening.start()

    @property
    def status(self) -> JobStatus:
        """How it is now."""
        with self._lock:
            return self._status

    def stop(self) -> None:
        """Ask it to stop; what is done is kept, and `status` says when it has."""
        with self._lock:
            if self._status.state != "running":
                return
            self._status = dataclasses.replace(self._status, state="stopping")
        try:
            self._connection.send("stop")
        except OSError:
            return  # it has just ended

    def wait(self, timeout_s: float | None = None) -> JobStatus:
        """Wait until it has ended, or so long."""
        self._listening.join(timeout_s)
        return self.status

    def _listen(self, process: subprocess.Popen[bytes], connection: Connection) -> None:
        while True:
            try:
                kind, content = connection.recv()
            except (EOFError, OSError):
                break
            self._note(kind, content)
        connection.close()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        with self._lock:
            if self._status.is_running:  # it said no last word
                error = f"the process was ended from outside (exit code {process.returncode})"
                self._status = dataclasses.replace(self._status, state="failed", error=error)

    def _note(self, kind: str, content: object) -> None:
        with self._lock:
            now = self._status
            if kind == "progress" and isinstance(content, Progress):
                now = dataclasses.replace(now, progress=content)
            elif kind == "failure" and isinstance(content, Failure):
                now = dataclasses.replace(now, failures=(*now.failures, content)[-N_FAILURES:])
            elif kind == "step" and isinstance(content, tuple):
                now = dataclasses.replace(now, step=content[0], share=content[1])
            elif kind == "stopped":
                now = dataclasses.replace(now, state="stopped")
            elif kind == "error":
                now = dataclasses.replace(now, state="failed", error=str(content))
            elif kind == "report":
                report = cast("IndexReport | MapReport", content)
                failures = report.failures if isinstance(report, IndexReport) else ()
                now = dataclasses.replace(now, state="done", report=report, failures=failures)
            self._status = now


class Jobs:
    """The jobs of a process: one at a time. Threads may share it."""

    def __init__(self) -> None:
        self._latest: Job | None = None
        self._lock = threading.Lock()

    @property
    def latest(self) -> JobStatus | None:
        """How the latest job is; None if there was none."""
        job = self._latest
        return None if job is None else job.status

    def start(self, task: Task) -> None:
        """Start a job.

        Raises:
            UsageError: If another one runs, or the system starts no process.
        """
        with self._lock:
            latest = self.latest
            if latest is not None and latest.is_running:
                raise UsageError(f"one thing at a time: {latest.task} is still going on")
            try:
                self._latest = Job(task)
            except OSError as error:
                raise UsageError(f"no process can be started ({error.strerror or error})") from error

    def stop(self) -> None:
        """Ask the job that runs to stop, if one does."""
        if self._latest is not None:
            self._latest.stop()

    def wait(self, timeout_s: float | None = None) -> JobStatus | None:
        """Wait until the latest job has ended, or so long."""
        return None if self._latest is None else self._latest.wait(timeout_s)
