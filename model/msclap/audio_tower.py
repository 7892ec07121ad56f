"""The audio tower at work in torch: on a GPU, or where there is no OpenVINO."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..encoders.torch_models import loaded_model
from ..errors import CheckpointError, EngineError
from .configuration import MSClapConfig
from .feature_extraction import MSClapFeatureExtractor
from .mel import MIN_POWER, MelFrontEnd
from .modeling import MSClapModel

if TYPE_CHECKING:
    from transformers import ClapModel

Float = npt.NDArray[np.float32]
AudioModel: TypeAlias = "MSClapModel | ClapModel"

# Always as many at once, filled up with silence: a batch of another size may take other kernels and round otherwise.
N_AT_ONCE = 32
# While a GPU computes one batch, the next one is put together.
_N_BATCHES_AT_ONCE = 4


def load_model(folder: Path) -> MSClapModel:
    """Load a checkpoint's weights, all of them and nothing else, as float32.

    Raises:
        CheckpointError: If the weights are unreadable or do not fit the configuration.
    """
    return loaded_model(folder, lambda folder: MSClapModel(MSClapConfig.from_pretrained(folder)))


def load_front_end(folder: Path) -> MelFrontEnd:
    """Load a checkpoint's front end.

    Raises:
        CheckpointError: If it is unreadable.
    """
    try:
        return MSClapFeatureExtractor.from_pretrained(folder).front_end
    except (OSError, RuntimeError, TypeError, ValueError, KeyError) as error:
        raise CheckpointError(f"{folder}: the front end cannot be loaded: {error}") from error


class TorchAudioTower:
    """HTS-AT and its projection in torch, float32, one segment at a time.

    Args:
        folder: The checkpoint.
        load: Loads its model, a torch module on the CPU.
        front_end: Loads its front end.

    Raises:
        CheckpointError: If a file of it is unreadable or does not fit the others.
    """

    def __init__(
        self,
        folder: Path,
        *,
        load: Callable[[Path], AudioModel] = load_model,
        front_end: Callable[[Path], MelFrontEnd] = load_front_end,
    ) -> None:
        self._model = load(folder)
        self._front_end = front_end(folder)
        self._spent = {"mel": 0.0, "tower": 0.0}

    @property
    def n_at_once(self) -> int:
        """Segments worth embedding in one call: on a CPU a batch saves nothing."""
        return 1

    @property
    def spent(self) -> Mapping[str, float]:
        """Seconds of work so far for "mel" and for "tower"."""
        return dict(self._spent)

    def embed_segments(self, waveforms: Sequence[Float]) -> Float:
        """Embed segments, float32 `[segment_samples]` each, to float32 `[n, embedding_dim]`."""
        return np.stack([self._embed(waveform) for waveform in waveforms])

    def _embed(self, waveform: Float) -> Float:
        started_s = time.perf_counter()
        mels = torch.from_numpy(self._front_end(waveform))[None, None]
        heard_s = time.perf_counter()
        with torch.inference_mode():
            embedded: Tensor = self._model.get_audio_features(mels).pooler_output[0]
        row: Float = embedded.numpy()
        self._spent["mel"] += heard_s - started_s
        self._spent["tower"] += time.perf_counter() - heard_s
        return row


class GpuAudioTower:
    """HTS-AT and its projection in torch on a GPU, with the log-mels computed there too.

    Dense layers and attention run in `precision`, norms and the front end in float32. In float16 embeddings keep a
    cosine above 0.9999 to those in float32; bfloat16, of fewer digits, may miss that by a little. What float16 cannot
    hold is computed again in float32.

    Args:
        folder: The checkpoint.
        device: Where to compute.
        precision: Of the matrix products: torch.float16, torch.bfloat16 or torch.float32.
        compiles: Whether to let torch compile the tower (not the log-mels, whose spectra are complex numbers), which
            takes a minute and then saves time at every batch.
        load: Loads its model, a torch module on the CPU.
        front_end: Loads its front end.

    Raises:
        CheckpointError: If a file of it is unreadable or does not fit the others.
    """

    def __init__(
        self,
        folder: Path,
        *,
        device: str = "cuda",
        precision: torch.dtype = torch.float16,
        compiles: bool = False,
        load: Callable[[Path], AudioModel] = load_model,
        front_end: Callable[[Path], MelFrontEnd] = load_front_end,
    ) -> None:
        self._device = torch.device(device)
        self._precision = precision
        self._model = load(folder)
        torch.nn.Module.to(self._model, self._device)  # the model's own `to` is typed for its decorator
        self._front_end = front_end(folder)
        self._window = torch.from_numpy(self._front_end.window).to(self._device)
        self._bank = torch.from_numpy(self._front_end.bank).to(self._device)
        self._hear = torch.compile(self._in_short) if compiles else self._in_short
        self._spent = {"tower": 0.0}

    @property
    def n_at_once(self) -> int:
        """Segments worth embedding in one call: a few batches."""
        return N_AT_ONCE * _N_BATCHES_AT_ONCE

    @property
    def spent(self) -> Mapping[str, float]:
        """Seconds of work so far for "tower", which computes its log-mels as well."""
        return dict(self._spent)

    def embed_segments(self, waveforms: Sequence[Float]) -> Float:
        """Embed segments, float32 `[segment_samples]` each, to float32 `[n, embedding_dim]`."""
        started_s = time.perf_counter()
        try:
            with torch.inference_mode():
                # Nothing waits for the device before the last batch is on its way.
                batches = [waveforms[first : first + N_AT_ONCE] for first in range(0, len(waveforms), N_AT_ONCE)]
                rows: Float = torch.cat([self._embedded(batch) for batch in batches]).cpu().numpy()
                for number in np.flatnonzero(~np.isfinite(rows).all(axis=1)).tolist():
                    rows[number] = self._embedded([waveforms[number]], hear=self._in_full)[0].cpu().numpy()
        except RuntimeError as error:  # no file is to blame if it lacks memory or was lost
            reason = " ".join(str(error).split())
            raise EngineError(f"the GPU failed: {reason[:200]}") from error
        self._spent["tower"] += time.perf_counter() - started_s
        return rows

    def _embedded(self, waveforms: Sequence[Float], *, hear: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        """Embed at most a batch to float32 `[n, embedding_dim]` on the device, which may still be computing it."""
        # Out of pinned memory the device fetches it by itself; torch keeps that memory until it has.
        batch = torch.zeros((N_AT_ONCE, len(waveforms[0])), pin_memory=self._device.type == "cuda")
        np.stack(waveforms, out=batch[: len(waveforms)].numpy())
        mels = self._mels(batch.to(self._device, non_blocking=True))
        return (hear or self._hear)(mels)[: len(waveforms)].float()

    def _in_short(self, mels: Tensor) -> Tensor:
        with torch.autocast(self._device.type, dtype=self._precision, enabled=self._precision != torch.float32):
            return self._in_full(mels)

    def _in_full(self, mels: Tensor) -> Tensor:
        embedded: Tensor = self._model.get_audio_features(mels).pooler_output
        return embedded

    def _mels(self, waveforms: Tensor) -> Tensor:
        """Waveforms `[n, n_samples]` to decibels `[n, 1, n_frames, n_mels]`, as `MelFrontEnd` does it."""
        size = self._front_end.fft_window_size
        spectrum = torch.stft(
            waveforms, size, self._front_end.hop_length, window=self._window, pad_mode="reflect", return_complex=True
        )
        power = spectrum.real.square() + spectrum.imag.square()
        return 10 * torch.log10((power.transpose(1, 2) @ self._bank).clamp(min=MIN_POWER))[:, None]
