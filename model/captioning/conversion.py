"""Conversion of the original `clapcap_weights_2023.pth` to a checkpoint of ours."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers.initialization import no_init_weights

from ..encoders.original import ConversionReport, Original, written
from ..errors import CheckpointError
from ..msclap.configuration import MSClapTextConfig
from ..msclap.conversion import SEGMENT_S, take_front_end
from ..msclap.gpt2_tokenizer import load_tokenizer
from ..msclap.processing import MSClapProcessor
from .original import (
    CONSTANT,
    HEARD,
    MLP_FIRST,
    MLP_SECOND,
    OUTPUT,
    PREFIX,
    TOKENS,
    is_ignorable,
    is_transposed,
    renamed,
)
from .registration import ClapCapConfig, ClapCapModel

WHAT = "clapcap"
HEAD_WIDTH = 64  # of GPT-2's attention heads, in all its sizes, whose number no tensor tells


def convert_original(original: Original, out_dir: Path, *, tokenizer: Path) -> ConversionReport:
    """Convert an original checkpoint of clapcap; the sizes of its mapper are those of its tensors.

    Args:
        original: What stands in `clapcap_weights_2023.pth`.
        out_dir: Where the checkpoint goes; must not exist. It appears whole or not at all.
        tokenizer: Folder with GPT-2's tokenizer files.

    Raises:
        CheckpointError: If a tensor is missing, of another shape, or not known, or the tokenizer cannot be read.
    """
    extractor, mel = take_front_end(original, PREFIX, what=WHAT, segment_s=SEGMENT_S)
    try:
        config = read_config(original)
    except (ValueError, IndexError) as error:  # sizes that no captioner can have
        raise CheckpointError(f"{original.path}: does not fit {WHAT}: {error}") from error
    output, tokens = original.state.get(OUTPUT), original.state[TOKENS]
    if output is not None and not torch.equal(output, tokens):
        raise CheckpointError(f"{original.path}: its {OUTPUT} is not its {TOKENS}, as it is in GPT-2")
    text = load_tokenizer(tokenizer)
    with no_init_weights():  # every weight is about to be replaced, or the strict loading fails
        model = ClapCapModel(config)
    n_tensors, n_ignored = original.into(
        model, what=WHAT, renamed=renamed, is_ignorable=is_ignorable, is_transposed=is_transposed
    )

    def write(folder: Path) -> None:
        model.save_pretrained(folder)
        MSClapProcessor(extractor, text).save_pretrained(folder)

    written(out_dir, write)
    return ConversionReport(
        out_dir=out_dir, what=WHAT, n_tensors=n_tensors, n_ignored=n_ignored, mel=mel, writes_captions=True
    )


def read_config(original: Original) -> ClapCapConfig:
    """Read the sizes of the mapper and of GPT-2 off their tensors; those of the audio tower are always the same.

    Raises:
        CheckpointError: If what tells them is missing, or is no mapper's.
    """
    state = original.state
    tokens = state.get(TOKENS)
    if tokens is None or tokens.ndim != 2:
        raise CheckpointError(f"{original.path}: the tensor {TOKENS} is missing, so this is not {WHAT}")
    vocabulary, width = tokens.shape
    layers = {name.split(".")[3] for name in state if name.startswith("gpt.transformer.h.")}
    text = MSClapTextConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        num_hidden_layers=len(layers),
        num_attention_heads=max(1, width // HEAD_WIDTH),
        intermediate_size=4 * width,
    ).to_dict()
    mlp, heard, constant = state.get(f"{MLP_SECOND}.weight"), state.get(HEARD), state.get(CONSTANT)
    if mlp is not None and f"{MLP_FIRST}.weight" in state:
        return ClapCapConfig(text_config=text, mapping_type="mlp", prefix_length=mlp.shape[0] // width)
    if heard is None or constant is None:
        raise CheckpointError(f"{original.path}: it has neither of the mappers that {WHAT} knows")
    blocks = {name.split(".")[3] for name in state if name.startswith("clap_project.transformer.layers.")}
    return ClapCapConfig(
        text_config=text,
        prefix_length=constant.shape[0],
        prefix_length_clip=heard.shape[0] // width,
        mapper_layers=len(blocks),
    )
