"""The names of the original checkpoint's tensors, and what they are called here."""

from __future__ import annotations

import re

PREFIX = "audio_encoder.base"
SIGN = f"{PREFIX}.conv_block1.conv1.weight"
"""A tensor that MSCLAP 2022 has, and no other checkpoint of these."""

# What an embedding does not need: the classification head, BERT's own pooling layer, and constants that old versions
# stored.
IGNORABLE = re.compile(
    rf"{PREFIX}\.fc_audioset\.(weight|bias)"
    r"|caption_encoder\.base\.pooler\.dense\.(weight|bias)"
    r"|caption_encoder\.base\.embeddings\.(position_ids|token_type_ids)"
)

_CONV = re.compile(rf"{PREFIX}\.conv_block([1-6])\.(conv|bn)([12])\.(.*)")
_KINDS = {"conv": "conv", "bn": "norm"}
_RENAMED = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (rf"{PREFIX}\.bn0\.(.*)", r"audio_model.encoder.batch_norm.\1"),
        (rf"{PREFIX}\.fc1\.(.*)", r"audio_model.encoder.dense.\1"),
        (r"audio_encoder\.projection\.(.*)", r"audio_projection.\1"),
        (r"caption_encoder\.base\.((embeddings|encoder)\..*)", r"text_model.encoder.\1"),
        (r"caption_encoder\.projection\.(.*)", r"text_projection.\1"),
        (r"(logit_scale)", r"\1"),
    )
)


def is_ignorable(name: str) -> bool:
    """Return whether an embedding does not need a tensor."""
    return IGNORABLE.fullmatch(name) is not None


def renamed(name: str) -> str | None:
    """Return what a tensor of the original is called here; None for a name that is not known."""
    conv = _CONV.fullmatch(name)
    if conv:
        block, kind, number, rest = conv.groups()
        return f"audio_model.encoder.blocks.{int(block) - 1}.{_KINDS[kind]}{number}.{rest}"
    for pattern, ours in _RENAMED:
        if pattern.fullmatch(name):
            return pattern.sub(ours, name)
    return None
