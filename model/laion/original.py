"""Tensors in LAION's own checkpoints, such as `630k-audioset-best.pt`: their names there and in transformers."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

THEIRS = "audio_model.audio_encoder."
"""What stands before the audio tower's names in a file of transformers' own, such as `pytorch_model.bin`."""
SIGN = ("audio_branch.", "module.audio_branch.", THEIRS)
PARALLEL = "module."  # what training on several GPUs puts before every name
AUDIO = "audio_branch"
MEL_BANK = f"{AUDIO}.logmel_extractor.melW"

# What an embedding does not need: constants, the classification heads, the dense layers that only the loss saw, and
# `position_ids`, which old versions of RoBERTa stored.
IGNORABLE = re.compile(
    r"|".join(
        (
            rf"{AUDIO}\.(tscam_conv|head)\.(weight|bias)",
            rf"{AUDIO}\.(spectrogram_extractor|logmel_extractor)\..*",
            rf"{AUDIO}\.layers\.\d+\.blocks\.\d+\.(attn_mask|attn\.relative_position_index)",
            r"text_branch\.embeddings\.(position_ids|token_type_ids)",
            r"(audio|text)_transform\.sequential\.\d+\.(weight|bias)",
        )
    )
)

_RENAMED = (
    (re.compile(r"^audio_branch\.bn0\."), "audio_branch.batch_norm."),
    (re.compile(r"^(audio_branch\.layers\.\d+\.blocks\.\d+)\.norm1\."), r"\1.layernorm_before."),
    (re.compile(r"^(audio_branch\.layers\.\d+\.blocks\.\d+)\.norm2\."), r"\1.layernorm_after."),
    (re.compile(r"^(audio_branch\.layers\.\d+\.blocks\.\d+)\.attn\.proj\."), r"\1.attention.output.dense."),
    (re.compile(r"^(audio_branch\.layers\.\d+\.blocks\.\d+)\.attn\."), r"\1.attention.self."),
    (re.compile(r"^(audio_branch\.layers\.\d+\.blocks\.\d+)\.mlp\.fc1\."), r"\1.intermediate.dense."),
    (re.compile(r"^(audio_branch\.layers\.\d+\.blocks\.\d+)\.mlp\.fc2\."), r"\1.output.dense."),
    (re.compile(r"^audio_branch\."), "audio_model.audio_encoder."),
    (re.compile(r"^text_branch\."), "text_model."),
    (re.compile(r"^(audio|text)_projection\.0\."), r"\1_projection.linear1."),
    (re.compile(r"^(audio|text)_projection\.2\."), r"\1_projection.linear2."),
)


def plain_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Take what training on several GPUs puts before every name away."""
    return {name.removeprefix(PARALLEL): value for name, value in state.items()}


def renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors that an embedding needs transformers' names; queries, keys and values come apart."""
    theirs: dict[str, Tensor] = {}
    for name, value in state.items():
        if IGNORABLE.fullmatch(name):
            continue
        for pattern, new in _RENAMED:
            name = pattern.sub(new, name)
        if ".attention.self.qkv." in name:
            for part, rows in zip(("query", "key", "value"), value.chunk(3), strict=True):
                theirs[name.replace(".qkv.", f".{part}.")] = rows.contiguous()
        else:
            theirs[name] = value
    return theirs
