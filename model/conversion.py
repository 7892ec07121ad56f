"""Conversion: whichever original checkpoint a file holds, as a checkpoint of ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import CheckpointError, UsageError
from .extras import need_extra

if TYPE_CHECKING:
    from .encoders.original import ConversionReport

    _Kind = tuple[str | tuple[str, ...], str, str, Callable[..., ConversionReport]]


def convert_checkpoint(weights: Path, out_dir: Path, *, tokenizer: Path | None = None) -> ConversionReport:
    """Convert an original checkpoint; its tensors' names tell which it is.

    Args:
        weights: `CLAP_weights_2022.pth`, `CLAP_weights_2023.pth`, `clapcap_weights_2023.pth`, or LAION's `.pt` files,
            under any name.
        out_dir: Where the checkpoint goes; must not exist. It appears whole or not at all.
        tokenizer: Folder with the tokenizer's files: GPT-2's for MSCLAP 2023 and clapcap, those of
            `bert-base-uncased` for MSCLAP 2022, RoBERTa's for LAION CLAP.

    Raises:
        MissingPackageError: If torch or transformers is not installed.
        UsageError: If `weights` is missing, `out_dir` exists, or the tokenizer is not given.
        CheckpointError: If it is no checkpoint of these, or a tensor is missing, of another shape, or not known.
    """
    need_extra("torch", wanted_by="converting a checkpoint")
    from .encoders.original import Original, refuse_existing

    refuse_existing(out_dir)
    original = Original.read(weights)
    for sign, what, whose, convert in _kinds():
        if any(name.startswith(sign) for name in original.state):
            if tokenizer is None:
                raise UsageError(f"{weights}: is {what}, which needs {whose}'s tokenizer: give --tokenizer DIR")
            return convert(original, out_dir, tokenizer=tokenizer)
    raise CheckpointError(
        f"{weights}: its tensors are those of no checkpoint known here (MSCLAP 2022 and 2023, clapcap, LAION CLAP)"
    )


def _kinds() -> tuple[_Kind, ...]:
    """Return the kinds of files that can be converted.

    Each is what stands at the beginning of a tensor's name in it and in no other, what the file then is, whose
    tokenizer it needs, and what converts it.
    """
    from .captioning import conversion as clapcap
    from .captioning.original import SIGN as CLAPCAP
    from .laion import conversion as laion
    from .laion.original import SIGN as LAION
    from .msclap import conversion as msclap_2023
    from .msclap.original import PREFIX as MSCLAP_2023
    from .msclap2022 import conversion as msclap_2022
    from .msclap2022.original import SIGN as MSCLAP_2022

    return (
        (CLAPCAP, clapcap.WHAT, "GPT-2", clapcap.convert_original),
        (MSCLAP_2023, msclap_2023.WHAT, "GPT-2", msclap_2023.convert_original),
        (MSCLAP_2022, msclap_2022.WHAT, "BERT", msclap_2022.convert_original),
        (LAION, laion.WHAT, "RoBERTa", laion.convert_original),
    )
