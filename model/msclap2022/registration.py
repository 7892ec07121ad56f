"""Every class of MSCLAP 2022 in one import, and their registration with transformers' Auto classes."""

from pathlib import Path

from transformers import AutoConfig, AutoFeatureExtractor, AutoModel, AutoProcessor

from ..encoders.torch_models import loaded_model
from ..msclap.feature_extraction import MSClapFeatureExtractor
from .configuration import MSClap2022AudioConfig, MSClap2022Config, MSClap2022TextConfig
from .modeling import (
    MSClap2022AudioModel,
    MSClap2022AudioModelWithProjection,
    MSClap2022Model,
    MSClap2022TextModel,
    MSClap2022TextModelWithProjection,
)
from .processing import MSClap2022Processor

__all__ = [
    "MSClap2022AudioConfig",
    "MSClap2022AudioModel",
    "MSClap2022AudioModelWithProjection",
    "MSClap2022Config",
    "MSClap2022Model",
    "MSClap2022Processor",
    "MSClap2022TextConfig",
    "MSClap2022TextModel",
    "MSClap2022TextModelWithProjection",
]

for config, model in (
    (MSClap2022Config, MSClap2022Model),
    (MSClap2022TextConfig, MSClap2022TextModel),
    (MSClap2022AudioConfig, MSClap2022AudioModel),
):
    AutoConfig.register(config.model_type, config)
    AutoModel.register(config, model)
AutoFeatureExtractor.register(MSClap2022Config, MSClapFeatureExtractor)
AutoProcessor.register(MSClap2022Config, MSClap2022Processor)


def load_model(folder: Path) -> MSClap2022Model:
    """Load a checkpoint's weights, all of them and nothing else, as float32.

    Raises:
        CheckpointError: if the weights are unreadable or do not fit the configuration.
    """
    return loaded_model(folder, lambda folder: MSClap2022Model(MSClap2022Config.from_pretrained(folder)))
