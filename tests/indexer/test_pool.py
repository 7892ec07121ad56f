"""Worker processes: a file that crashes or hangs one is a failure like any other."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from soundgrep.indexer.engines import worker
from soundgrep.indexer.engines.pool import Pool
from soundgrep.indexer.engines.worker import EmbeddedFile, Step, Task, read_file
from soundgrep.indexer.report import Failure
from soundgrep.model.errors import CheckpointError

from .sounds import write

READERS = """
import os, signal, time
from soundgrep.indexer.report import Failure
from soundgrep.indexer.engines.worker import Begun
from soundgrep.model.errors import CheckpointError

def crashing(task):
    yield Begun()
    if b"bad" in task.path:
        os.kill(os.getpid(), signal.SIGSEGV)
    yield Failure(task.path.decode(), "read")

def killed(task):
    yield Begun()
    if b"bad" in task.path:
        os.kill(os.getpid(), signal.SIGKILL)
    yield Failure(task.path.decode(), "read")

def hanging(task):
    yield Begun()
    if b"bad" in task.path:
        time.sleep(1000)
    yield Failure(task.path.decode(), "read")

def dividing(task):
    if b"bad" in task.path:
        raise ZeroDivisionError("of all things")
    yield Failure(task.path.decode(), "read")

def without_weights(task):
    raise CheckpointError("no weights")
    yield

def telling(task):
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    yield Failure("", f"{os.environ['OMP_NUM_THREADS']} {os.environ['MKL_NUM_THREADS']} {ignored}")

def greedy(task):
    try:
        bytearray(1 << 50 if b"bad" in task.path else 1)
        yield Failure(task.path.decode(), "read")
    except MemoryError:
        yield Failure(task.path.decode(), "too large")

def dying(number):
    os._exit(number)
