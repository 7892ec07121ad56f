"""A small MSCLAP 2022 checkpoint with random weights, complete as a real one."""

from __future__ import annotations

from pathlib import Path

import torch

from soundgrep.model.encoders.checkpoint import Checkpoint
from soundgrep.model.encoders.graphs import keep_graphs
from soundgrep.model.msclap.feature_extraction import MSClapFeatureExtractor
from soundgrep.model.msclap2022.bert_tokenizer import load_tokenizer
from soundgrep.model.msclap2022.registration import (
    MSClap2022AudioConfig,
    MSClap2022Config,
    MSClap2022Model,
    MSClap2022Processor,
    MSClap2022TextConfig,
)

from .bert_vocabulary import save_vocabulary


def build(folder: Path) -> Path:
    """Save a checkpoint: 1 s segments at 16 kHz, 32-d, some 300 kB."""
    tokenizer = load_tokenizer(save_vocabulary(folder.with_name(f"{folder.name}-vocabulary"), n_tokens=600))
    torch.manual_seed(0)
    text = MSClap2022TextConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        initializer_range=0.2,
    )
    audio = MSClap2022AudioConfig(num_mel_bins=32, conv_widths=(8, 16, 24), hidden_size=40, initializer_range=0.2)
    config = MSClap2022Config.from_text_audio_configs(text, audio, projection_dim=32, initializer_range=0.2)
    model = MSClap2022Model(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name != "logit_scale":
                parameter += 0.1 * torch.randn_like(parameter)
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.uniform_(-0.2, 0.2)
                module.running_var.uniform_(0.5, 1.5)
        model.audio_model.encoder.batch_norm.running_mean.fill_(-20)
        model.audio_model.encoder.batch_norm.running_var.fill_(200)
    model.save_pretrained(folder)
    front_end = MSClapFeatureExtractor(
        feature_size=32, sampling_rate=16000, hop_length=160, max_length_s=1, fft_window_size=512
    )
    MSClap2022Processor(front_end, tokenizer).save_pretrained(folder)
    keep_graphs(Checkpoint(folder), room="soundgrep.model.msclap2022")
    return folder
