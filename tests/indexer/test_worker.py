"""Reading one file: what changes under the reader's hands, and what is known already."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from soundgrep.indexer.engines import worker
from soundgrep.indexer.engines.worker import EmbeddedFile, RecognisedFile, Task, read_file
from soundgrep.indexer.report import Failure
from soundgrep.model.encoder import Encoder

from .sounds import sound, write


@pytest.fixture
def task(tmp_path: Path, tiny_checkpoint: Path) -> Task:
    return Task(os.fsencode(write(tmp_path / "a.wav", 1)), str(tiny_checkpoint), hop_s=1.0)


@pytest.fixture
def disturbed(monkeypatch: pytest.MonkeyPatch, task: Task) -> list[int]:
    """Writes the file anew each time it is embedded, for as long as there are numbers in this list."""
    numbers: list[int] = []

    class Disturbed(Encoder):
        def embed_audio(self, waveforms: list[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
            if numbers:
                write(Path(os.fsdecode(task.path)), numbers.pop(), duration_s=0.3 + len(numbers) / 10)
            return super().embed_audio(waveforms)

    encoder = Disturbed.from_pretrained(task.encoder_source)
    monkeypatch.setattr(worker, "encoder_of", lambda source: encoder)
    return numbers


def test_a_file_is_hashed_by_its_bytes_and_embedded(task: Task) -> None:
    file = read_file(task)
    assert isinstance(file, EmbeddedFile)
    content = Path(os.fsdecode(task.path)).read_bytes()
    assert file.state.content_hash == hashlib.blake2b(content, digest_size=16).hexdigest()
    assert file.embeddings.shape == (1, 32)
    assert (file.start_s.tolist(), file.end_s.tolist()) == ([0], [0.5])


def test_a_file_that_changed_while_it_was_read_is_read_again(task: Task, disturbed: list[int]) -> None:
    disturbed[:] = [2]
    file = read_file(task)
    assert isinstance(file, EmbeddedFile)
    assert not disturbed
    written = Path(os.fsdecode(task.path))
    assert file.state.content_hash == hashlib.blake2b(written.read_bytes(), digest_size=16).hexdigest()
    assert (file.state.size_bytes, file.state.mtime_ns) == (written.stat().st_size, written.stat().st_mtime_ns)
    assert file.info.duration_s == pytest.approx(0.3)


def test_a_file_that_changes_all_the_time_is_a_failure(task: Task, disturbed: list[int]) -> None:
    disturbed[:] = range(10)
    assert read_file(task) == Failure(os.fsdecode(task.path), "it changes while it is being read", is_lasting=False)


def test_a_file_that_vanished_is_a_failure(task: Task) -> None:
    Path(os.fsdecode(task.path)).unlink()
    reason = "cannot be read (No such file or directory)"
    assert read_file(task) == Failure(os.fsdecode(task.path), reason, is_lasting=False)


def test_a_file_of_known_content_is_not_embedded(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    content = Path(os.fsdecode(task.path)).read_bytes()
    known = hashlib.blake2b(content, digest_size=16).hexdigest()
    monkeypatch.setattr(worker, "_known_contents", frozenset({known}))
    monkeypatch.setattr(Encoder, "load_audio_tower", None)  # would fail if it were asked
    file = read_file(task)
    assert isinstance(file, RecognisedFile)
    assert file.state.content_hash == known


def test_the_loudest_file_that_is_taken_has_an_embedding(tmp_path: Path, tiny_checkpoint: Path) -> None:
    path = tmp_path / "loud.wav"
    soundfile.write(path, sound(1) * np.float32(1e12), 8_000, subtype="FLOAT")  # is resampled too
    file = read_file(Task(os.fsencode(path), str(tiny_checkpoint), hop_s=1.0))
    assert isinstance(file, EmbeddedFile)
    assert np.isfinite(file.embeddings).all()
    assert file.peak_dbfs is not None
    assert file.peak_dbfs > 220
