"""Models of torch, filled from a checkpoint's folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers.initialization import no_init_weights

from ..errors import CheckpointError
from .checkpoint import WEIGHTS

Model = TypeVar("Model", bound=torch.nn.Module)
Fill = Callable[[Model, dict[str, torch.Tensor]], object]

_N_REASON = 300


def loaded_model(
    folder: Path, make: Callable[[Path], Model], *, fill: Fill[Model] = torch.nn.Module.load_state_dict
) -> Model:
    """Load a checkpoint's weights as float32.

    Args:
        folder: The checkpoint.
        make: Makes a model of its configuration.
        fill: Copies its tensors, by name, into the model, whatever their precision; all of them and nothing else,
            unless it is told otherwise.

    Raises:
        CheckpointError: If the weights are unreadable or do not fit the configuration.
    """
    weights = folder / WEIGHTS
    try:
        with no_init_weights():  # every weight is about to be replaced, or the filling fails
            model = make(folder)
        fill(model, load_file(weights))
    except (OSError, SafetensorError, RuntimeError, TypeError, ValueError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{weights}: cannot be loaded: {reason[:_N_REASON]}") from error
    return model.eval().requires_grad_(False)
