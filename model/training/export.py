"""From what training leaves to a checkpoint that `Encoder.from_pretrained` opens."""

import json
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerBase

from ..msclap.configuration import MSClapAudioConfig, MSClapConfig, MSClapTextConfig
from ..msclap.modeling import MSClapModel, MSClapTextModelWithProjection
from ..msclap.processing import MSClapProcessor
from .audio import MAX_SCALE, AudioStudent
from .mels import front_end
from .text import EMBEDDING_DIM


def join_towers(text: MSClapTextModelWithProjection, audio: AudioStudent) -> MSClapModel:
    """One model of both towers; the learned scale comes with the audio tower."""
    text_config, audio_config = text.config, audio.tower.config
    if not isinstance(text_config, MSClapTextConfig) or not isinstance(audio_config, MSClapAudioConfig):
        raise TypeError("the towers' configurations are not those of MSCLAP")
    config = MSClapConfig.from_text_audio_configs(text_config, audio_config, projection_dim=EMBEDDING_DIM)
    model = MSClapModel(config)
    model.text_model.load_state_dict(text.text_model.state_dict())
    model.text_projection.load_state_dict(text.text_projection.state_dict())
    model.audio_model.load_state_dict(audio.tower.audio_model.state_dict())
    model.audio_projection.load_state_dict(audio.tower.audio_projection.state_dict())
    with torch.no_grad():
        model.logit_scale.copy_(audio.logit_scale.exp().clamp(max=MAX_SCALE).log())
    return model.eval()


def export_checkpoint(
    text: MSClapTextModelWithProjection, audio: AudioStudent, tokenizer: PreTrainedTokenizerBase, folder: Path
) -> None:
    """Write configuration, processor, tokenizer and weights, the latter in half precision.

    Args:
        text: The text tower.
        audio: The audio tower.
        tokenizer: Its tokenizer.
        folder: Where to write; files of the same names are replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model = join_towers(text, audio)
    model.half().save_pretrained(folder)
    # Half precision saves space; whoever loads the weights computes with single.
    config = folder / "config.json"
    fields = {**json.loads(config.read_text("utf-8")), "dtype": "float32"}
    config.write_text(json.dumps(fields, indent=2) + "\n", encoding="utf-8")
    MSClapProcessor(front_end(), tokenizer).save_pretrained(folder)
    # What the tokenizer remembers of where it was loaded from is nobody's business.
    settings = folder / "tokenizer_config.json"
    kept = {key: value for key, value in json.loads(settings.read_text("utf-8")).items() if "local" not in key}
    settings.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    (folder / "model.safetensors").chmod(0o644)
