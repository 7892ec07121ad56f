"""`MSClapFeatureExtractor`: waveforms to the log-mels that the audio tower takes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from transformers import BatchFeature, SequenceFeatureExtractor

from .mel import MelFrontEnd

Waveforms = npt.NDArray[np.floating[Any]] | Sequence[float] | Sequence[npt.NDArray[np.floating[Any]]]


class MSClapFeatureExtractor(SequenceFeatureExtractor):
    """Turn waveforms into log-mels of one segment each.

    A shorter waveform is repeated to fill the segment, as the reference does. A longer one is cut after the first
    segment: always the same cut, where the reference takes a random one. (`Encoder` looks at every segment of a clip.)

    Args:
        feature_size: Mel bands.
        sampling_rate: Rate of the waveforms, in hertz.
        hop_length: Samples from a frame to the next.
        max_length_s: Length of a segment, in seconds.
        fft_window_size: Samples of a frame.
        frequency_min: Lower edge of the mel bank, in hertz.
        frequency_max: Upper edge of the mel bank, in hertz.
        mel_sampling_rate: Rate in hertz for which the bank is drawn; None means `sampling_rate`.
        mel_bank: The bank itself, `[fft_window_size // 2 + 1, feature_size]`, where the three numbers before do
            not describe it; None draws it from them.
        padding_value: Kept for the base class; segments are filled by repetition, never by a value.
    """

    model_input_names = ["input_features"]  # noqa: RUF012 - the base class's own form

    def __init__(
        self,
        feature_size: int = 64,
        sampling_rate: int = 44100,
        hop_length: int = 320,
        max_length_s: float = 7,
        fft_window_size: int = 1024,
        frequency_min: float = 50,
        frequency_max: float = 8000,
        mel_sampling_rate: int | None = None,
        mel_bank: list[list[float]] | None = None,
        padding_value: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(feature_size=feature_size, sampling_rate=sampling_rate, padding_value=padding_value, **kwargs)
        self.hop_length = hop_length
        self.max_length_s = max_length_s
        self.fft_window_size = fft_window_size
        self.frequency_min = frequency_min
        self.frequency_max = frequency_max
        self.mel_sampling_rate = mel_sampling_rate
        self.mel_bank = mel_bank

    @property
    def segment_samples(self) -> int:
        """Samples of a segment."""
        return round(self.max_length_s * self.sampling_rate)

    @cached_property
    def front_end(self) -> MelFrontEnd:
        """The log-mel spectrogram that this extractor computes."""
        return MelFrontEnd(
            fft_window_size=self.fft_window_size,
            hop_length=self.hop_length,
            n_mels=self.feature_size,
            frequency_min=self.frequency_min,
            frequency_max=self.frequency_max,
            mel_sampling_rate=self.mel_sampling_rate or self.sampling_rate,
            mel_filters=None if self.mel_bank is None else np.asarray(self.mel_bank, dtype=np.float32),
        )

    def fill(self, waveform: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Repeat or cut a waveform `[n_samples]` to a segment `[segment_samples]`."""
        return np.resize(waveform, self.segment_samples)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, without what is derived from them."""
        fields: dict[str, Any] = super().to_dict()
        fields.pop("front_end", None)
        return fields

    def __call__(
        self,
        raw_speech: Waveforms,
        sampling_rate: int | None = None,
        return_tensors: str | None = None,
        **kwargs: Any,  # noqa: ARG002 - processors hand everything to everyone
    ) -> BatchFeature:
        """Compute log-mels.

        Args:
            raw_speech: One mono waveform `[n_samples]`, a list of them, or an array `[n_waveforms, n_samples]`.
            sampling_rate: Rate of `raw_speech` in hertz, checked against the extractor's; None trusts the caller.
            return_tensors: "pt" for torch tensors, "np" or None for numpy arrays.
            kwargs: Accepted and not used (`padding`, `truncation`): segments are always full.

        Returns:
            `input_features`, float32 `[n_waveforms, 1, n_frames, feature_size]`, decibels.

        Raises:
            ValueError: If the rate differs, a waveform is empty or holds NaN or infinity, or has channels.
        """
        if sampling_rate is not None and sampling_rate != self.sampling_rate:
            raise ValueError(
                f"this checkpoint takes audio at {self.sampling_rate} Hz, but sampling_rate is {sampling_rate}: "
                "resample the waveform first"
            )
        one = isinstance(raw_speech[0], int | float | np.floating)
        waveforms = [np.asarray(waveform, dtype=np.float32) for waveform in ([raw_speech] if one else raw_speech)]
        for waveform in waveforms:
            if waveform.ndim != 1 or not waveform.size:
                raise ValueError(f"a waveform must be mono, [n_samples], and not empty; got shape {waveform.shape}")
            if not np.isfinite(waveform).all():
                raise ValueError("a waveform holds NaN or infinite samples")
        mels = np.stack([self.front_end(self.fill(waveform)) for waveform in waveforms])[:, None]
        return BatchFeature({"input_features": mels}, tensor_type=return_tensors)
