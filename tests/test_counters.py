"""What a reader has to open stays as little as it is: see `counters.py`, which prints it."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import counters


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("counted") / "c.soundgrep"


@pytest.fixture(scope="module")
def indexing(collection: Path) -> list[str]:
    """The files that indexing enters."""
    sounds = [str(counters.ROOT / "data" / "demo" / name) for name in counters.SOUNDS]
    return counters.files_of_command("index", *sounds, str(collection))[0]


@pytest.mark.usefixtures("indexing")
def test_a_search_enters_few_files_and_loads_nothing_that_writes(collection: Path) -> None:
    files, modules = counters.files_of_command("search", str(collection), "glass", "breaking", "-k", "3")
    assert len(files) <= 55, files
    writers = ("soundgrep.indexer", *(f"soundgrep.search.index.{name}" for name in counters.BUILDERS))
    assert [module for module in modules if module.startswith(writers)] == []
    question = counters.files_of_question(collection)
    assert len(question) <= 23, question


def test_indexing_enters_few_files(indexing: list[str]) -> None:
    assert len(indexing) <= 57, indexing


def test_files_and_functions_are_of_a_size_to_read() -> None:
    assert counters.long_files() == []
    assert counters.long_functions() == []


def test_modules_do_not_import_each_other() -> None:
    assert counters.circles() == []
