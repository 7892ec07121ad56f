"""A small captioner with random weights, complete as a real one."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import PreTrainedTokenizerBase

from soundgrep.model.captioning.registration import ClapCapConfig, ClapCapModel
from soundgrep.model.msclap.configuration import MSClapAudioConfig, MSClapTextConfig
from soundgrep.model.msclap.feature_extraction import MSClapFeatureExtractor
from soundgrep.model.msclap.processing import MSClapProcessor


def build(folder: Path, tokenizer: PreTrainedTokenizerBase, *, mapping: str = "transformer") -> Path:
    """Save a checkpoint: 1 s segments at 16 kHz, states 32 wide, some 200 kB."""
    torch.manual_seed(0)
    text = MSClapTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=30,
        initializer_range=0.2,
    )
    audio = MSClapAudioConfig(
        num_mel_bins=32,
        spec_size=64,
        patch_embeds_hidden_size=16,
        depths=(2, 2),
        num_attention_heads=(2, 4),
        initializer_range=0.2,
    )
    config = ClapCapConfig(
        text_config=text.to_dict(),
        audio_config=audio.to_dict(),
        projection_dim=24,
        mapping_type=mapping,
        prefix_length=4,
        prefix_length_clip=3,
        mapper_layers=2,
        mapper_heads=4,
        initializer_range=0.2,
    )
    model = ClapCapModel(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    front_end = MSClapFeatureExtractor(
        feature_size=32, sampling_rate=16000, hop_length=160, max_length_s=1, fft_window_size=512
    )
    MSClapProcessor(front_end, tokenizer).save_pretrained(folder)
    return folder
