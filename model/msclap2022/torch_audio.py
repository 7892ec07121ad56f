"""MSCLAP 2022 in torch, for the towers that compute there."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers.initialization import no_init_weights

from ..checkpoint import WEIGHTS
from ..errors import CheckpointError
from .registration import MSClap2022Config, MSClap2022Model


def load_model(folder: Path) -> MSClap2022Model:
    """Load a checkpoint's weights, all of them and nothing else, as float32.

    Raises:
        CheckpointError: if the weights are unreadable or do not fit the configuration.
    """
    weights = folder / WEIGHTS
    try:
        with no_init_weights():
            model = MSClap2022Model(MSClap2022Config.from_pretrained(folder))
        model.load_state_dict(load_file(weights))  # copies half precision into the model's float32
    except (OSError, SafetensorError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{weights}: cannot be loaded: {reason[:300]}") from error
    return model.eval().requires_grad_(False)
