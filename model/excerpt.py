"""Excerpts: a stretch of a clip, decoded, and as a wav file to listen to."""

from __future__ import annotations

import io
import os
import wave

import numpy as np
import numpy.typing as npt

from .decoding import AudioStream
from .errors import AudioError
from .paths import readable_path


def decode_excerpt(
    path: str | bytes | os.PathLike[str], *, start_s: float, end_s: float, sampling_rate_hz: int
) -> npt.NDArray[np.float32]:
    """Decode a stretch of a clip, and what comes before it, but nothing after it.

    Args:
        path: The clip, as `open_clip` takes it.
        start_s: Where the stretch starts, from 0.
        end_s: Where it ends, after its start.
        sampling_rate_hz: Rate of the waveform to return.

    Returns:
        Mono samples [n_samples], float32, fewer than asked for if the clip ends before.

    Raises:
        AudioError: If the clip cannot be decoded, or ends before the stretch starts.
    """
    first, last = round(start_s * sampling_rate_hz), round(end_s * sampling_rate_hz)
    pieces: list[npt.NDArray[np.float32]] = []
    n = 0
    for block in AudioStream(path, sampling_rate_hz=sampling_rate_hz).blocks():
        pieces.append(block[max(0, first - n) : max(0, last - n)])
        n += len(block)
        if n >= last:
            break
    waveform = np.concatenate(pieces) if pieces else np.empty(0, np.float32)
    if not len(waveform):
        raise AudioError(f"{readable_path(path)}: there is no sound from {start_s:g} to {end_s:g} s")
    return waveform


def wav_bytes(waveform: npt.NDArray[np.float32], *, sampling_rate_hz: int) -> bytes:
    """Write mono samples [n_samples] as a wav file of 16 bits; what is beyond full scale is clipped."""
    samples = (np.clip(waveform, -1, 1) * 32767).round().astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(sampling_rate_hz)
        writer.writeframes(samples.tobytes())
    return file.getvalue()
