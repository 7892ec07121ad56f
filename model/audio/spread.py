"""Spread: a few segments of a clip, evenly over its length, for what is too slow to hear all of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..paths import AnyPath, readable_path
from .clip_files import checked_clip
from .decoders import decode_apart
from .decoding import AudioStream

_MAX_HELD_S = 600.0
"""Sound kept from the first decoding, 2.3 MB a minute at 10 kHz; a longer clip is decoded twice."""


@dataclass(frozen=True)
class Stretch:
    """A segment of a clip.

    Attributes:
        start_s: Where it starts.
        end_s: Where it ends.
        waveform: Mono samples [n_samples], float32, at least one.
    """

    start_s: float
    end_s: float
    waveform: npt.NDArray[np.float32]


def spread_starts(n_samples: int, *, segment_samples: int, n_segments: int) -> list[int]:
    """Lay a few segments over a clip, evenly from its beginning to its end.

    Args:
        n_samples: Length of the clip, at least 1.
        segment_samples: Length of a segment, at least 1.
        n_segments: Most segments, at least 1.

    Returns:
        Their first samples, ascending: no more than cover the clip; one alone lies in the middle.
    """
    last = max(0, n_samples - segment_samples)
    n = min(n_segments, -(-n_samples // segment_samples))
    return [last // 2] if n == 1 else [round(number * last / (n - 1)) for number in range(n)]


def spread_segments(path: AnyPath, *, sampling_rate_hz: int, segment_samples: int, n_segments: int) -> list[Stretch]:
    """Decode a few segments of a clip, spread evenly, in a process of its own.

    Args:
        path: The clip, as `open_clip` takes it.
        sampling_rate_hz: Rate of the waveforms.
        segment_samples: Length of a segment; a shorter clip is one shorter segment.
        n_segments: Most segments.

    Returns:
        At least one segment.

    Raises:
        AudioError: If the clip cannot be decoded.
    """
    return list(
        decode_apart(
            _stretches, checked_clip(path), sampling_rate_hz, segment_samples, n_segments, name=readable_path(path)
        )
    )


def _stretches(path: AnyPath, sampling_rate_hz: int, segment_samples: int, n_segments: int) -> Iterator[Stretch | None]:
    """Give the segments, and None for every block that was decoded."""
    held: list[npt.NDArray[np.float32]] | None = []
    n_samples = 0
    for block in AudioStream(path, sampling_rate_hz=sampling_rate_hz).blocks():
        n_samples += len(block)
        if n_samples > _MAX_HELD_S * sampling_rate_hz:
            held = None
        if held is not None:
            held.append(block)
        yield None
    starts = spread_starts(n_samples, segment_samples=segment_samples, n_segments=n_segments)
    blocks = held if held is not None else AudioStream(path, sampling_rate_hz=sampling_rate_hz).blocks()
    pieces: list[list[npt.NDArray[np.float32]]] = [[] for _ in starts]
    first = 0
    for block in blocks:
        for start, some in zip(starts, pieces, strict=True):
            piece = block[max(0, start - first) : max(0, start + segment_samples - first)]
            if len(piece):
                some.append(piece)
        first += len(block)
        yield None
    waveforms = [np.concatenate(some) for some in pieces]
    for start, waveform in zip(starts, waveforms, strict=True):
        yield Stretch(start / sampling_rate_hz, (start + len(waveform)) / sampling_rate_hz, waveform)
