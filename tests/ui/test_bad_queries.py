"""What an engine is asked that it cannot answer: one sentence in the shell, and nothing lost."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from .command import soundgrep
from .conftest import Indexed
from .sounds import GOOD


@pytest.fixture
def embeddings(tmp_path: Path) -> Path:
    """Files that hold no embedding of the collection."""
    np.save(tmp_path / "nan.npy", np.full(32, np.nan, np.float32))
    np.save(tmp_path / "zero.npy", np.zeros(32, np.float32))
    np.save(tmp_path / "short.npy", np.ones(3, np.float32))
    np.save(tmp_path / "matrix.npy", np.ones((2, 32), np.float32))
    np.save(tmp_path / "objects.npy", np.array([{}], object), allow_pickle=True)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "nan.npy").read_bytes()[:90])
    (tmp_path / "words.json").write_text('{"embedding": [1, 2]}')
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "nan.json").write_text(json.dumps([float("nan")] * 32))
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        "nan.npy", "zero.npy", "matrix.npy", "objects.npy", "cut.npy", "words.json", "deep.json", "nan.json",
        "none.npy", "",
    ],
)  # fmt: skip
def test_a_file_that_holds_no_embedding(indexed: Indexed, embeddings: Path, name: str) -> None:
    sentence = soundgrep("search", indexed.collection, "--embedding", embeddings / name).mistake()
    assert sentence.startswith(f"{embeddings / name}: ")


def test_an_embedding_of_another_dimension(indexed: Indexed, embeddings: Path) -> None:
    sentence = soundgrep("search", indexed.collection, "--embedding", embeddings / "short.npy").mistake()
    assert "(3,)" in sentence
    assert "(32,)" in sentence


def test_texts_of_any_length(indexed: Indexed) -> None:
    assert "empty" in soundgrep("search", indexed.collection, "").mistake()
    assert "empty" in soundgrep("search", indexed.collection, "  ").mistake()
    long = soundgrep("search", indexed.collection, "rain and wind " * 715, "-k", "2")
    assert (long.code, len(long.lines)) == (0, 2)
    assert long.err.count("\n") <= 1


def test_more_hits_than_there_are_clips(indexed: Indexed) -> None:
    every = soundgrep("search", indexed.collection, "rain", "-k", "1000000000")
    assert (every.code, len(every.lines), every.err) == (0, len(GOOD), "")


@pytest.mark.parametrize(
    "where",
    [
        "duration_s >",
        "no_such_column = 1",
        "true; DELETE FROM clips",
        "path IN (DELETE FROM clips RETURNING path)",
        "EXISTS (SELECT 1 FROM read_text('/etc/passwd'))",
        "EXISTS (FROM '/etc/passwd')",
        "EXISTS (FROM glob('/*'))",
        "getenv('HOME') = '/root'",
        "duration_s < (SELECT sum(duration_s) OVER () FROM nowhere)",
    ],
)
def test_a_filter_that_is_none(indexed: Indexed, where: str) -> None:
    assert "the filter " in soundgrep("search", indexed.collection, "rain", "--where", where).mistake()


@pytest.mark.parametrize("damage", ["missing", "cut", "another"])
def test_an_index_that_cannot_be_used_is_said_and_rebuilt(indexed: Indexed, tmp_path: Path, damage: str) -> None:
    """Missing, cut short, or of another generation than the tables."""
    collection = shutil.copytree(indexed.collection, tmp_path / "copy.soundgrep")
    arguments = ["search", collection, "--audio", indexed.sounds / "tone.wav", "-k", "3"]
    whole = soundgrep(*arguments)
    (generation,) = (place for place in (collection / "encodings" / "tiny" / "index").iterdir() if place.is_dir())
    if damage == "missing":
        shutil.rmtree(generation)
    elif damage == "cut":
        file = generation / "embeddings.faiss"
        file.write_bytes(file.read_bytes()[:-100])
    else:
        ids = generation / "segment_ids.npy"
        np.save(ids, np.load(ids)[:-1])
    found = soundgrep(*arguments)
    assert (found.code, found.out) == (0, whole.out), "exact, and the same"
    assert found.err.startswith("soundgrep: note: ")
    assert "exactly and more slowly" in found.err
    assert found.err.count("\n") == 1
    assert soundgrep("verify", collection).code == 3
    assert soundgrep("verify", collection, "--repair").code == 0
    mended = soundgrep(*arguments)
    assert (mended.code, mended.out, mended.err) == (0, whole.out, "")
    assert soundgrep("verify", collection).code == 0


@pytest.mark.parametrize(
    ("text", "noted"), [("собака лает", True), ("犬が吠えている", True), ("größerer Hund", False), ("dog 犬", False)]
)
def test_a_text_in_other_letters_gets_a_note(indexed: Indexed, text: str, noted: bool) -> None:
    said = soundgrep("search", indexed.collection, text, "--json")
    assert said.code == 0
    assert json.loads(said.out)
    assert ("ask in English" in said.err) == noted
