"""The front end of a LAION checkpoint: what `ClapFeatureExtractor` computes, without chance.

That class takes a random crop of a longer waveform; where a checkpoint fuses several views of a clip, it takes random
ones, and marks a random clip of each batch as longer than it is. Here every segment has the length that the tower
takes, so none of it happens: to a checkpoint that fuses, a segment is a clip that is not longer, heard through one
view, as in the original code.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..encoders.checkpoint import Checkpoint
from ..errors import CheckpointError
from ..msclap.mel import MelFrontEnd, read_front_end, triangles
from .sizes import audio_sizes

Float = npt.NDArray[np.float32]

FILLING = "repeatpad"


def front_end_of(config: Mapping[str, Any]) -> MelFrontEnd:
    """Make the front end that a `ClapFeatureExtractor` describes.

    Checkpoints that fuse were trained on HTK's mel bank, the others on Slaney's; `truncation` tells them apart.

    Args:
        config: The JSON object of the feature extractor.

    Raises:
        ValueError, TypeError: If a field is not of its kind, or asks for what is not computed here.
    """
    filling = config.get("padding", FILLING)
    if filling != FILLING:
        raise ValueError(f"padding must be {FILLING!r}, not {filling!r}")
    if config.get("top_db") is not None:
        raise ValueError(f"top_db must be null, not {config['top_db']!r}")
    size, n_mels = int(config.get("fft_window_size", 1024)), int(config.get("feature_size", 64))
    rate_hz = int(config.get("sampling_rate", 48_000))
    low_hz, high_hz = float(config.get("frequency_min", 0)), float(config.get("frequency_max", 14_000))
    is_htk = config.get("truncation", "fusion") == "fusion"
    bank = htk_bank(size // 2 + 1, n_mels, low_hz=low_hz, high_hz=high_hz, sampling_rate_hz=rate_hz) if is_htk else None
    return MelFrontEnd(
        fft_window_size=size,
        hop_length=int(config.get("hop_length", 480)),
        n_mels=n_mels,
        frequency_min=low_hz,
        frequency_max=high_hz,
        mel_sampling_rate=rate_hz,
        mel_filters=bank,
        is_double=True,
    )


def read_clap_front_end(checkpoint: Checkpoint) -> MelFrontEnd:
    """Read the front end of a checkpoint without the transformers library.

    Raises:
        CheckpointError: If it is unreadable, describes none that is computed here, or makes what the tower cannot take.
    """
    front_end = read_front_end(checkpoint, front_end_of)
    n_mels = audio_sizes(checkpoint).get("num_mel_bins", 64)
    if front_end.n_mels != n_mels:
        raise CheckpointError(
            f"{checkpoint.folder}: the front end makes {front_end.n_mels} mel bands, but the audio tower takes {n_mels}"
        )
    return front_end


def repeated(waveform: Float, n_samples: int) -> Float:
    """Fill a segment [n_samples] with whole repetitions of a shorter waveform, then with silence ("repeatpad")."""
    whole = np.tile(waveform, n_samples // len(waveform))
    return np.pad(whole, (0, n_samples - len(whole)))


def htk_bank(n_bins: int, n_mels: int, *, low_hz: float, high_hz: float, sampling_rate_hz: int) -> Float:
    """Draw triangular mel filters of equal height on HTK's scale, `2595 log10(1 + f / 700)` (HTK Book, 5.6).

    Args:
        n_bins: Bins of a spectrum, from 0 Hz to half the rate.
        n_mels: Filters.
        low_hz: Lower edge of the first.
        high_hz: Upper edge of the last.
        sampling_rate_hz: Rate of the sound.

    Returns:
        float32 `[n_bins, n_mels]`.
    """
    low, high = (2595 * math.log10(1 + hz / 700) for hz in (low_hz, high_hz))
    edges_hz = 700 * (10 ** (np.linspace(low, high, n_mels + 2) / 2595) - 1)
    return triangles(edges_hz, n_bins, sampling_rate_hz=sampling_rate_hz).astype(np.float32)
