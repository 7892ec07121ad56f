"""Runs that end before they are done: killed, interrupted, and taken up again."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from soundgrep import build_collection
from soundgrep.indexer.maintenance.verify import verify_collection
from soundgrep.search import Collection

from ..waiting import wait_until
from .sounds import sound, write, write_numbered

N_FILES = 40
# Commits after every file, and says so: the run is ended somewhere between two of them.
RUN = """
import sys
from soundgrep import build_collection
from soundgrep.indexer import encoder_pass
encoder_pass._COMMIT_EVERY_S = encoder_pass._COMMIT_SHARE = 0
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


def kill_run(n_done: int, extra_s: float, sounds: Path, collection: Path, encoder: Path) -> int:
    """Start a run, kill it some time after it has read so many files, and tell how many it had read."""
    command = [sys.executable, "-c", RUN, str(sounds), str(collection), str(encoder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [0]
        while n_done and said[-1] < n_done and (line := process.stdout.readline()):
            said.append(int(line))
        time.sleep(extra_s)
        process.kill()
        return max(said + [int(line) for line in process.communicate()[0].split()])


def rows(collection: Path) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """All rows in a fixed order, embeddings bit for bit, less the time at which they were written."""
    opened = Collection.open(collection)
    clips = opened.sql("SELECT * EXCLUDE (indexed_at) FROM clips ORDER BY clip_id").to_pylist()
    segments = opened.sql("SELECT * FROM segments ORDER BY segment_id").to_pylist()
    for row in segments:
        row["embedding"] = np.array(row["embedding"], np.float32).tobytes()
    return clips, segments


def wait_for_the_end_of(processes: set[int]) -> None:
    wait_until(
        lambda: not any(psutil.pid_exists(process) for process in processes), "worker processes outlive their parent"
    )


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_numbered(tmp_path_factory.mktemp("killed") / "sounds", N_FILES)


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
    assert done.manifest.encoding.index is not None
    assert {hit.score > 0.9999 for n in range(N_FILES) for hit in done.search(audio=sound(n), k=1)} == {True}
    wait_for_the_end_of(workers)


@pytest.mark.long
def test_twenty_kills_at_any_instant_change_nothing(tmp_path: Path, tiny_checkpoint: Path) -> None:
    sounds, collection, n_files, n_kills, n_recomputed = tmp_path / "sounds", tmp_path / "c", 150, 24, []
    for number in range(n_files):
        write(sounds / f"{number:03d}.wav", number, duration_s=0.5 + number % 5)
    build_collection(sounds, tmp_path / "whole", encoder=str(tiny_checkpoint), n_workers=1)
    rng, n_before = np.random.default_rng(3), 0
    for number in range(n_kills):
        # Some while it starts, most while it reads and writes, the last while it builds the index or just before.
        is_last = number >= n_kills - 4
        n_done = n_files - n_before if is_last else int(rng.integers(0, 12))
        extra_s = rng.uniform(0, 0.5 if n_done else 4)
        n_read = kill_run(n_done, extra_s, sounds, collection, tiny_checkpoint)
        n_now = Collection.open(collection).n_clips if (collection / "manifest.json").exists() else 0
        n_recomputed.append(n_read - (n_now - n_before))
        assert n_now >= n_before
        assert not n_now or verify_collection(collection).problems == ()
        n_before = n_now
    report = build_collection(sounds, collection, encoder=str(tiny_checkpoint))
    assert (report.n_unchanged, report.n_clips) == (n_before, n_files)
    assert rows(collection) == rows(tmp_path / "whole")
    assert verify_collection(collection).problems == ()
    # Batches of a file or two here: one is being written and one gathered.
    assert max(n_recomputed) <= 4, n_recomputed
