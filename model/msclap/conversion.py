"""Conversion of the original `CLAP_weights_2023.pth` to a checkpoint of ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from transformers.initialization import no_init_weights

from ..encoders.checkpoint import Checkpoint
from ..encoders.graphs import keep_graphs
from ..encoders.original import ConversionReport, Original, written
from ..errors import CheckpointError
from .feature_extraction import MSClapFeatureExtractor
from .gpt2_tokenizer import load_tokenizer
from .mel import MelFrontEnd
from .original import PREFIX, is_ignorable, is_transposed, renamed
from .registration import MSClapConfig, MSClapModel, MSClapProcessor

WHAT = "MSCLAP 2023"
SEGMENT_S = 7

# What the reference's two configurations say; the checkpoint's own bank decides which of them holds.
MEL_SAMPLING_RATES_HZ = (44_100, 32_000)
FREQUENCIES_MAX_HZ = (8_000, 14_000)
FREQUENCY_MIN_HZ = 50
BANK_TOLERANCE = 1e-6
DFT_TOLERANCE = 1e-4


def convert_original(original: Original, out_dir: Path, *, tokenizer: Path) -> ConversionReport:
    """Convert an original checkpoint of MSCLAP 2023.

    Args:
        original: `CLAP_weights_2023.pth`.
        out_dir: Where the checkpoint goes; must not exist. It appears whole or not at all.
        tokenizer: Folder with GPT-2's tokenizer files.

    Raises:
        CheckpointError: if a tensor is missing, of another shape, or not known.
    """
    extractor, mel = take_front_end(original, PREFIX, what=WHAT, segment_s=SEGMENT_S)
    text = load_tokenizer(tokenizer)
    with no_init_weights():  # every weight is about to be replaced, or the strict loading fails
        model = MSClapModel(MSClapConfig())
    n_tensors, n_ignored = original.into(
        model, what=WHAT, renamed=renamed, is_ignorable=is_ignorable, is_transposed=is_transposed
    )

    def write(folder: Path) -> None:
        model.save_pretrained(folder)
        MSClapProcessor(extractor, text).save_pretrained(folder)
        keep_graphs(Checkpoint(folder), room=__package__)

    written(out_dir, write)
    return ConversionReport(out_dir=out_dir, what=WHAT, n_tensors=n_tensors, n_ignored=n_ignored, mel=mel)


def take_front_end(
    original: Original, prefix: str, *, what: str, segment_s: float
) -> tuple[MSClapFeatureExtractor, str]:
    """Take the mel bank and the Fourier kernels out of a checkpoint, and find the front end that computes the same.

    Args:
        original: The checkpoint, whose tensors of the front end are taken out.
        prefix: What stands before their names.
        what: What the checkpoint should be, for messages.
        segment_s: Length of a segment.

    Returns:
        The front end, and what it is in words.

    Raises:
        CheckpointError: if a tensor is missing or computes something else.
    """
    bank = original.state.pop(f"{prefix}.logmel_extractor.melW", None)
    if bank is None or bank.ndim != 2:
        name = f"{prefix}.logmel_extractor.melW"
        raise CheckpointError(f"{original.path}: the mel bank {name} is missing, so this is not {what}")
    check_dft(original, prefix)
    return front_end(bank.float().numpy(), segment_s=segment_s)


def front_end(bank: npt.NDArray[np.float32], *, segment_s: float = SEGMENT_S) -> tuple[MSClapFeatureExtractor, str]:
    """Find the front end whose mel bank a checkpoint holds, float32 `[513, 64]`; keep the bank itself if none fits."""
    for rate in MEL_SAMPLING_RATES_HZ:
        for highest in FREQUENCIES_MAX_HZ:
            candidate = MelFrontEnd(1024, 320, bank.shape[1], FREQUENCY_MIN_HZ, highest, rate)
            if candidate.bank.shape == bank.shape and np.abs(candidate.bank - bank).max() < BANK_TOLERANCE:
                extractor = MSClapFeatureExtractor(
                    frequency_max=highest, mel_sampling_rate=rate, max_length_s=segment_s
                )
                return extractor, f"{FREQUENCY_MIN_HZ} to {highest} Hz drawn for {rate} Hz"
    kept = MSClapFeatureExtractor(feature_size=bank.shape[1], mel_bank=bank.tolist(), max_length_s=segment_s)
    return kept, "a bank of its own, kept whole"


def check_dft(original: Original, prefix: str) -> None:
    """Make sure that a checkpoint's Fourier kernels are those of a Hann window, which ours computes; take them out.

    Raises:
        CheckpointError: if a kernel is missing or differs.
    """
    n = 1024
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    angles = 2 * np.pi * np.outer(np.arange(n // 2 + 1), np.arange(n)) / n
    for part, expected in (("real", np.cos(angles) * window), ("imag", -np.sin(angles) * window)):
        name = f"{prefix}.spectrogram_extractor.stft.conv_{part}.weight"
        kernel = original.state.pop(name, None)
        if kernel is None or kernel.shape != (n // 2 + 1, 1, n):
            raise CheckpointError(f"{original.path}: the Fourier kernel {name} is missing or of another size")
        if np.abs(kernel[:, 0].double().numpy() - expected).max() > DFT_TOLERANCE:
            raise CheckpointError(
                f"{original.path}: {name} is not a Hann-windowed Fourier transform, which is needed here"
            )
