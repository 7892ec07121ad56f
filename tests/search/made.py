"""Collections of made embeddings, written by the real writer: no sound, no tower, so that thousands are cheap."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from soundgrep.indexer.engines.worker import EmbeddedFile, FileState
from soundgrep.indexer.writing.writer import Writer
from soundgrep.model.audio.decoding import AudioInfo
from soundgrep.model.encoders.encoder import Encoder

Float = npt.NDArray[np.float32]


def unit(rows: npt.NDArray[np.floating]) -> Float:
    """Rows [n, dim] at unit length."""
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def clustered(n: int, *, dim: int, seed: int) -> Float:
    """Embeddings [n, dim] in many loose clusters, as sounds lie."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((max(1, n // 30), dim))
    return unit(centres[rng.integers(0, len(centres), n)] + 0.5 * rng.standard_normal((n, dim)))


def made_file(embeddings: Float, *, number: int = 0) -> EmbeddedFile:
    """A clip of one second a segment; `number` makes its codec, rate, duration, loudness and title."""
    starts = np.arange(len(embeddings), dtype=np.float64)
    info = AudioInfo(
        container="wav" if number % 2 else "ogg",
        codec="pcm_s16le" if number % 2 else "vorbis",
        sampling_rate_hz=16_000,
        n_channels=1 + number % 2,
        duration_s=float(len(embeddings)),
        tags={"title": f"number {number}"},
    )
    return EmbeddedFile(
        state=FileState(size_bytes=100 + number, mtime_ns=number, content_hash=f"{number:032x}"),
        info=info,
        rms_dbfs=None if number == 0 else -20.0,
        peak_dbfs=None if number == 0 else -3.0,
        start_s=starts,
        end_s=starts + 1,
        embeddings=embeddings,
    )


def clip_path(number: int) -> bytes:
    """Where the made clip of that number would lie."""
    return f"/sounds/{number % 10}/{number:05d}.wav".encode()


def add_clips(folder: Path, clips: Sequence[Float], *, encoder: Encoder, first: int = 0, index: bool = True) -> Path:
    """Add clips of the given embeddings [n_segments, dim] in one commit, and build the index or leave it behind."""
    with Writer.open(folder, encoder=encoder, hop_s=None) as writer:
        batch = writer.batch()
        for number, embeddings in enumerate(clips, start=first):
            batch.add(clip_path(number), made_file(embeddings, number=number))
        writer.commit(batch)
        if index:
            writer.refresh_index(text_queries=lambda n: clustered(n, dim=encoder.embedding_dim, seed=99))
    return folder


def by_clip(embeddings: Float, *, seed: int) -> list[Float]:
    """Cut embeddings [n, dim] into clips of 1 to 5 segments."""
    rng = np.random.default_rng(seed)
    cuts = np.cumsum(rng.integers(1, 6, len(embeddings)))
    return np.split(embeddings, cuts[cuts < len(embeddings)])


def exact_best(
    clips: Sequence[Float], query: Float, k: int, *, among: Sequence[int] | None = None
) -> list[tuple[int, float]]:
    """Numbers and scores of the `k` clips nearest to a query by their best segments: the naive formula."""
    numbers = range(len(clips)) if among is None else among
    scored = [(float((clips[number] @ query).max()), number) for number in numbers]
    return [(number, score) for score, number in sorted(scored, reverse=True)[:k]]
