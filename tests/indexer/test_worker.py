"""Reading one file: what changes under the reader's hands, and what is known already."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from soundgrep.indexer.engines import worker
from soundgrep.indexer.engines.worker import EmbeddedFile, RecognisedFile, Task, read_file
from soundgrep.indexer.report import Failure
from soundgrep.model.encoders.encoder import Encoder

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


class Failing(io.BytesIO):
    """A file whose reading fails from a place on, or as soon as it is sought in after it was read to its end."""

    def __init__(self, content: bytes, error: Exception, *, from_byte: int, after_hashing: bool) -> None:
        super().__init__(content)
        self._error, self._from, self._is_sound = error, from_byte, after_hashing

    def read(self, size: int | None = -1) -> bytes:
        start = self.tell()
        block = super().read(-1 if size is None else size)
        if not self._is_sound and self.tell() > self._from:
            self.seek(start)
            raise self._error
        if not block:
            self._is_sound = False  # it has been hashed
        return block


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), TimeoutError(110, "timed out"), MemoryError()])
@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize("after_hashing", [True, False])
def test_a_reading_that_fails_is_never_remembered_and_never_half_heard(
    error: Exception,
    suffix: str,
    after_hashing: bool,
    tmp_path: Path,
    tiny_checkpoint: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, np.concatenate([sound(n) for n in range(20)]), 16_000)
    content = path.read_bytes()
    task = Task(os.fsencode(path), str(tiny_checkpoint), hop_s=1.0)
    whole = read_file(task)
    assert isinstance(whole, EmbeddedFile)
    n_failed = 0
    for share in (0, 0.001, 0.01, 0.3, 0.6, 0.95, 0.999):
        file = Failing(content, error, from_byte=int(share * len(content)), after_hashing=after_hashing)
        monkeypatch.setattr(worker, "open_clip", lambda path, span=None, file=file: file)
        outcome = read_file(task)
        if isinstance(outcome, EmbeddedFile):  # it was not needed to that place
            np.testing.assert_array_equal(outcome.embeddings, whole.embeddings)
            continue
        assert isinstance(outcome, Failure)
        assert not outcome.is_lasting, outcome
        n_failed += 1
    assert n_failed > 3
