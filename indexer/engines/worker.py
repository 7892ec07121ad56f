"""The worker: one file to embeddings, step by step, wherever it runs."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from ...model.audio.clip_files import Span, clip_state, open_clip
from ...model.audio.clip_state import ClipState
from ...model.audio.decoding import AudioInfo, AudioStream
from ...model.audio.indexed_clip import HASH_BYTES
from ...model.audio.segments import SegmentCutter, Waveform
from ...model.encoders.encoder import Encoder
from ...model.encoders.loading import loading_encoder
from ...model.errors import AudioError, AudioReadError
from ...model.paths import readable_path
from ..report import Failure

_HASH_BLOCK_BYTES = 1 << 20
_N_READINGS = 2

_known_contents: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Task:
    """A file to read.

    Attributes:
        path: Its absolute path, exact bytes.
        encoder_source: Folder of the encoder's checkpoint.
        hop_s: Distance between the starts of neighbouring segments.
        span: First byte and number of bytes of a member of an archive; None for all others.
    """

    path: bytes
    encoder_source: str
    hop_s: float
    span: Span | None = None


@dataclass(frozen=True)
class FileState:
    """A file as it was when it was read.

    Attributes:
        size_bytes: Its size.
        mtime_ns: When it was last written.
        content_hash: Hash of its bytes.
    """

    size_bytes: int
    mtime_ns: int
    content_hash: str


@dataclass(frozen=True)
class RecognisedFile:
    """A file whose content the collection has embeddings of already."""

    state: FileState


@dataclass(frozen=True)
class EmbeddedFile:
    """A file that was decoded and embedded.

    Attributes:
        state: The file.
        info: What it says of its sound.
        rms_dbfs: Root mean square, dB of full scale; None for digital silence.
        peak_dbfs: Largest magnitude, dB of full scale; None for digital silence.
        start_s: Start of each segment [n], float64.
        end_s: End of each segment [n], float64, at most the duration.
        embeddings: [n, embedding_dim], float32, unit rows; none yet where the file was only read.
        spent: Seconds of work by stage: "hash", "decode", "mel", "tower".
    """

    state: FileState
    info: AudioInfo
    rms_dbfs: float | None
    peak_dbfs: float | None
    start_s: npt.NDArray[np.float64]
    end_s: npt.NDArray[np.float64]
    embeddings: npt.NDArray[np.float32]
    spent: Mapping[str, float] = field(default_factory=dict)

    def embedded(self, embeddings: npt.NDArray[np.float32], spent: Mapping[str, float] | None = None) -> EmbeddedFile:
        """The file with its embeddings, and the seconds that they took."""
        return dataclasses.replace(self, embeddings=embeddings, spent={**self.spent, **(spent or {})})


@dataclass(frozen=True)
class Begun:
    """A file is being read from its start: what was read of it before does not count."""


@dataclass(frozen=True)
class Alive:
    """The reading of a file goes on, though nothing came of it yet."""


@dataclass(frozen=True)
class Segments:
    """The next segments of a file [n][segment_samples], the last one of a short file shorter."""

    waveforms: list[Waveform]


Step = Begun | Alive | Segments | EmbeddedFile | RecognisedFile | Failure


def read_steps(task: Task) -> Iterator[Step]:
    """Hash, decode and segment a file, in bounded memory: all but the embedding.

    Args:
        task: The file.

    Yields:
        `Begun` and `Segments` as it goes, then one outcome: an `EmbeddedFile` without embeddings, or only the state of
        a file whose content is known, or why it cannot be used.

    Raises:
        CheckpointError: If the encoder's configuration cannot be read.
    """
    name = readable_path(task.path)
    encoder_of(task.encoder_source)  # what goes wrong with it is not the file's
    try:
        for _ in range(_N_READINGS):
            yield Begun()
            before = clip_state(task.path)
            with open_clip(task.path, span=task.span) as file:
                outcome = yield from _decoded(task, file, before)
            if clip_state(task.path) == before:
                yield outcome
                return
    except OSError as error:
        yield Failure(name, f"cannot be read ({error.strerror or error})", is_lasting=False)
    except AudioError as error:
        is_lasting = not isinstance(error, AudioReadError)
        yield Failure(name, str(error).removeprefix(f"{name}: "), is_lasting=is_lasting)
    except MemoryError:
        yield Failure(name, "it takes more memory than there is", is_lasting=False)
    else:
        yield Failure(name, "it changes while it is being read", is_lasting=False)


def read_file(task: Task) -> EmbeddedFile | RecognisedFile | Failure:
    """Hash, decode, segment and embed a file.

    Args:
        task: The file.

    Returns:
        Its embeddings, or only its state if its content is known, or why it cannot be used.

    Raises:
        CheckpointError: If the encoder cannot be loaded.
    """
    rows: list[npt.NDArray[np.float32]] = []
    for step in read_steps(task):
        if isinstance(step, Begun):
            rows = []
        elif isinstance(step, Segments):
            rows.append(encoder_of(task.encoder_source).embed_audio(step.waveforms))
        elif isinstance(step, EmbeddedFile):
            return step.embedded(np.concatenate(rows))
        elif not isinstance(step, Alive):
            return step
    raise RuntimeError("the steps of a file end with its outcome")


def embed_texts(encoder_source: str, texts: list[str]) -> npt.NDArray[np.float32]:
    """Embed texts in a process whose files are read: both towers of the full size are more than a small machine has.

    Args:
        encoder_source: Folder of the encoder's checkpoint.
        texts: Descriptions of sounds.

    Returns:
        Embeddings [n, embedding_dim], float32, unit rows.
    """
    encoder = encoder_of(encoder_source)
    encoder.release_audio_tower()
    return encoder.embed_text(texts)


@functools.cache
def encoder_of(source: str) -> Encoder:
    """The encoder of a folder, the same at every call."""
    with loading_encoder(source):
        return Encoder.from_pretrained(source)


def set_known_contents(known_contents: frozenset[str]) -> None:
    """Say which contents, by their hashes, need no embedding in this process because the collection has them."""
    global _known_contents
    _known_contents = known_contents


def _decoded(task: Task, file: BinaryIO, before: ClipState) -> Generator[Step, None, EmbeddedFile | RecognisedFile]:
    """Hash a file and cut it into segments; what it returns is the outcome."""
    clock = _Clock()
    content_hash = yield from _hashed(file)
    clock.tick("hash")
    size_bytes = before.size_bytes if task.span is None else task.span[1]
    state = FileState(size_bytes, before.mtime_ns, content_hash)
    if content_hash in _known_contents:
        return RecognisedFile(state)
    encoder = encoder_of(task.encoder_source)
    rate_hz, size = encoder.sampling_rate_hz, encoder.segment_samples
    cutter = SegmentCutter(segment_samples=size, hop_samples=max(1, min(size, round(task.hop_s * rate_hz))))
    stream = AudioStream(task.path, sampling_rate_hz=rate_hz, file=file)
    for block in stream.blocks():
        waveforms = cutter.add(block)
        clock.tick("decode")
        yield Segments(waveforms) if waveforms else Alive()
        clock.skip()
    clock.tick("decode")
    rest = cutter.finish()
    if rest:
        yield Segments(rest)
    start_s = np.array(cutter.starts, np.float64) / rate_hz
    return EmbeddedFile(
        state=state,
        info=dataclasses.replace(stream.info, tags=dict(stream.info.tags)),
        rms_dbfs=stream.rms_dbfs,
        peak_dbfs=stream.peak_dbfs,
        start_s=start_s,
        end_s=np.minimum(start_s + size / rate_hz, stream.info.duration_s),
        embeddings=np.zeros((0, encoder.embedding_dim), np.float32),
        spent=clock.spent,
    )


def _hashed(file: BinaryIO) -> Generator[Step, None, str]:
    digest = hashlib.blake2b(digest_size=HASH_BYTES)
    while block := file.read(_HASH_BLOCK_BYTES):
        digest.update(block)
        yield Alive()
    return digest.hexdigest()


class _Clock:
    """Seconds by stage, without those that the consumer of the steps took."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self.skip()

    def skip(self) -> None:
        """Leave out the time since the last call."""
        self._last_s = time.perf_counter()

    def tick(self, stage: str) -> None:
        """Count the time since the last call for a stage."""
        now_s = time.perf_counter()
        self.spent[stage] = self.spent.get(stage, 0.0) + now_s - self._last_s
        self._last_s = now_s
