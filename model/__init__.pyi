from .encoder import Encoder as Encoder
from .errors import SoundgrepError as SoundgrepError
from .msclap.configuration import MSClapAudioConfig as MSClapAudioConfig
from .msclap.configuration import MSClapConfig as MSClapConfig
from .msclap.configuration import MSClapTextConfig as MSClapTextConfig
from .msclap.feature_extraction import MSClapFeatureExtractor as MSClapFeatureExtractor
from .msclap.modeling import MSClapAudioModel as MSClapAudioModel
from .msclap.modeling import MSClapAudioModelWithProjection as MSClapAudioModelWithProjection
from .msclap.modeling import MSClapModel as MSClapModel
from .msclap.modeling import MSClapTextModel as MSClapTextModel
from .msclap.modeling import MSClapTextModelWithProjection as MSClapTextModelWithProjection
from .msclap.processing import MSClapProcessor as MSClapProcessor

__all__ = [
    "Encoder",
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
    "SoundgrepError",
]
