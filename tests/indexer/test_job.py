"""Jobs: indexing and mapping in a process of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from soundgrep.indexer.job import IndexTask, Jobs, JobStatus, MapTask
from soundgrep.model.errors import UsageError
from soundgrep.search import Collection
from soundgrep.search.map import has_map

from ..waiting import LONG_S, wait_until
from .sounds import write


def until(jobs: Jobs, holds: Callable[[JobStatus], object]) -> JobStatus:
    """Waits for a job to come as far as that."""
    wait_until(lambda: jobs.latest is not None and holds(jobs.latest), "the job never came as far")
    assert jobs.latest is not None
    return jobs.latest


def children() -> set[psutil.Process]:
    return {child for child in psutil.Process().children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE}


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    folder = tmp_path / "sounds"
    folder.mkdir()
    for number in range(6):
        write(folder / f"{number}.wav", number)
    (folder / "broken.wav").write_bytes(b"RIFF\x00\x00\x00\x00WAVE")
    return folder


def test_a_folder_is_indexed_and_mapped(sounds: Path, tmp_path: Path, tiny_checkpoint: Path) -> None:
    collection = tmp_path / "made.soundgrep"
    jobs = Jobs()
    assert jobs.latest is None
    jobs.start(IndexTask((str(sounds),), str(collection), encoder=str(tiny_checkpoint), n_workers=1))
    with pytest.raises(UsageError, match=r"one thing at a time: indexing .*sounds is still going on"):
        jobs.start(MapTask(str(collection)))
    status = jobs.wait(LONG_S)
    assert status is not None
    assert (status.state, status.error) == ("done", None)
    assert status.report is not None
    assert status.report.n_clips == 6
    assert status.progress is not None
    assert (status.progress.n_done, status.progress.n_total) == (7, 7)
    assert [Path(failure.path).name for failure in status.failures] == ["broken.wav"]
    jobs.start(MapTask(str(collection), method="pca"))
    status = jobs.wait(LONG_S)
    assert status is not None
    assert status.state == "done"
    assert has_map(Collection.open(collection))


def test_a_job_that_is_stopped_keeps_what_it_did(sounds: Path, tmp_path: Path, tiny_checkpoint: Path) -> None:
    for number in range(400):
        write(sounds / f"more{number}.wav", 10 + number)
    collection, before = tmp_path / "made.soundgrep", children()
    jobs = Jobs()
    jobs.start(IndexTask((str(sounds),), str(collection), encoder=str(tiny_checkpoint), n_workers=1))
    until(jobs, lambda status: status.progress is not None and status.progress.n_done >= 5)
    jobs.stop()
    status = jobs.wait(LONG_S)
    assert status is not None
    assert status.state == "stopped"
    assert 0 < Collection.open(collection).n_clips < 406
    assert children() <= before


def test_what_goes_wrong_is_said(sounds: Path, tmp_path: Path) -> None:
    jobs = Jobs()
    jobs.start(IndexTask((str(tmp_path / "nothing"),), str(tmp_path / "made.soundgrep")))
    status = jobs.wait(LONG_S)
    assert status is not None
    assert status.state == "failed"
    assert status.error is not None
    assert "nothing" in status.error
    jobs.start(MapTask(str(tmp_path / "made.soundgrep")))
    until(jobs, lambda status: status.state == "failed" and "no such collection" in str(status.error))


def test_a_job_that_is_killed_is_told(sounds: Path, tmp_path: Path, tiny_checkpoint: Path) -> None:
    jobs, before = Jobs(), children()
    jobs.start(IndexTask((str(sounds),), str(tmp_path / "made.soundgrep"), encoder=str(tiny_checkpoint)))
    for child in children() - before:
        child.kill()
    status = jobs.wait(LONG_S)
    assert status is not None
    assert status.state == "failed"
    assert "ended from outside" in str(status.error)
