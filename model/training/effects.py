"""The second network that the audio tower learns from: aiSFX, which knows libraries of sound effects."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name everybody reads

from ..encoders.original import NUMBERS
from .corpus import SAMPLING_RATE_HZ
from .space import Floats
from .teachers import teacher_package

EFFECTS_PACKAGE = "aisfx"
EFFECTS_DIM = 512
RATE_HZ = 44_100
N_BANDS = 96
BLOCK_FRAMES = 100
# Only the beginning of a clip is listened to; it is by far the dearest step of the preparation.
HEARD_S = 5
# What the network's authors divide by: the highest value in their own spectrograms.
_HIGHEST = 9.457798957824707


def effects_file() -> Path:
    """File of the network's weights, from the PyPI package `aisfx` (Ma and Lerch, ISMIR 2022; CC BY 4.0).

    Raises:
        UsageError: If the package is not installed.
    """
    missing = "The teacher of sound effects is missing: pip install --no-deps aisfx"
    return teacher_package(EFFECTS_PACKAGE, missing=missing) / "models" / "checkpoint.pth"


def mel_filters() -> Floats:
    """Triangular filters, HTK mel from 0 to 22,050 Hz, each summing to 1, `[96, 1025]`."""
    mels = np.linspace(0, 2595 * np.log10(1 + RATE_HZ / 1400), N_BANDS + 2)
    edges = 700 * (10 ** (mels / 2595) - 1)
    bins = np.linspace(0, RATE_HZ / 2, 1025)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    filters = np.maximum(0, np.minimum(rising, falling))
    return (filters / np.maximum(filters.sum(1, keepdims=True), 1e-9)).astype(np.float32)


class EffectsListener:
    """Four blocks of two convolutions on log-mels of 2.3 s."""

    def __init__(self, file: Path) -> None:
        with torch.serialization.safe_globals(NUMBERS):
            weights, _ = torch.load(file, map_location="cpu", weights_only=True)
        prefix = "embedding_net."
        self._weights: dict[str, Tensor] = {
            name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)
        }
        self._filters = torch.from_numpy(mel_filters())
        self._window = torch.hann_window(2048)

    def _convolved(self, states: Tensor, block: int, number: int) -> Tensor:
        name = f"conv_block{block}."
        w = self._weights
        states = F.conv2d(states, w[f"{name}conv{number}.weight"], padding=1).float()
        bn = f"{name}bn{number}."
        return F.relu(
            F.batch_norm(states, w[bn + "running_mean"], w[bn + "running_var"], w[bn + "weight"], w[bn + "bias"])
        )

    @torch.inference_mode()
    def __call__(self, waveform: npt.NDArray[np.float32]) -> Floats:
        """What is heard in a waveform at 22,050 Hz: the highest and the mean of its blocks' embeddings, `[1024]`."""
        waveform = waveform[: HEARD_S * SAMPLING_RATE_HZ]
        heard = soxr.resample(waveform / max(float(np.abs(waveform).max()), 1e-6), SAMPLING_RATE_HZ, RATE_HZ)
        spectrum = torch.stft(
            torch.from_numpy(heard), 2048, 1024, window=self._window, pad_mode="constant", return_complex=True
        )
        mels = ((self._filters @ spectrum.abs().square() * 10_000 + 1).log10() / _HIGHEST).t()
        n_blocks = max(1, round(len(mels) / BLOCK_FRAMES))
        mels = F.pad(mels, (0, 0, 0, max(0, n_blocks * BLOCK_FRAMES - len(mels))))[: n_blocks * BLOCK_FRAMES]
        states = mels.reshape(n_blocks, 1, BLOCK_FRAMES, N_BANDS)
        with torch.autocast("cpu", torch.bfloat16):
            for block in (1, 2, 3, 4):
                states = self._convolved(self._convolved(states, block, 1), block, 2)
                if block < 4:
                    states = F.max_pool2d(states, 2)
        embeddings = states.float().mean(3).amax(2)
        return np.asarray(torch.cat([embeddings.amax(0), embeddings.mean(0)]).numpy(), dtype=np.float32)
