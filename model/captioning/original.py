"""The names of the original checkpoint's tensors, and what they are called here."""

from __future__ import annotations

import re

from ..msclap import original as msclap

PREFIX = "clap.base.htsat"
SIGN = "clap_project."
"""What tensors of clapcap begin with, and those of no other checkpoint of these."""

MLP_FIRST, MLP_SECOND = "clap_project.model.0", "clap_project.model.2"
HEARD, CONSTANT = "clap_project.linear.weight", "clap_project.prefix_const"
TOKENS, OUTPUT = "gpt.transformer.wte.weight", "gpt.lm_head.weight"

_LAYER = r"clap_project\.transformer\.layers\.(\d+)"
_RENAMED = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (rf"{_LAYER}\.norm([12])\.(.*)", r"mapper.blocks.\1.norm\2.\3"),
        (rf"{_LAYER}\.attn\.to_queries\.(.*)", r"mapper.blocks.\1.query.\2"),
        (rf"{_LAYER}\.attn\.to_keys_values\.(.*)", r"mapper.blocks.\1.key_value.\2"),
        (rf"{_LAYER}\.attn\.project\.(.*)", r"mapper.blocks.\1.proj.\2"),
        (rf"{_LAYER}\.mlp\.(fc[12])\.(.*)", r"mapper.blocks.\1.\2.\3"),
        (r"clap_project\.linear\.(.*)", r"mapper.linear.\1"),
        (r"clap_project\.prefix_const", r"mapper.constant"),
        (r"clap_project\.model\.0\.(.*)", r"mapper.fc1.\1"),
        (r"clap_project\.model\.2\.(.*)", r"mapper.fc2.\1"),
    )
)


def known_as(name: str) -> str:
    """What MSCLAP 2023 calls the same tensor: the audio tower's and GPT-2's are its own under other beginnings."""
    for theirs, ours in (("clap.", "audio_encoder."), ("gpt.transformer.", "caption_encoder.base.")):
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    return name


def renamed(name: str) -> str | None:
    """Return what a tensor of the original is called here; None for a name that is not known."""
    for pattern, ours in _RENAMED:
        if pattern.fullmatch(name):
            return pattern.sub(ours, name)
    ours_of_2023 = msclap.renamed(known_as(name))
    return None if ours_of_2023 is None else ours_of_2023.replace("text_model.encoder.", "decoder.")


def is_ignorable(name: str) -> bool:
    """Return whether a caption does not need a tensor; the output layer is one with the token embeddings."""
    return name == OUTPUT or msclap.is_ignorable(known_as(name))


def is_transposed(name: str) -> bool:
    """Return whether the original holds the tensor as `[n_in, n_out]`, as GPT-2's dense layers do."""
    return msclap.is_transposed(known_as(name))
