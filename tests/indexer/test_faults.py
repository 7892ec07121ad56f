"""Faults: what goes wrong around a run ends in one line, loses nothing, and is made good by the next run."""

from __future__ import annotations

import json
import os
import resource
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from soundgrep.indexer.maintenance.compact import compact_collection
from soundgrep.indexer.maintenance.verify import verify_collection
from soundgrep.model.errors import CollectionError
from soundgrep.search import Collection

from ..ui.command import SOUNDGREP, soundgrep, without_root_rights
from ..waiting import LONG_S
from .mutants import mutants
from .sounds import write, write_numbered
from .test_commits import contents

N_FILES = 12
MAX_MEMORY_BYTES = 1_500_000_000
# Builds, then says how much memory the largest of its processes took.
BUILD = """
import json, resource, sys
from soundgrep import build_collection
sounds, collection, encoder = sys.argv[1:]
report = build_collection(sounds, collection, encoder=encoder, n_workers=2)
peak_kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps({"report": report.to_json(), "peak_bytes": peak_kb * 1024}))
"""


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_numbered(tmp_path_factory.mktemp("faults") / "sounds", N_FILES)


@pytest.fixture(scope="module")
def done(sounds: Path, tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path) -> Path:
    """The collection as a run without faults makes it."""
    collection = tmp_path_factory.mktemp("done") / "c"
    index(sounds, collection, tiny_checkpoint)
    return collection


def index(sounds: Path, collection: Path, encoder: Path) -> None:
    said = soundgrep("index", sounds, collection, "--encoder", encoder, "--workers", "1")
    assert said.code == 0, said.err


def files_of_at_most(n_bytes: int) -> Callable[[], None]:
    """A disk that is full, as near as it gets without a disk: no file may grow above so many bytes."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, n_bytes))

    return limit


@pytest.mark.parametrize("n_bytes", [100, 2_000, 6_000])
def test_a_full_disk_ends_in_one_line_and_room_makes_it_good(
    n_bytes: int, sounds: Path, done: Path, tmp_path: Path, tiny_checkpoint: Path
) -> None:
    collection = tmp_path / "c"
    said = soundgrep(
        "index", sounds, collection, "--encoder", tiny_checkpoint, "--workers", "1", before=files_of_at_most(n_bytes)
    )
    assert said.code == 1
    # A thread of the table format's may have a word before; the sentence is ours.
    sentence = said.err.splitlines()[-1]
    assert sentence.startswith(f"soundgrep: {collection}"), said.err
    assert "Traceback" not in said.err
    index(sounds, collection, tiny_checkpoint)
    assert contents(collection) == contents(done)


def test_a_disk_that_fills_up_later_leaves_what_was_there(
    sounds: Path, done: Path, tmp_path: Path, tiny_checkpoint: Path
) -> None:
    collection, more = shutil.copytree(done, tmp_path / "c"), tmp_path / "more"
    for number in range(3):
        write(more / f"{number}.wav", 50 + number)
    said = soundgrep("index", more, collection, "--workers", "1", before=files_of_at_most(2_000))
    assert said.code == 1
    assert contents(collection) == contents(done)
    assert verify_collection(collection).is_sound


def test_a_collection_that_cannot_be_written_can_be_read_and_checked(
    sounds: Path, done: Path, tmp_path: Path, tiny_checkpoint: Path
) -> None:
    collection = shutil.copytree(done, tmp_path / "c")
    for path in (collection, *collection.rglob("*")):
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    try:
        for command in (["index", sounds, collection], ["compact", collection]):
            assert "(Permission denied)" in soundgrep(*command, before=without_root_rights).mistake()
        assert soundgrep("verify", collection, before=without_root_rights).code == 0
        assert soundgrep("search", collection, "a bell", before=without_root_rights).code == 0
    finally:
        for path in (collection, *collection.rglob("*")):
            path.chmod(path.stat().st_mode | stat.S_IWUSR)


def test_a_damaged_collection_is_refused_not_emptied(
    sounds: Path, done: Path, tmp_path: Path, tiny_checkpoint: Path
) -> None:
    collection = shutil.copytree(done, tmp_path / "c")
    next((collection / "encodings" / "tiny" / "segments").glob("*.parquet")).unlink()
    with pytest.raises(CollectionError, match="is missing"):
        compact_collection(collection, keep_hours=0)
    assert Collection.open(collection).n_clips == N_FILES
    assert verify_collection(collection, repair=True).is_sound
    index(sounds, collection, tiny_checkpoint)
    assert contents(collection) == contents(done)


def check_mutants(n: int, folder: Path, encoder: Path) -> None:
    """Index mutated files: each is indexed or reported, no process is lost, and memory stays within bounds."""
    sounds = folder / "sounds"
    sounds.mkdir()
    for name, data in mutants(n, seed=7):
        (sounds / name).write_bytes(data)
    run = subprocess.run(
        [sys.executable, "-c", BUILD, str(sounds), str(folder / "c"), str(encoder)],
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert run.returncode == 0, run.stderr
    said = json.loads(run.stdout)
    report = said["report"]
    assert report["n_clips"] + len(report["failures"]) == n
    assert len(report["failures"]) > n // 4
    assert report["n_clips"] > n // 8
    assert all("crashed" not in failure["reason"] for failure in report["failures"]), report["failures"]
    assert all(failure["reason"] and "\n" not in failure["reason"] for failure in report["failures"])
    assert said["peak_bytes"] < MAX_MEMORY_BYTES
    assert verify_collection(folder / "c").is_sound
    assert Collection.open(folder / "c").n_clips == report["n_clips"]


def test_forty_mutated_files(tmp_path: Path, tiny_checkpoint: Path) -> None:
    check_mutants(40, tmp_path, tiny_checkpoint)


@pytest.mark.long
def test_two_hundred_mutated_files(tmp_path: Path, tiny_checkpoint: Path) -> None:
    check_mutants(200, tmp_path, tiny_checkpoint)


@pytest.mark.long
def test_a_small_disk_of_its_own_that_is_full(sounds: Path, done: Path, tmp_path: Path, tiny_checkpoint: Path) -> None:
    """A real file system of a few sizes, each too small: it fills at another step of the run."""
    disk, failed = tmp_path / "disk", 0
    disk.mkdir()
    for n_kb in (8, 16, 24, 32, 48, 64, 96, 4_096):
        script = f"""
        mount -t tmpfs -o size={n_kb}k tmpfs {disk} || exit 77
        {SOUNDGREP} index {sounds} {disk}/c --encoder {tiny_checkpoint} --workers 1; code=$?
        mount -o remount,size=64m {disk} &&
        {SOUNDGREP} index {sounds} {disk}/c --encoder {tiny_checkpoint} --workers 1 &&
        cp -r {disk}/c {tmp_path}/{n_kb} && exit $code || exit 99
        """
        run = subprocess.run(
            ["unshare", "--mount", "--map-root-user", "sh", "-c", script], capture_output=True, text=True, check=False
        )
        if run.returncode == 77:
            pytest.skip("file systems cannot be mounted here")
        assert run.returncode in (0, 1, 2), run.stderr
        failed += run.returncode != 0
        assert "Traceback" not in run.stderr
        assert contents(tmp_path / str(n_kb)) == contents(done)
    assert 2 <= failed <= 7
