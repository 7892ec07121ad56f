"""The audio tower of a `ClapModel`: its sizes, and its tensors by the names that the graph of HTS-AT has for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..encoders.checkpoint import CONFIG, WEIGHTS, Checkpoint
from ..encoders.tensors import check_shapes, mapped_tensors
from ..errors import CheckpointError
from ..msclap.audio_sizes import AudioSizes

Float = npt.NDArray[np.float32]

PROJECTION = "audio_projection"
# What no embedding needs: constants, and the second view of clips longer than a segment, of which there are none.
IGNORED = re.compile(
    r".*\.(relative_position_index|num_batches_tracked)|"
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
_NAMES = (
    ("audio_model.encoder.", "audio_model.audio_encoder."),
    (".stages.", ".layers."),
    (".norm1.", ".layernorm_before."),
    (".norm2.", ".layernorm_after."),
    (".attn.proj.", ".attention.output.dense."),
    (".attn.", ".attention.self."),
    (".mlp.fc1.", ".intermediate.dense."),
    (".mlp.fc2.", ".output.dense."),
)


def audio_sizes(config: Mapping[str, Any]) -> AudioSizes:
    """Read the audio tower's sizes from the `config.json` of a `ClapModel`.

    Raises:
        ValueError, TypeError: If a field is not of its kind, or asks for what is not computed here.
    """
    audio = {"projection_hidden_act": config.get("projection_hidden_act", "relu")} | dict(
        config.get("audio_config") or {}
    )
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
    return AudioSizes.of({"projection_dim": config.get("projection_dim", 512), "audio_config": audio})


def read_sizes(checkpoint: Checkpoint) -> AudioSizes:
    """Read a checkpoint's audio sizes.

    Raises:
        CheckpointError: If its configuration describes no audio tower that is computed here.
    """
    try:
        return audio_sizes(checkpoint.read(CONFIG))
    except (TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
        raise CheckpointError(f"{checkpoint.folder / CONFIG}: the audio tower cannot be built: {error}") from error


def read_weights(folder: Path, sizes: AudioSizes) -> dict[str, Float]:
    """Read the audio tower's tensors as the graph of HTS-AT names them: queries, keys and values in one.

    Raises:
        CheckpointError: If the file cannot be read, or its tensors are not those of the configuration.
    """
    path = folder / WEIGHTS
    tensors = mapped_tensors(path, prefix="audio_", ignored=IGNORED)
    theirs = {name: _theirs(name) for name in sizes.shapes() if not name.startswith(PROJECTION)}
    expected = _projection(sizes)
    for name, shape in sizes.shapes().items():
        for one in theirs.get(name, ()):
            expected[one] = (shape[0] // len(theirs[name]), *shape[1:])
    check_shapes(tensors, expected, path=path)
    joined = {name: np.concatenate([tensors[one] for one in parts]) for name, parts in theirs.items()}
    return joined | {name: tensors[name] for name in _projection(sizes)}


def _theirs(name: str) -> tuple[str, ...]:
    """What transformers calls a tensor; joined queries, keys and values are three there."""
    for ours, theirs in _NAMES:
        name = name.replace(ours, theirs)
    return (
        tuple(name.replace(".qkv.", f".{part}.") for part in ("query", "key", "value")) if ".qkv." in name else (name,)
    )


def _projection(sizes: AudioSizes) -> dict[str, tuple[int, ...]]:
    dim, last = sizes.embedding_dim, sizes.width(len(sizes.depths) - 1)
    return {
        f"{PROJECTION}.linear1.weight": (dim, last),
        f"{PROJECTION}.linear1.bias": (dim,),
        f"{PROJECTION}.linear2.weight": (dim, dim),
        f"{PROJECTION}.linear2.bias": (dim,),
    }
