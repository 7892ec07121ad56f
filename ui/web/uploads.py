"""Sounds that somebody sent to search by: decoded, and no more of them than is wanted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def decode_sent(
    content: bytes, *, name: str, most_s: float, sampling_rate_hz: int, limit_s: float
) -> tuple[npt.NDArray[np.float32], bool]:
    """Decode a sound that somebody sent.

    Args:
        content: The file.
        name: What to call it in messages: its name on this machine says nothing to whoever sent it.
        most_s: How much of it is wanted.
        sampling_rate_hz: Rate of the waveform to return.
        limit_s: How long decoding it may take.

    Returns:
        Mono samples [n_samples], `most_s` at most, and whether the sound goes on after them.

    Raises:
        AudioError: If it cannot be decoded, or not in time.
    """
    from ...model.audio.excerpt import decode_excerpt

    waveform = decode_excerpt(
        name.encode("utf-8", "backslashreplace"),
        start_s=0,
        end_s=most_s + 1,
        sampling_rate_hz=sampling_rate_hz,
        content=content,
        limit_s=limit_s,
    )
    n_most = round(most_s * sampling_rate_hz)
    return waveform[:n_most], len(waveform) > n_most
