"""Queries: whatever is asked, as one embedding."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..model.errors import QueryError

if TYPE_CHECKING:
    from ..model.encoder import Encoder

    Float = npt.NDArray[np.float32]


def text_query(text: str, *, encoder: Callable[[], Encoder]) -> Float:
    """Embed a description of a sound.

    Args:
        text: The description.
        encoder: Gives the encoder; asked only if there is a text to embed.

    Returns:
        The query [embedding_dim], float32, unit length.

    Raises:
        QueryError: If there is nothing but white space, or it is not valid Unicode.
    """
    if not text.strip():
        raise QueryError("the text to search for is empty")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise QueryError("the text to search for is not valid Unicode text") from None
    embedding: Float = encoder().embed_text([text])[0]
    return embedding


def audio_query(audio: str | os.PathLike[str] | Float, *, encoder: Encoder, hop_s: float) -> Float:
    """Embed a sound; one longer than a segment as the mean of its segments.

    Args:
        audio: A file, or a mono waveform [n_samples] at the encoder's rate.
        encoder: The encoder.
        hop_s: Distance between the starts of neighbouring segments, as in the collection.

    Returns:
        The query [embedding_dim], float32, unit length.

    Raises:
        QueryError: If the waveform is not [n_samples], is empty, or holds NaN or infinite samples.
        AudioError: If the file cannot be decoded.
    """
    from ..model.segments import segment_starts

    if isinstance(audio, np.ndarray):
        waveform = _checked_waveform(audio)
    else:
        from ..model.decoding import decode

        waveform = decode(audio, sampling_rate_hz=encoder.sampling_rate_hz).waveform
    hop_samples = max(1, round(hop_s * encoder.sampling_rate_hz))
    size = encoder.segment_samples
    starts = segment_starts(len(waveform), segment_samples=size, hop_samples=hop_samples)
    embeddings = encoder.embed_audio([waveform[start : start + size] for start in starts])
    return _unit(embeddings.mean(axis=0), "the mean of the audio's embeddings")


def embedding_query(embedding: object, *, embedding_dim: int) -> Float:
    """Check an embedding made elsewhere and bring it to unit length.

    Args:
        embedding: Numbers [embedding_dim].
        embedding_dim: What the collection's embeddings have.

    Returns:
        The query [embedding_dim], float32, unit length.

    Raises:
        QueryError: If it has another shape, is no array of numbers, holds NaN or infinite ones, or is zero.
    """
    try:
        numbers = np.asarray(embedding, dtype=np.float32)
    except (TypeError, ValueError):
        raise QueryError("the embedding is not an array of numbers") from None
    if numbers.shape != (embedding_dim,):
        raise QueryError(f"the embedding has shape {numbers.shape}, but the collection's have {(embedding_dim,)}")
    return _unit(numbers, "the embedding")


def _checked_waveform(audio: npt.NDArray[np.float32]) -> Float:
    if audio.ndim != 1 or not len(audio) or not np.issubdtype(audio.dtype, np.floating):
        raise QueryError(
            f"the waveform is {audio.dtype} of shape {audio.shape}, but mono floating-point [n_samples] is needed"
        )
    waveform: Float = audio.astype(np.float32)
    if not np.isfinite(waveform).all():
        raise QueryError("the waveform holds samples that are not numbers (NaN or infinite)")
    return waveform


def _unit(embedding: Float, what: str) -> Float:
    length = float(np.linalg.norm(embedding.astype(np.float64)))
    if not np.isfinite(length):
        raise QueryError(f"{what} holds values that are not numbers (NaN or infinite)")
    if length == 0:
        raise QueryError(f"{what} is zero and points nowhere")
    unit: Float = (embedding / length).astype(np.float32)
    return unit
