"""The names of the original checkpoint's tensors, and what they are called here."""

from __future__ import annotations

import re

PREFIX = "audio_encoder.base.htsat"

# What an embedding does not need: constants, the classification head, and masks that old GPT-2 versions stored.
IGNORABLE = re.compile(
    r"|".join(
        (
            rf"{PREFIX}\.tscam_conv\.(weight|bias)",
            rf"{PREFIX}\.head\.(weight|bias)",
            rf"{PREFIX}\.layers\.\d+\.blocks\.\d+\.attn_mask",
            rf"{PREFIX}\.layers\.\d+\.blocks\.\d+\.attn\.relative_position_index",
            r"caption_encoder\.base\.h\.\d+\.attn\.(bias|masked_bias)",
        )
    )
)

_RENAMED = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (rf"{PREFIX}\.bn0\.(.*)", r"audio_model.encoder.batch_norm.\1"),
        (rf"{PREFIX}\.layers\.(.*)", r"audio_model.encoder.stages.\1"),
        (rf"{PREFIX}\.(patch_embed|norm)\.(.*)", r"audio_model.encoder.\1.\2"),
        (r"audio_encoder\.projection\.(.*)", r"audio_projection.\1"),
        (r"caption_encoder\.base\.wte\.(.*)", r"text_model.encoder.token_embeddings.\1"),
        (r"caption_encoder\.base\.wpe\.(.*)", r"text_model.encoder.position_embeddings.\1"),
        (r"caption_encoder\.base\.h\.(\d+)\.ln_([12])\.(.*)", r"text_model.encoder.blocks.\1.norm\2.\3"),
        (r"caption_encoder\.base\.h\.(\d+)\.attn\.c_attn\.(.*)", r"text_model.encoder.blocks.\1.attn.qkv.\2"),
        (r"caption_encoder\.base\.h\.(\d+)\.attn\.c_proj\.(.*)", r"text_model.encoder.blocks.\1.attn.proj.\2"),
        (r"caption_encoder\.base\.h\.(\d+)\.mlp\.c_fc\.(.*)", r"text_model.encoder.blocks.\1.fc1.\2"),
        (r"caption_encoder\.base\.h\.(\d+)\.mlp\.c_proj\.(.*)", r"text_model.encoder.blocks.\1.fc2.\2"),
        (r"caption_encoder\.base\.ln_f\.(.*)", r"text_model.encoder.norm.\1"),
        (r"caption_encoder\.projection\.(.*)", r"text_projection.\1"),
        (r"(logit_scale)", r"\1"),
    )
)
_TRANSPOSED = re.compile(r"caption_encoder\.base\.h\.\d+\.(attn|mlp)\.c_\w+\.weight")


def is_ignorable(name: str) -> bool:
    """Return whether an embedding does not need a tensor."""
    return IGNORABLE.fullmatch(name) is not None


def renamed(name: str) -> str | None:
    """Return what a tensor of the original is called here; None for a name that is not known."""
    for pattern, ours in _RENAMED:
        if pattern.fullmatch(name):
            return pattern.sub(ours, name)
    return None


def is_transposed(name: str) -> bool:
    """Return whether the original holds the tensor as `[n_in, n_out]`, as GPT-2's dense layers do."""
    return _TRANSPOSED.fullmatch(name) is not None
