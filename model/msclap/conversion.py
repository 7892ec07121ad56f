"""Conversion of the original `CLAP_weights_2023.pth` to a checkpoint of ours."""

from __future__ import annotations

import pickle
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from transformers.initialization import no_init_weights

from ..errors import CheckpointError, UsageError
from .feature_extraction import MSClapFeatureExtractor
from .gpt2_tokenizer import load_tokenizer
from .mel import MelFrontEnd
from .original import DFT, IGNORABLE, MEL_BANK, is_transposed, renamed
from .registration import MSClapConfig, MSClapModel, MSClapProcessor

# What the reference's two configurations say; the checkpoint's own bank decides which of them holds.
MEL_SAMPLING_RATES_HZ = (44_100, 32_000)
FREQUENCIES_MAX_HZ = (8_000, 14_000)
FREQUENCY_MIN_HZ = 50
BANK_TOLERANCE = 1e-6
DFT_TOLERANCE = 1e-4


@dataclass(frozen=True)
class ConversionReport:
    """What a conversion found.

    Attributes:
        out_dir: The checkpoint that was written.
        n_tensors: Tensors that were taken.
        n_ignored: Tensors that no embedding needs.
        mel: What the mel bank is, in words.
    """

    out_dir: Path
    n_tensors: int
    n_ignored: int
    mel: str


def read_state(weights: Path) -> dict[str, Tensor]:
    """Read the tensors of an original checkpoint, executing nothing that stands in it.

    Raises:
        UsageError: if the file is missing.
        CheckpointError: if it is not a torch file of `{"model": tensors}`.
    """
    if not weights.is_file():
        raise UsageError(f"{weights}: no such file")
    try:
        content = torch.load(weights, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, OSError, KeyError, TypeError) as error:
        first = " ".join(str(error).split())[:160]
        raise CheckpointError(f"{weights}: not a torch checkpoint of plain tensors: {first}") from error
    state = content.get("model") if isinstance(content, dict) else None
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise CheckpointError(f"{weights}: holds no tensors under 'model', as CLAP_weights_2023.pth does")
    return state


def front_end(bank: npt.NDArray[np.float32]) -> tuple[MSClapFeatureExtractor, str]:
    """Find the front end whose mel bank a checkpoint holds, float32 `[513, 64]`; keep the bank itself if none fits."""
    for rate in MEL_SAMPLING_RATES_HZ:
        for highest in FREQUENCIES_MAX_HZ:
            candidate = MelFrontEnd(1024, 320, bank.shape[1], FREQUENCY_MIN_HZ, highest, rate)
            if candidate.bank.shape == bank.shape and np.abs(candidate.bank - bank).max() < BANK_TOLERANCE:
                extractor = MSClapFeatureExtractor(frequency_max=highest, mel_sampling_rate=rate)
                return extractor, f"{FREQUENCY_MIN_HZ} to {highest} Hz drawn for {rate} Hz"
    return MSClapFeatureExtractor(feature_size=bank.shape[1], mel_bank=bank.tolist()), "a bank of its own, kept whole"


def check_dft(state: dict[str, Tensor], weights: Path) -> None:
    """Make sure that the checkpoint's Fourier kernels are those of a Hann window, which ours computes.

    Raises:
        CheckpointError: if a kernel is missing or differs.
    """
    n = 1024
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    angles = 2 * np.pi * np.outer(np.arange(n // 2 + 1), np.arange(n)) / n
    for name, expected in zip(DFT, (np.cos(angles) * window, -np.sin(angles) * window), strict=True):
        kernel = state.pop(name, None)
        if kernel is None or kernel.shape != (n // 2 + 1, 1, n):
            raise CheckpointError(f"{weights}: the Fourier kernel {name} is missing or of another size")
        if np.abs(kernel[:, 0].double().numpy() - expected).max() > DFT_TOLERANCE:
            raise CheckpointError(f"{weights}: {name} is not a Hann-windowed Fourier transform, which is needed here")


def convert_checkpoint(weights: Path, out_dir: Path, *, tokenizer: Path) -> ConversionReport:
    """Convert an original checkpoint of MSCLAP 2023.

    Args:
        weights: `CLAP_weights_2023.pth`.
        out_dir: Where the checkpoint goes; must not exist. It appears whole or not at all.
        tokenizer: Folder with GPT-2's tokenizer files.

    Raises:
        UsageError: if `weights` is missing or `out_dir` exists.
        CheckpointError: if a tensor is missing, of another shape, or not known.
    """
    if out_dir.exists():
        raise UsageError(f"{out_dir}: exists already, give a new folder")
    state = read_state(weights)
    bank = state.pop(MEL_BANK, None)
    if bank is None or bank.ndim != 2:
        raise CheckpointError(f"{weights}: the mel bank {MEL_BANK} is missing, so this is not MSCLAP 2023")
    check_dft(state, weights)
    extractor, mel = front_end(bank.float().numpy())
    text = load_tokenizer(tokenizer)
    ours: dict[str, Tensor] = {}
    ignored = [name for name in state if IGNORABLE.fullmatch(name)]
    for name, value in state.items():
        if name in ignored:
            continue
        key = renamed(name)
        if key is None:
            raise CheckpointError(f"{weights}: the tensor {name} has no place in MSCLAP 2023")
        ours[key] = value.t().contiguous() if is_transposed(name) else value
    with no_init_weights():  # every weight is about to be replaced, or the strict loading fails
        model = MSClapModel(MSClapConfig())
    try:
        model.load_state_dict(ours)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise CheckpointError(f"{weights}: does not fit MSCLAP 2023: {reason}") from error
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{out_dir.name}-", dir=out_dir.parent))
    try:
        model.save_pretrained(partial)
        MSClapProcessor(extractor, text).save_pretrained(partial)
        partial.chmod(0o755)
        partial.replace(out_dir)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return ConversionReport(out_dir=out_dir, n_tensors=len(ours), n_ignored=len(ignored), mel=mel)
