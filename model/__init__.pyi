from .encoder import Encoder as Encoder
from .errors import SoundgrepError as SoundgrepError
from .family import Family as Family
from .family import Traits as Traits
from .msclap.registration import MSClapAudioConfig as MSClapAudioConfig
from .msclap.registration import MSClapAudioModel as MSClapAudioModel
from .msclap.registration import MSClapAudioModelWithProjection as MSClapAudioModelWithProjection
from .msclap.registration import MSClapConfig as MSClapConfig
from .msclap.registration import MSClapFeatureExtractor as MSClapFeatureExtractor
from .msclap.registration import MSClapModel as MSClapModel
from .msclap.registration import MSClapProcessor as MSClapProcessor
from .msclap.registration import MSClapTextConfig as MSClapTextConfig
from .msclap.registration import MSClapTextModel as MSClapTextModel
from .msclap.registration import MSClapTextModelWithProjection as MSClapTextModelWithProjection
from .release import Release as Release

__all__ = [
    "Encoder",
    "Family",
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
    "Release",
    "SoundgrepError",
    "Traits",
]
