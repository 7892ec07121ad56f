"""Every class of clapcap in one import, and their registration with transformers' Auto classes."""

from transformers import AutoConfig, AutoFeatureExtractor, AutoModel, AutoProcessor

from ..msclap.feature_extraction import MSClapFeatureExtractor
from ..msclap.processing import MSClapProcessor
from .configuration import ClapCapConfig
from .modeling import ClapCapModel

__all__ = ["ClapCapConfig", "ClapCapModel"]

AutoConfig.register(ClapCapConfig.model_type, ClapCapConfig)
AutoModel.register(ClapCapConfig, ClapCapModel)
AutoFeatureExtractor.register(ClapCapConfig, MSClapFeatureExtractor)
AutoProcessor.register(ClapCapConfig, MSClapProcessor)
