"""The mel front end: waveform to log-mel spectrogram, in numpy.

Follows torchlibrosa's `Spectrogram` and `LogmelFilterBank`, which the reference puts before its tower: Hann window,
centred frames with reflected edges, power 2, mel bank of Slaney's scale and norm, `10 log10(max(mel, 1e-10))`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from transformers.audio_utils import mel_filter_bank

MIN_POWER = 1e-10


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

    @cached_property
    def bank(self) -> npt.NDArray[np.float32]:
        """The mel bank, float32 `[fft_window_size // 2 + 1, n_mels]`."""
        if self.mel_filters is not None:
            return self.mel_filters
        bank = mel_filter_bank(
            num_frequency_bins=self.fft_window_size // 2 + 1,
            num_mel_filters=self.n_mels,
            min_frequency=self.frequency_min,
            max_frequency=self.frequency_max,
            sampling_rate=self.mel_sampling_rate,
            norm="slaney",
            mel_scale="slaney",
        )
        return bank.astype(np.float32)

    @cached_property
    def window(self) -> npt.NDArray[np.float32]:
        """The periodic Hann window, float32 `[fft_window_size]`."""
        phase = np.arange(self.fft_window_size) / self.fft_window_size
        return (0.5 - 0.5 * np.cos(2 * np.pi * phase)).astype(np.float32)

    def __call__(self, waveform: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Compute log-mels.

        Args:
            waveform: float32 `[n_samples]`, more samples than half a frame.

        Returns:
            Decibels relative to 1, float32 `[n_samples // hop_length + 1, n_mels]`.
        """
        padded = np.pad(waveform, self.fft_window_size // 2, mode="reflect")
        frames = np.lib.stride_tricks.sliding_window_view(padded, self.fft_window_size)[:: self.hop_length]
        spectrum = np.fft.rfft(frames * self.window, axis=-1)
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        mels = power.astype(np.float32, copy=False) @ self.bank
        return 10 * np.log10(np.maximum(mels, np.float32(MIN_POWER)))
