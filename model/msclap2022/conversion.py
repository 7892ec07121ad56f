"""Conversion of the original `CLAP_weights_2022.pth` to a checkpoint of ours."""

from __future__ import annotations

from pathlib import Path

from transformers.initialization import no_init_weights

from ..encoders.checkpoint import Checkpoint
from ..encoders.graphs import keep_graphs
from ..encoders.original import ConversionReport, Original, written
from ..msclap.conversion import take_front_end
from .bert_tokenizer import load_tokenizer
from .original import PREFIX, is_ignorable, renamed
from .registration import MSClap2022Config, MSClap2022Model, MSClap2022Processor

WHAT = "MSCLAP 2022"
SEGMENT_S = 5


def convert_original(original: Original, out_dir: Path, *, tokenizer: Path) -> ConversionReport:
    """Convert an original checkpoint of MSCLAP 2022.

    Args:
        original: What stands in `CLAP_weights_2022.pth`.
        out_dir: Where the checkpoint goes; must not exist. It appears whole or not at all.
        tokenizer: Folder with the tokenizer files of `bert-base-uncased`.

    Raises:
        CheckpointError: if a tensor is missing, of another shape, or not known, or the tokenizer cannot be read.
    """
    extractor, mel = take_front_end(original, PREFIX, what=WHAT, segment_s=SEGMENT_S)
    text = load_tokenizer(tokenizer)
    with no_init_weights():  # every weight is about to be replaced, or the strict loading fails
        model = MSClap2022Model(MSClap2022Config())
    n_tensors, n_ignored = original.into(model, what=WHAT, renamed=renamed, is_ignorable=is_ignorable)

    def write(folder: Path) -> None:
        model.save_pretrained(folder)
        MSClap2022Processor(extractor, text).save_pretrained(folder)
        keep_graphs(Checkpoint(folder), room=__package__)

    written(out_dir, write)
    return ConversionReport(out_dir=out_dir, what=WHAT, n_tensors=n_tensors, n_ignored=n_ignored, mel=mel)
