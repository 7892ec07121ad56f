"""Runs that end before they are done: killed, interrupted, and taken up again."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from soundgrep import build_collection
from soundgrep.search import Collection

from .sounds import sound, write

N_FILES = 40
# Commits after every file, and says so: the run is ended somewhere between two of them.
RUN = """
import sys
from soundgrep import build_collection
from soundgrep.indexer import run
run._COMMIT_EVERY_S = run._COMMIT_SHARE = 0
sounds, collection, encoder = sys.argv[1:]
build_collection(sounds, collection, encoder=encoder, n_workers=1, progress=lambda p: print(p.n_done, flush=True))
"""


def run_until(n_done: int, sounds: Path, collection: Path, encoder: Path, *, then: signal.Signals) -> set[int]:
    """Start a run, end it after some files, and give the processes that it had started."""
    command = [sys.executable, "-c", RUN, str(sounds), str(collection), str(encoder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= n_done:
                break
        children = {child.pid for child in psutil.Process(process.pid).children()}
        process.send_signal(then)
        process.communicate()
        assert process.returncode != 0
    return children


def wait_for_the_end_of(processes: set[int]) -> None:
    deadline_s = time.monotonic() + 60
    while any(psutil.pid_exists(process) for process in processes):
        assert time.monotonic() < deadline_s, "worker processes outlive their parent"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed") / "sounds"
    for number in range(N_FILES):
        write(folder / f"{number:02d}.wav", number)
    return folder


def test_a_run_that_is_killed_is_taken_up_where_it_was(sounds: Path, tmp_path: Path, tiny_checkpoint: Path) -> None:
    collection = tmp_path / "c"
    workers = run_until(15, sounds, collection, tiny_checkpoint, then=signal.SIGKILL)
    assert workers
    killed = Collection.open(collection)
    n_kept = killed.n_clips
    assert 10 <= n_kept < N_FILES
    # What is there is found, though no index was written.
    number = int(Path(killed.sql("SELECT path FROM clips").to_pylist()[0]["path"]).stem)
    assert Path(killed.search(audio=sound(number), k=1)[0].path).stem == f"{number:02d}"

    workers |= run_until(15, sounds, collection, tiny_checkpoint, then=signal.SIGINT)
    n_interrupted = Collection.open(collection).n_clips
    assert n_interrupted > n_kept

    report = build_collection(sounds, collection, encoder=str(tiny_checkpoint))
    assert report.n_unchanged == n_interrupted
    assert report.n_added == N_FILES - n_interrupted
    assert report.n_clips == report.n_segments == N_FILES
    done = Collection.open(collection)
    assert done.manifest.index is not None
    assert {hit.score > 0.9999 for n in range(N_FILES) for hit in done.search(audio=sound(n), k=1)} == {True}
    wait_for_the_end_of(workers)
