"""Pictures of sound: the outline of a waveform and its mel spectrogram, small enough to be drawn anywhere."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from ..paths import AnyPath
from .excerpt import decode_excerpt

RATE_HZ = 22_050
N_FFT = 1024
HOP = 256
N_MELS = 48
MAX_COLUMNS = 480
_LOWEST_HZ = 40.0
_RANGE_DB = 70.0
_QUIETEST_DB = -75.0
"""A column is at most this loud where it is drawn as nothing: silence is not blown up to noise."""


@dataclass(frozen=True, eq=False)
class Picture:
    """What is drawn of a stretch of a clip.

    Attributes:
        start_s: Where the stretch starts in its clip.
        end_s: Where it ends.
        low: Lowest sample of each column [n_columns], int8, -127 to 127 for -1 to 1.
        high: Highest sample of each column [n_columns], int8.
        mel: Level by mel band, highest band first, and column [n_mels, n_columns], uint8: 0 is 70 dB under the loudest.
    """

    start_s: float
    end_s: float
    low: npt.NDArray[np.int8]
    high: npt.NDArray[np.int8]
    mel: npt.NDArray[np.uint8]

    def to_bytes(self) -> bytes:
        """Pack it: n_columns, n_mels (uint16), start_s, end_s (float32), then low, high and mel, all little-endian."""
        n_mels, n_columns = self.mel.shape
        head = struct.pack("<HHff", n_columns, n_mels, self.start_s, self.end_s)
        return head + self.low.tobytes() + self.high.tobytes() + self.mel.tobytes()


def draw_picture(path: AnyPath, *, start_s: float, end_s: float, limit_s: float | None = None) -> Picture:
    """Draw a stretch of a clip.

    Args:
        path: The clip, as `open_clip` takes it.
        start_s: Where the stretch starts, from 0.
        end_s: Where it ends, after its start; less is drawn if the clip ends before.
        limit_s: How long decoding it may take; None for as long as it goes on.

    Raises:
        AudioError: If the clip cannot be decoded, not in time, or ends before the stretch starts.
    """
    waveform = decode_excerpt(path, start_s=start_s, end_s=end_s, sampling_rate_hz=RATE_HZ, limit_s=limit_s)
    levels = _levels_db(waveform)
    n_columns = min(MAX_COLUMNS, levels.shape[1])
    low, high = _columns(waveform, n_columns, np.minimum), _columns(waveform, n_columns, np.maximum)
    loudest = max(float(levels.max()), _QUIETEST_DB + _RANGE_DB)
    shades = np.clip((_columns(levels, n_columns, np.maximum) - loudest) / _RANGE_DB + 1, 0, 1)
    return Picture(
        start_s,
        start_s + len(waveform) / RATE_HZ,
        np.clip(np.rint(low * 127), -127, 127).astype(np.int8),
        np.clip(np.rint(high * 127), -127, 127).astype(np.int8),
        np.ascontiguousarray(np.rint(shades[::-1] * 255).astype(np.uint8)),
    )


def _levels_db(waveform: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Levels [n_mels, n_frames] in dB, 0 for a full-scale sine."""
    padded = np.pad(waveform, (N_FFT // 2, N_FFT // 2))
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP]
    taper = np.hanning(N_FFT + 1)[:-1].astype(np.float32)
    powers = np.empty((N_MELS, len(frames)), np.float32)
    for first in range(0, len(frames), 512):  # a minute at once would take a hundred megabytes
        spectra = np.fft.rfft(frames[first : first + 512] * taper, axis=1)
        powers[:, first : first + 512] = _mel_bank() @ (np.abs(spectra.T) * (2 / taper.sum())) ** 2
    levels: npt.NDArray[np.float32] = 10 * np.log10(np.maximum(powers, 1e-12))
    return levels


def _columns(values: npt.NDArray[np.float32], n_columns: int, least_or_most: np.ufunc) -> npt.NDArray[np.float32]:
    """Bring the last axis to so many columns, each the extreme of what falls into it."""
    edges = (np.arange(n_columns) * values.shape[-1]) // n_columns
    brought: npt.NDArray[np.float32] = least_or_most.reduceat(values, edges, axis=-1)
    return brought


@cache
def _mel_bank() -> npt.NDArray[np.float32]:
    """Triangles [n_mels, n_bins] of height 1 on the mel scale of O'Shaughnessy (1987): 2595 lg(1 + f / 700 Hz)."""
    bins_hz = np.fft.rfftfreq(N_FFT, 1 / RATE_HZ)
    highest = 2595 * np.log10(1 + RATE_HZ / 2 / 700)
    lowest = 2595 * np.log10(1 + _LOWEST_HZ / 700)
    corners_hz = 700 * (10 ** (np.linspace(lowest, highest, N_MELS + 2) / 2595) - 1)
    widths = np.maximum(np.diff(corners_hz), bins_hz[1])  # no band falls between two bins
    rising = (bins_hz - corners_hz[1:-1, None]) / widths[:-1, None] + 1
    falling = (corners_hz[1:-1, None] - bins_hz) / widths[1:, None] + 1
    bank: npt.NDArray[np.float32] = np.clip(np.minimum(rising, falling), 0, 1).astype(np.float32)
    return bank
