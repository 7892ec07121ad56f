"""Worker processes: a file that kills one is a failure like any other."""

from __future__ import annotations

import os
import signal

import pytest

from soundgrep.indexer.pool import Outcome, Pool
from soundgrep.indexer.report import Failure
from soundgrep.indexer.worker import Task
from soundgrep.model.errors import CheckpointError


def tasks(*names: bytes) -> list[Task]:
    return [Task(path=b"/" + name, encoder_source="", hop_s=1.0) for name in names]


def outcomes(pool: Pool, *names: bytes) -> dict[bytes, str]:
    read = [(task.path, outcome) for task, outcome in pool.read_files(tasks(*names))]
    assert len(read) == len(names)
    return {path: outcome.reason for path, outcome in read if isinstance(outcome, Failure)}


def test_a_file_that_kills_its_process_takes_no_other_down() -> None:
    def read(task: Task) -> Outcome:
        if b"bad" in task.path:
            os.kill(os.getpid(), signal.SIGSEGV)
        return Failure(task.path.decode(), "read")

    names = [b"%d" % number for number in range(12)]
    names[2:2] = [b"bad 1"]
    names[9:9] = [b"bad 2"]
    with Pool(2, read=read) as pool:
        found = outcomes(pool, *names)
    assert found == {
        b"/" + name: "reading it crashed the process that read it" if b"bad" in name else "read" for name in names
    }


def test_an_error_that_nobody_foresaw_is_told_and_the_rest_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    def read(task: Task) -> Outcome:
        if b"bad" in task.path:
            raise ZeroDivisionError("of all things")
        return Failure(task.path.decode(), "read")

    with Pool(1, read=read) as pool:
        found = outcomes(pool, b"a", b"bad", b"b")
    assert found == {b"/a": "read", b"/b": "read", b"/bad": "reading it failed (ZeroDivisionError: of all things)"}
    assert "of all things" in caplog.text


def test_an_encoder_that_cannot_be_loaded_ends_the_run() -> None:
    def read(task: Task) -> Outcome:
        raise CheckpointError("no weights")

    with Pool(1, read=read) as pool, pytest.raises(CheckpointError, match="no weights"):
        outcomes(pool, b"a", b"b")


def test_workers_compute_in_one_thread_and_leave_interrupts_to_the_parent() -> None:
    def read(task: Task) -> Outcome:
        ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        return Failure("", f"{os.environ['OMP_NUM_THREADS']} {os.environ['MKL_NUM_THREADS']} {ignored}")

    with Pool(1, read=read) as pool:
        assert outcomes(pool, b"a") == {b"/a": "1 1 True"}
