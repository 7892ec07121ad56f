"""The mel front end: waveform to log-mel spectrogram, in numpy.

Follows torchlibrosa's `Spectrogram` and `LogmelFilterBank`, which the reference puts before its tower: Hann window,
centred frames with reflected edges, power 2, mel bank of Slaney's scale and norm, `10 log10(max(mel, 1e-10))`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

MIN_POWER = 1e-10
# Frames transformed at once: their spectra stay in the cache, which halves the time.
_N_FRAMES_AT_ONCE = 64


@dataclass(frozen=True)
class MelFrontEnd:
    """A log-mel spectrogram, described by numbers.

    Attributes:
        fft_window_size: Samples of a frame.
        hop_length: Samples from a frame to the next.
        n_mels: Mel bands.
        frequency_min: Lower edge of the first band, in hertz.
        frequency_max: Upper edge of the last band, in hertz.
        mel_sampling_rate: Rate in hertz for which the bank is drawn. The reference draws it for 32,000 Hz and feeds
            44,100 Hz, so this is a field of its own.
        mel_filters: The bank itself, float32 `[fft_window_size // 2 + 1, n_mels]`, where no numbers describe it.
    """

    fft_window_size: int
    hop_length: int
    n_mels: int
    frequency_min: float
    frequency_max: float
    mel_sampling_rate: int
    mel_filters: npt.NDArray[np.float32] | None = None

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> MelFrontEnd:
        """Read what `MSClapFeatureExtractor` saved, with its defaults.

        Args:
            config: The JSON object of the feature extractor.

        Raises:
            ValueError, TypeError: if a field is not of its kind.
        """
        rate_hz = int(config.get("sampling_rate", 44100))
        bank = config.get("mel_bank")
        return cls(
            fft_window_size=int(config.get("fft_window_size", 1024)),
            hop_length=int(config.get("hop_length", 320)),
            n_mels=int(config.get("feature_size", 64)),
            frequency_min=float(config.get("frequency_min", 50)),
            frequency_max=float(config.get("frequency_max", 8000)),
            mel_sampling_rate=int(config.get("mel_sampling_rate") or rate_hz),
            mel_filters=None if bank is None else np.asarray(bank, dtype=np.float32),
        )

    @cached_property
    def bank(self) -> npt.NDArray[np.float32]:
        """The mel bank, float32 `[fft_window_size // 2 + 1, n_mels]`."""
        if self.mel_filters is not None:
            return self.mel_filters
        return slaney_bank(
            self.fft_window_size // 2 + 1,
            self.n_mels,
            low_hz=self.frequency_min,
            high_hz=self.frequency_max,
            sampling_rate_hz=self.mel_sampling_rate,
        )

    @cached_property
    def window(self) -> npt.NDArray[np.float32]:
        """The periodic Hann window, float32 `[fft_window_size]`."""
        phase = np.arange(self.fft_window_size) / self.fft_window_size
        return (0.5 - 0.5 * np.cos(2 * np.pi * phase)).astype(np.float32)

    def n_frames(self, n_samples: int) -> int:
        """Count the frames of a waveform."""
        return n_samples // self.hop_length + 1

    def __call__(self, waveform: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Compute log-mels.

        Args:
            waveform: float32 `[n_samples]`, more samples than half a frame.

        Returns:
            Decibels relative to 1, float32 `[n_samples // hop_length + 1, n_mels]`.
        """
        padded = np.pad(waveform, self.fft_window_size // 2, mode="reflect")
        frames = np.lib.stride_tricks.sliding_window_view(padded, self.fft_window_size)[:: self.hop_length]
        mels = np.empty((len(frames), self.n_mels), np.float32)
        for first in range(0, len(frames), _N_FRAMES_AT_ONCE):
            some = slice(first, first + _N_FRAMES_AT_ONCE)
            spectrum = np.fft.rfft(frames[some] * self.window, axis=-1)
            power = np.square(spectrum.real) + np.square(spectrum.imag)
            np.matmul(power.astype(np.float32, copy=False), self.bank, out=mels[some])
        return 10 * np.log10(np.maximum(mels, np.float32(MIN_POWER)))


def slaney_bank(
    n_bins: int, n_mels: int, *, low_hz: float, high_hz: float, sampling_rate_hz: int
) -> npt.NDArray[np.float32]:
    """Draw triangular mel filters of equal area: Slaney's scale and norm (Auditory Toolbox, 1998).

    Args:
        n_bins: Bins of a spectrum, from 0 Hz to half the rate.
        n_mels: Filters.
        low_hz: Lower edge of the first.
        high_hz: Upper edge of the last.
        sampling_rate_hz: Rate of the sound.

    Returns:
        float32 `[n_bins, n_mels]`.
    """
    edges_hz = _hz(np.linspace(_mel(low_hz), _mel(high_hz), n_mels + 2))
    bins_hz = np.linspace(0, sampling_rate_hz // 2, n_bins)
    distance_hz = edges_hz[None] - bins_hz[:, None]
    width_hz = np.diff(edges_hz)
    rising, falling = -distance_hz[:, :-2] / width_hz[:-1], distance_hz[:, 2:] / width_hz[1:]
    triangles = np.maximum(0, np.minimum(rising, falling))
    return (triangles * (2 / (edges_hz[2:] - edges_hz[:-2]))).astype(np.float32)


# Slaney's scale is linear up to 1,000 Hz, which is mel 15, and logarithmic above: 27 steps to 6,400 Hz.
_BEND_HZ, _BEND_MEL, _STEP = 1000.0, 15.0, math.log(6.4) / 27


def _mel(hz: float) -> float:
    return 3 * hz / 200 if hz < _BEND_HZ else _BEND_MEL + math.log(hz / _BEND_HZ) / _STEP


def _hz(mels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(mels < _BEND_MEL, 200 * mels / 3, _BEND_HZ * np.exp(_STEP * (mels - _BEND_MEL)))
