"""Every MSCLAP class in one import, and their registration with transformers' Auto classes."""

from transformers import AutoConfig, AutoFeatureExtractor, AutoModel, AutoProcessor

from .configuration import MSClapAudioConfig, MSClapConfig, MSClapTextConfig
from .feature_extraction import MSClapFeatureExtractor
from .modeling import (
    MSClapAudioModel,
    MSClapAudioModelWithProjection,
    MSClapModel,
    MSClapTextModel,
    MSClapTextModelWithProjection,
)
from .processing import MSClapProcessor

__all__ = [
    "MSClapAudioConfig",
    "MSClapAudioModel",
    "MSClapAudioModelWithProjection",
    "MSClapConfig",
    "MSClapFeatureExtractor",
    "MSClapModel",
    "MSClapProcessor",
    "MSClapTextConfig",
    "MSClapTextModel",
    "MSClapTextModelWithProjection",
]

for config, model in (
    (MSClapConfig, MSClapModel),
    (MSClapTextConfig, MSClapTextModel),
    (MSClapAudioConfig, MSClapAudioModel),
):
    AutoConfig.register(config.model_type, config)
    AutoModel.register(config, model)
AutoFeatureExtractor.register(MSClapConfig, MSClapFeatureExtractor)
AutoProcessor.register(MSClapConfig, MSClapProcessor)
