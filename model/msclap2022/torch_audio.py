"""MSCLAP 2022 in torch, for the towers that compute there."""

from __future__ import annotations

from pathlib import Path

from ..encoders.torch_models import loaded_model
from .registration import MSClap2022Config, MSClap2022Model


def load_model(folder: Path) -> MSClap2022Model:
    """Load a checkpoint's weights, all of them and nothing else, as float32.

    Raises:
        CheckpointError: if the weights are unreadable or do not fit the configuration.
    """
    return loaded_model(folder, lambda folder: MSClap2022Model(MSClap2022Config.from_pretrained(folder)))
