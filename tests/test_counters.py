"""What a reader has to open stays as little as it is: see `counters.py`, which prints it."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import counters


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The files that indexing and searching enter."""
    collection = tmp_path_factory.mktemp("counted") / "c.soundgrep"
    sounds = [str(counters.ROOT / "data" / "demo" / name) for name in counters.SOUNDS]
    return {
        "index": counters.files_of_command("index", *sounds, str(collection)),
        "search": counters.files_of_command("search", str(collection), "glass", "breaking", "-k", "3"),
        "question": counters.files_of_question(Path(collection)),
    }


@pytest.mark.parametrize(("way", "most"), [("index", 57), ("search", 49), ("question", 21)])
def test_the_main_paths_enter_few_files(files: dict[str, list[str]], way: str, most: int) -> None:
    assert len(files[way]) <= most, files[way]


def test_a_question_enters_nothing_that_writes(files: dict[str, list[str]]) -> None:
    writers = ("indexer/", "search/index/building", "search/index/calibration", "search/index/buckets")
    for way in ("search", "question"):
        assert [path for path in files[way] if path.startswith(writers)] == []


def test_files_and_functions_are_of_a_size_to_read() -> None:
    assert counters.long_files() == []
    assert counters.long_functions() == ["indexer/build.py: build_collection"]


def test_modules_do_not_import_each_other() -> None:
    assert counters.circles() == [["soundgrep.model.encoders.family", "soundgrep.model.encoders.release"]]
