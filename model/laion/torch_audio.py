"""Loading a LAION checkpoint for torch: on a GPU, or where there is no OpenVINO."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from transformers import ClapAudioConfig, ClapConfig, ClapModel

from ..encoders.checkpoint import CONFIG, Checkpoint
from ..encoders.torch_models import loaded_model
from ..errors import CheckpointError
from ..msclap.audio_tower import GpuAudioTower, TorchAudioTower
from ..msclap.configuration import MSClapAudioConfig
from ..msclap.mel import MelFrontEnd
from .front_end import read_clap_front_end
from .sizes import IGNORED, audio_sizes

# Buffers that hold what the configuration says; files have them or not, by the version that wrote them.
CONSTANT = re.compile(r".*\.(relative_position_index|num_batches_tracked|position_ids|token_type_ids)")


def torch_tower(folder: Path) -> TorchAudioTower:
    """Load the audio tower for a CPU.

    Raises:
        CheckpointError: If a file of it is unreadable or does not fit the others.
    """
    return TorchAudioTower(folder, load=load_model, front_end=load_front_end)


def gpu_tower(folder: Path) -> GpuAudioTower:
    """Load the audio tower for a GPU.

    Raises:
        CheckpointError: If a file of it is unreadable or does not fit the others.
    """
    return GpuAudioTower(folder, load=load_model, front_end=load_front_end)


def load_front_end(folder: Path) -> MelFrontEnd:
    """Load a checkpoint's front end.

    Raises:
        CheckpointError: If it is unreadable, or makes what the tower cannot take.
    """
    return read_clap_front_end(Checkpoint(folder))


def load_model(folder: Path) -> ClapModel:
    """Load a checkpoint's weights, all that an embedding of a segment needs and nothing unknown, as float32.

    A model that fuses views is loaded as one that does not: for a segment, which is never longer than the tower takes,
    both compute the same.

    Raises:
        CheckpointError: If the weights are unreadable or do not fit the configuration.
    """
    try:
        MSClapAudioConfig(**audio_sizes(Checkpoint(folder)))  # refuses what OpenVINO's tower would not compute
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{folder / CONFIG}: the audio tower cannot be built: {error}") from error
    return loaded_model(folder, _made, fill=fill)


def _made(folder: Path) -> ClapModel:
    config = ClapConfig.from_pretrained(folder)
    if isinstance(config.audio_config, ClapAudioConfig):  # always: the class promises less
        config.audio_config.enable_fusion = False
    return ClapModel(config)


def fill(model: ClapModel, state: dict[str, torch.Tensor], *, is_all: bool = False) -> None:
    """Give a model its weights, all of them; constants may be missing.

    Args:
        model: A model of the right sizes.
        state: Tensors by transformers' names.
        is_all: Whether the parts that fuse several views are to be taken, too.

    Raises:
        ValueError: If a tensor is missing or not known.
        RuntimeError: If one is of another shape.
    """
    ignored = CONSTANT if is_all else re.compile(f"{CONSTANT.pattern}|{IGNORED.pattern}")
    wanted = {name: value for name, value in state.items() if not ignored.fullmatch(name)}
    left = model.load_state_dict(wanted, strict=False)  # copies half precision into the model's float32
    missing = [name for name in left.missing_keys if not CONSTANT.fullmatch(name)]
    if missing:
        raise ValueError(f"Missing key: {missing[0]}")
    if left.unexpected_keys:
        raise ValueError(f"{left.unexpected_keys[0]} has no place in a ClapModel of this configuration")
