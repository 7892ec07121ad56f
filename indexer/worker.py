"""The worker: one file to embeddings, in a process of its own."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..model.decoding import AudioInfo, decode
from ..model.encoder import Encoder
from ..model.errors import AudioError
from ..model.paths import readable_path
from ..model.segments import segment_starts
from .report import Failure

_HASH_BYTES = 16
_N_READINGS = 2
_LOOK_FOR_PARENT_EVERY_S = 1.0

_known_contents: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Task:
    """A file to read.

    Attributes:
        path: Its absolute path, exact bytes.
        encoder_source: Folder of the encoder's checkpoint.
        hop_s: Distance between the starts of neighbouring segments.
    """

    path: bytes
    encoder_source: str
    hop_s: float


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
        embeddings: [n, embedding_dim], float32, unit rows.
    """

    state: FileState
    info: AudioInfo
    rms_dbfs: float | None
    peak_dbfs: float | None
    start_s: npt.NDArray[np.float64]
    end_s: npt.NDArray[np.float64]
    embeddings: npt.NDArray[np.float32]


def read_file(task: Task) -> EmbeddedFile | RecognisedFile | Failure:
    """Hash, decode, segment and embed a file.

    Args:
        task: The file.

    Returns:
        Its embeddings, or only its state if its content is known, or why it cannot be used.

    Raises:
        CheckpointError: If the encoder cannot be loaded.
    """
    path = Path(os.fsdecode(task.path))
    try:
        for _ in range(_N_READINGS):
            before = path.stat()
            with path.open("rb") as file:
                content = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=_HASH_BYTES)).hexdigest()
            state = FileState(before.st_size, before.st_mtime_ns, content)
            done = RecognisedFile(state) if content in _known_contents else _embed(path, state, task)
            after = path.stat()
            if (before.st_size, before.st_mtime_ns, before.st_ino) == (after.st_size, after.st_mtime_ns, after.st_ino):
                return done
    except OSError as error:
        return Failure(readable_path(path), f"cannot be read ({error.strerror or error})", is_lasting=False)
    except AudioError as error:
        return Failure(readable_path(path), str(error).removeprefix(f"{readable_path(path)}: "))
    except MemoryError:
        return Failure(readable_path(path), "it is too long for this machine's memory")
    return Failure(readable_path(path), "it changes while it is being read", is_lasting=False)


def embed_texts(encoder_source: str, texts: list[str]) -> npt.NDArray[np.float32]:
    """Embed texts where the encoder is loaded already.

    Args:
        encoder_source: Folder of the encoder's checkpoint.
        texts: Descriptions of sounds.

    Returns:
        Embeddings [n, embedding_dim], float32, unit rows.
    """
    return _encoder(encoder_source).embed_text(texts)


def start_worker(known_contents: frozenset[str], parent: int) -> None:
    """Prepare the process.

    Args:
        known_contents: Hashes of contents that need no embedding, because the collection has them.
        parent: Process that this one works for.
    """
    global _known_contents
    _known_contents = known_contents
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which decides what to keep
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process when its parent was killed: nobody else would."""
    while os.getppid() == parent:
        time.sleep(_LOOK_FOR_PARENT_EVERY_S)
    os._exit(1)


def _embed(path: Path, state: FileState, task: Task) -> EmbeddedFile:
    encoder = _encoder(task.encoder_source)
    rate_hz, size = encoder.sampling_rate_hz, encoder.segment_samples
    decoded = decode(path, sampling_rate_hz=rate_hz)
    hop_samples = max(1, min(size, round(task.hop_s * rate_hz)))
    starts = segment_starts(len(decoded.waveform), segment_samples=size, hop_samples=hop_samples)
    start_s = np.array(starts, np.float64) / rate_hz
    return EmbeddedFile(
        state=state,
        info=dataclasses.replace(decoded.info, tags=dict(decoded.info.tags)),
        rms_dbfs=decoded.rms_dbfs,
        peak_dbfs=decoded.peak_dbfs,
        start_s=start_s,
        end_s=np.minimum(start_s + size / rate_hz, decoded.info.duration_s),
        embeddings=encoder.embed_audio([decoded.waveform[start : start + size] for start in starts]),
    )


@functools.cache
def _encoder(source: str) -> Encoder:
    return Encoder.from_pretrained(source)
