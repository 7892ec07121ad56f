"""The mel front end: waveform to log-mel spectrogram, in numpy.

Follows torchlibrosa's `Spectrogram` and `LogmelFilterBank`, which the reference puts before its tower: Hann window,
centred frames with reflected edges, power 2, mel bank of Slaney's scale and norm, `10 log10(max(mel, 1e-10))`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ..encoders.checkpoint import Checkpoint
from ..errors import CheckpointError

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
        is_double: Whether spectra are computed in float64, which is to be heard only where there is next to no sound.
    """

    fft_window_size: int
    hop_length: int
    n_mels: int
    frequency_min: float
    frequency_max: float
    mel_sampling_rate: int
    mel_filters: npt.NDArray[np.float32] | None = None
    is_double: bool = False

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
        return self._window.astype(np.float32)

    @cached_property
    def _window(self) -> npt.NDArray[np.floating]:
        phase = np.arange(self.fft_window_size) / self.fft_window_size
        window: npt.NDArray[np.float64] = 0.5 - 0.5 * np.cos(2 * np.pi * phase)
        return window if self.is_double else window.astype(np.float32)

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
        bank = self._heard_bank
        kind = self._window.dtype
        windowed = np.empty((_N_FRAMES_AT_ONCE, self.fft_window_size), kind)
        spectrum = np.empty((_N_FRAMES_AT_ONCE, self.fft_window_size // 2 + 1), np.result_type(kind, np.complex64))
        power, imaginary = np.empty((2, _N_FRAMES_AT_ONCE, len(bank)), kind)
        mels = np.empty((len(frames), self.n_mels), np.float32)
        for first in range(0, len(frames), _N_FRAMES_AT_ONCE):
            some = frames[first : first + _N_FRAMES_AT_ONCE]
            n = len(some)
            np.fft.rfft(np.multiply(some, self._window, out=windowed[:n]), axis=-1, out=spectrum[:n])
            heard = spectrum[:n, : len(bank)]
            np.square(heard.real, out=power[:n])
            power[:n] += np.square(heard.imag, out=imaginary[:n])
            np.matmul(power[:n].astype(np.float32, copy=False), bank, out=mels[first : first + n])
        np.log10(np.maximum(mels, np.float32(MIN_POWER), out=mels), out=mels)
        mels *= 10
        return mels

    @cached_property
    def _heard_bank(self) -> npt.NDArray[np.float32]:
        """The bank up to the last bin that any band hears [n_bins, n_mels]: above it, power need not be computed."""
        heard = np.flatnonzero(self.bank.any(axis=1))
        return np.ascontiguousarray(self.bank[: heard[-1] + 1 if len(heard) else 1])


def read_front_end(
    checkpoint: Checkpoint, make: Callable[[Mapping[str, Any]], MelFrontEnd] = MelFrontEnd.of
) -> MelFrontEnd:
    """Read the front end of a checkpoint without the transformers library.

    Args:
        checkpoint: The checkpoint.
        make: Makes it of the JSON object that describes it.

    Raises:
        CheckpointError: If it is unreadable or describes none that is computed here.
    """
    content = checkpoint.read(checkpoint.front_end_file)
    try:
        front_end = make(content.get("feature_extractor", content))
        _ = front_end.bank
    except (TypeError, ValueError, ZeroDivisionError) as error:
        where = checkpoint.folder / checkpoint.front_end_file
        raise CheckpointError(f"{where}: the front end cannot be loaded: {error}") from error
    return front_end


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
    filters = triangles(edges_hz, n_bins, sampling_rate_hz=sampling_rate_hz)
    return (filters * (2 / (edges_hz[2:] - edges_hz[:-2]))).astype(np.float32)


def triangles(edges_hz: npt.NDArray[np.float64], n_bins: int, *, sampling_rate_hz: int) -> npt.NDArray[np.float64]:
    """Draw triangular filters of height 1, each from an edge over the next to the one after.

    Args:
        edges_hz: `[n_filters + 2]`, ascending.
        n_bins: Bins of a spectrum, from 0 Hz to half the rate.
        sampling_rate_hz: Rate of the sound.

    Returns:
        float64 `[n_bins, n_filters]`.
    """
    bins_hz = np.linspace(0, sampling_rate_hz // 2, n_bins)
    distance_hz = edges_hz[None] - bins_hz[:, None]
    width_hz = np.diff(edges_hz)
    rising, falling = -distance_hz[:, :-2] / width_hz[:-1], distance_hz[:, 2:] / width_hz[1:]
    filters: npt.NDArray[np.float64] = np.maximum(0, np.minimum(rising, falling))
    return filters


# Slaney's scale is linear up to 1,000 Hz, which is mel 15, and logarithmic above: 27 steps to 6,400 Hz.
_BEND_HZ, _BEND_MEL, _STEP = 1000.0, 15.0, math.log(6.4) / 27


def _mel(hz: float) -> float:
    return 3 * hz / 200 if hz < _BEND_HZ else _BEND_MEL + math.log(hz / _BEND_HZ) / _STEP


def _hz(mels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(mels < _BEND_MEL, 200 * mels / 3, _BEND_HZ * np.exp(_STEP * (mels - _BEND_MEL)))
