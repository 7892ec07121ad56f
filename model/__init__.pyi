from .captioning.captioner import Captioner as Captioner
from .captioning.captioner import CaptionSearch as CaptionSearch
from .captioning.registration import ClapCapConfig as ClapCapConfig
from .captioning.registration import ClapCapModel as ClapCapModel
from .encoders.encoder import Encoder as Encoder
from .encoders.family import Family as Family
from .encoders.release import Release as Release
from .encoders.traits import Traits as Traits
from .errors import SoundgrepError as SoundgrepError
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
from .msclap2022.registration import MSClap2022AudioConfig as MSClap2022AudioConfig
from .msclap2022.registration import MSClap2022AudioModel as MSClap2022AudioModel
from .msclap2022.registration import MSClap2022AudioModelWithProjection as MSClap2022AudioModelWithProjection
from .msclap2022.registration import MSClap2022Config as MSClap2022Config
from .msclap2022.registration import MSClap2022Model as MSClap2022Model
from .msclap2022.registration import MSClap2022Processor as MSClap2022Processor
from .msclap2022.registration import MSClap2022TextConfig as MSClap2022TextConfig
from .msclap2022.registration import MSClap2022TextModel as MSClap2022TextModel
from .msclap2022.registration import MSClap2022TextModelWithProjection as MSClap2022TextModelWithProjection

__all__ = [
    "CaptionSearch",
    "Captioner",
    "ClapCapConfig",
    "ClapCapModel",
    "Encoder",
    "Family",
    "MSClap2022AudioConfig",
    "MSClap2022AudioModel",
    "MSClap2022AudioModelWithProjection",
    "MSClap2022Config",
    "MSClap2022Model",
    "MSClap2022Processor",
    "MSClap2022TextConfig",
    "MSClap2022TextModel",
    "MSClap2022TextModelWithProjection",
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