"""

Steps = Callable[[Task], Iterator[Step]]


@pytest.fixture
def readers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Steps]:
    """Gives what reads a file in the processes, by name: they import it as this process does."""
    name = f"readers_{os.getpid()}"
    (tmp_path / f"{name}.py").write_text(READERS, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, name, raising=False)
    module = __import__(name)
    return lambda function: getattr(module, function)


def tasks(*names: bytes) -> list[Task]:
    return [Task(path=b"/" + name, encoder_source="", hop_s=1.0) for name in names]


def outcomes(pool: Pool, *names: bytes) -> dict[bytes, str]:
    read = [(task.path, outcome) for task, outcome in pool.read_files(tasks(*names))]
    assert len(read) == len(names)
    return {path: outcome.reason for path, outcome in read if isinstance(outcome, Failure)}


def with_two_bad_ones() -> list[bytes]:
    names = [b"%d" % number for number in range(12)]
    names[2:2] = [b"bad 1"]
    names[9:9] = [b"bad 2"]
    return names


@pytest.mark.parametrize("n_readers", [1, 3])
def test_a_file_that_crashes_its_process_takes_no_other_down(readers: Callable[[str], Steps], n_readers: int) -> None:
    names = with_two_bad_ones()
    with Pool(2, steps=readers("crashing"), n_readers=n_readers) as pool:
        found = outcomes(pool, *names)
    assert found == {
        b"/" + name: "reading it crashed the process that read it" if b"bad" in name else "read" for name in names
    }


def test_a_file_that_hangs_takes_no_other_down(readers: Callable[[str], Steps]) -> None:
    names = with_two_bad_ones()
    with Pool(2, steps=readers("hanging"), stall_s=2) as pool:
        found = outcomes(pool, *names)
    assert found == {b"/" + name: "reading it hung: no step in 2 s" if b"bad" in name else "read" for name in names}


def test_only_what_is_the_files_own_is_remembered(readers: Callable[[str], Steps]) -> None:
    """A crash is; that memory ran out, or a disk hung, or what nobody foresaw, is not."""
    for function, is_lasting in (("crashing", True), ("killed", False), ("hanging", False), ("dividing", False)):
        with Pool(1, steps=readers(function), stall_s=2) as pool:
            [(_, outcome)] = pool.read_files(tasks(b"bad"))
        assert isinstance(outcome, Failure)
        assert outcome.is_lasting is is_lasting, function


def test_a_file_that_takes_all_memory_fails_by_itself(readers: Callable[[str], Steps]) -> None:
    with Pool(1, steps=readers("greedy")) as pool:
        assert outcomes(pool, b"a", b"bad", b"b") == {b"/a": "read", b"/b": "read", b"/bad": "too large"}


def test_an_error_that_nobody_foresaw_is_told_and_the_rest_goes_on(
    readers: Callable[[str], Steps], caplog: pytest.LogCaptureFixture
) -> None:
    with Pool(1, steps=readers("dividing")) as pool, caplog.at_level(logging.ERROR):
        found = outcomes(pool, b"a", b"bad", b"b")
    assert found == {b"/a": "read", b"/b": "read", b"/bad": "reading it failed (ZeroDivisionError: of all things)"}
    assert "of all things" in caplog.text


def test_an_encoder_that_cannot_be_loaded_ends_the_run(readers: Callable[[str], Steps]) -> None:
    with Pool(1, steps=readers("without_weights")) as pool, pytest.raises(CheckpointError, match="no weights"):
        outcomes(pool, b"a", b"b")


def test_workers_compute_in_the_threads_they_are_given_and_leave_interrupts_to_the_parent(
    readers: Callable[[str], Steps],
) -> None:
    with Pool(1, steps=readers("telling")) as pool:
        assert outcomes(pool, b"a") == {b"/a": "1 1 True"}
    with Pool(1, steps=readers("telling"), n_threads=2) as pool:
        assert outcomes(pool, b"a") == {b"/a": "2 1 True"}


def test_a_function_is_called_in_a_process(readers: Callable[[str], Steps]) -> None:
    with Pool(1) as pool:
        assert pool.call(os.path.join, "a", "b") == "a/b"
        with pytest.raises(ValueError, match="invalid literal"):
            pool.call(int, "x")
        with pytest.raises(CheckpointError, match="the process that ran dying died: it may lack memory"):
            pool.call(readers("dying"), 3)
        assert pool.call(os.getpid) != os.getpid()


def test_no_process_is_left(readers: Callable[[str], Steps]) -> None:
    before = psutil.Process().children()
    with Pool(2, steps=readers("telling")) as pool:
        next(pool.read_files(tasks(b"a", b"b", b"c")))
        children = set(psutil.Process().children()) - set(before)
        assert len(children) >= 1
    assert not [child for child in children if child.is_running()]


@pytest.mark.parametrize(("n_workers", "n_threads", "n_readers"), [(1, 1, 1), (2, 1, 1), (1, 3, 2)])
def test_the_embeddings_are_those_of_one_file_after_the_other(
    n_workers: int, n_threads: int, n_readers: int, tmp_path: Path, tiny_checkpoint: Path
) -> None:
    paths = [write(tmp_path / f"{number}.wav", number, duration_s=0.4 + number) for number in range(6)]
    files = [Task(os.fsencode(path), str(tiny_checkpoint), hop_s=0.3) for path in paths]
    files.append(Task(os.fsencode(tmp_path / "missing.wav"), str(tiny_checkpoint), hop_s=0.3))
    with Pool(n_workers, n_threads=n_threads, n_readers=n_readers) as pool:
        found = dict(pool.read_files(files))
    assert set(found) == set(files)
    for task in files[:-1]:
        alone, together = read_file(task), found[task]
        assert isinstance(alone, EmbeddedFile)
        assert isinstance(together, EmbeddedFile)
        np.testing.assert_array_equal(together.embeddings, alone.embeddings)
        np.testing.assert_array_equal(together.start_s, alone.start_s)
        assert together.info == alone.info
        assert set(together.spent) == {"hash", "decode", "mel", "tower"}
        assert all(seconds >= 0 for seconds in together.spent.values())
    assert isinstance(found[files[-1]], Failure)
    assert worker.encoder_of(str(tiny_checkpoint)).embedding_dim == 32
