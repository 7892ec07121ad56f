"""Every class of MSCLAP 2022 in one import, and their registration with transformers' Auto classes."""

from transformers import AutoConfig, AutoFeatureExtractor, AutoModel, AutoProcessor

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
