"""Timeline: a track's frames joined to blocks that keep the time of every player."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import AudioError
from .libav import Frame, Media, Track

MAX_CHANNELS = 64
MIN_RATE_HZ, MAX_RATE_HZ = 1_000, 3_072_000  # the upper one is DSD512's

_BLOCK_SAMPLES = 1 << 16
# Containers whose packets say when they are to be heard; elsewhere the time is counted, and a count cannot disagree.
_TIMED = frozenset({"mov", "matroska", "mpegts", "mpeg", "asf", "flv", "avi", "ogg", "nut", "rm"})
# Containers that are cut and joined without their clocks being set: a leap is a seam there (FFmpeg: AVFMT_TS_DISCONT).
_SEAMED = frozenset({"mpegts", "mpeg", "ogg", "flv", "rm"})
_LEAST_GAP_S = 0.04  # less is rounding: Matroska counts milliseconds, and coders begin with a few of their own
_LEAST_START_S = 0.01
_MAX_LEAP_S = 10.0
_MAX_GAP_S = 3600.0


@dataclass(frozen=True)
class Block:
    """A stretch of sound in the coding's own sample type.

    Attributes:
        samples: [n_channels, n_samples].
        rate_hz: Sampling rate.
        is_lossy: Whether the coding is lossy.
        is_gap: Whether the file holds nothing there, and the silence is ours.
    """

    samples: npt.NDArray[np.generic]
    rate_hz: int
    is_lossy: bool
    is_gap: bool = False


class Timeline:
    """A track read from its start, with silence where its container says that nothing is to be heard.

    A player's position is a packet's time less the time at which the container starts.

    Attributes:
        n_channels: Channels of the first frame; 0 before it.
        rate_hz: Its sampling rate.
        heard_s: Seconds given so far.
        seam_s: Where the clock first leapt by so much that nothing was filled in; None if it did not.
    """

    def __init__(self, media: Media, track: Track) -> None:
        names = set(media.format_name.split(","))
        self._track = track
        self._is_timed = bool(names & _TIMED)
        self._is_seamed = bool(names & _SEAMED)
        self._origin_s = media.start_s
        self.n_channels = 0
        self.rate_hz = 0
        self.heard_s = 0.0
        self.seam_s: float | None = None

    def blocks(self) -> Iterator[Block]:
        """Decode the track, once.

        Raises:
            AudioError: If its rate or its number of channels is out of range.
            MediaError: If reading fails.
        """
        held: list[Frame] = []
        n_held = 0
        for frame in self._track.frames():
            gap_s = self._gap_s(frame) if self._is_timed else 0.0
            if held and (n_held >= _BLOCK_SAMPLES or gap_s or not _is_alike(frame, held[0])):
                yield _block(held)
                held, n_held = [], 0
            if not held:
                _check(frame)
                if not self.n_channels:
                    self.n_channels, self.rate_hz = frame.n_channels, frame.rate_hz
            if gap_s:
                yield from self._silence(frame, gap_s)
            held.append(frame)
            n_held += frame.n_samples
            self.heard_s += frame.n_samples / frame.rate_hz
        if held:
            yield _block(held)

    def _gap_s(self, frame: Frame) -> float:
        """Return the seconds of nothing before a frame; 0 where there are none, or so many that it must be a seam."""
        if frame.time_s is None:
            return 0.0
        gap_s = frame.time_s - self._origin_s - self.heard_s
        is_first = not self.n_channels
        if abs(gap_s) < (_LEAST_START_S if is_first else _LEAST_GAP_S):
            return 0.0
        if 0 < gap_s <= (_MAX_LEAP_S if self._is_seamed and not is_first else _MAX_GAP_S):
            return gap_s
        if gap_s < 0 and gap_s > -_MAX_LEAP_S and not self._is_seamed:
            return 0.0  # an overlap
        self._origin_s += gap_s
        if gap_s > 0 and self.seam_s is None:
            self.seam_s = self.heard_s
        return 0.0

    def _silence(self, frame: Frame, gap_s: float) -> Iterator[Block]:
        left = round(gap_s * frame.rate_hz)
        self.heard_s += left / frame.rate_hz
        level = 128 if frame.samples.dtype == np.uint8 else 0
        while left:
            n = min(left, _BLOCK_SAMPLES)
            samples = np.full((frame.n_channels, n), level, frame.samples.dtype)
            yield Block(samples, frame.rate_hz, frame.is_lossy, is_gap=True)
            left -= n


def _is_alike(frame: Frame, other: Frame) -> bool:
    """Return whether two frames lie in memory alike, so that they can be joined."""
    return (
        frame.rate_hz == other.rate_hz
        and frame.n_channels == other.n_channels
        and frame.is_planar == other.is_planar
        and frame.samples.dtype == other.samples.dtype
    )


def _check(frame: Frame) -> None:
    if not MIN_RATE_HZ <= frame.rate_hz <= MAX_RATE_HZ:
        raise AudioError(f"its sampling rate of {frame.rate_hz} Hz is not between {MIN_RATE_HZ} and {MAX_RATE_HZ} Hz")
    if not 1 <= frame.n_channels <= MAX_CHANNELS:
        raise AudioError(f"its {frame.n_channels} channels are not between 1 and {MAX_CHANNELS}")


def _block(frames: list[Frame]) -> Block:
    """Join frames of one layout; packed samples lie channel after channel in one row."""
    first = frames[0]
    joined = np.concatenate([frame.samples for frame in frames], axis=1)
    samples = joined if first.is_planar else joined.reshape(-1, first.n_channels).T
    return Block(samples, first.rate_hz, first.is_lossy)
