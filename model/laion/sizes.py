"""What of a `ClapModel`'s configuration is computed here, and its HTS-AT in MSCLAP's terms."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..encoders.checkpoint import CONFIG, Checkpoint
from ..errors import CheckpointError

# What no embedding needs: constants, and the second view of clips longer than a segment, of which there are none.
IGNORED = re.compile(
    r".*\.(relative_position_index|num_batches_tracked|position_ids|token_type_ids)|"
    r"audio_model\.audio_encoder\.patch_embed\.(mel_conv2d|fusion_model)\..*"
)
# The only values that are computed here, each with transformers' default; every known checkpoint has them.
_COMPUTED: Mapping[str, object] = {
    "hidden_act": "gelu",
    "projection_hidden_act": "relu",
    "enable_patch_layer_norm": True,
    "flatten_patch_embeds": True,
    "patch_embed_input_channels": 1,
    "layer_norm_eps": 1e-5,
}
_SAME = (
    "num_mel_bins",
    "spec_size",
    "patch_size",
    "patch_stride",
    "patch_embeds_hidden_size",
    "depths",
    "num_attention_heads",
    "window_size",
    "mlp_ratio",
    "qkv_bias",
)


def audio_sizes(checkpoint: Checkpoint) -> dict[str, Any]:
    """Read the sizes of the audio tower, as the fields of an `MSClapAudioConfig`.

    Raises:
        CheckpointError: If a field is not of its kind, or asks for what is not computed here.
    """
    try:
        return _audio_sizes(checkpoint.read(CONFIG))
    except (TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{checkpoint.folder / CONFIG}: the audio tower cannot be built: {error}") from error


def _audio_sizes(config: Mapping[str, Any]) -> dict[str, Any]:
    audio = {"projection_hidden_act": config.get("projection_hidden_act", "relu")}
    audio |= dict(config.get("audio_config") or {})
    for name, only in _COMPUTED.items():
        if audio.get(name, only) != only:
            raise ValueError(f"{name} must be {only!r}, not {audio[name]!r}")
    if audio.get("enable_fusion") and audio.get("fusion_type") == "channel_map":
        raise ValueError("fusion_type 'channel_map' is not computed")
    for name in ("patch_size", "patch_stride"):
        sides = audio.get(name, 4)
        if isinstance(sides, list):
            if len(set(sides)) != 1:
                raise ValueError(f"{name} must be square, not {sides}")
            audio[name] = sides[0]
    same = {name: audio[name] for name in _SAME if name in audio}
    return {"projection_dim": config.get("projection_dim", 512)} | same


def check_text(checkpoint: Checkpoint) -> None:
    """Refuse a text tower that is not computed here.

    Raises:
        CheckpointError: If an activation is another one.
    """
    config = checkpoint.read(CONFIG)
    text = config.get("text_config") or {}
    acts = (text.get("hidden_act", "gelu"), config.get("projection_hidden_act", "relu"))
    if acts != ("gelu", "relu"):
        raise CheckpointError(
            f"{checkpoint.folder / CONFIG}: the text tower cannot be built: its activations must be 'gelu' and "
            f"'relu', not {acts[0]!r} and {acts[1]!r}"
        )
