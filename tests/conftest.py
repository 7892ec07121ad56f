"""What several floors' tests share: a small checkpoint with random weights, complete as a real one."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a whole MSCLAP checkpoint of random weights: 1 s segments at 16 kHz, 32-d, some 60 kB."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    from soundgrep.model import (
        MSClapAudioConfig,
        MSClapConfig,
        MSClapFeatureExtractor,
        MSClapModel,
        MSClapProcessor,
        MSClapTextConfig,
    )

    folder = tmp_path_factory.mktemp("checkpoints") / "tiny"
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        special_tokens=["!", "<|endoftext|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    bpe.train_from_iterator(["a dog barking in the rain", "glass breaking in a kitchen"], trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe, pad_token="!", eos_token="<|endoftext|>", model_max_length=77
    )
    torch.manual_seed(0)
    text = MSClapTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=77,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=tokenizer.eos_token_id,
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
    config = MSClapConfig.from_text_audio_configs(text, audio, projection_dim=32, initializer_range=0.2)
    front_end = MSClapFeatureExtractor(
        feature_size=32, sampling_rate=16000, hop_length=160, max_length_s=1, fft_window_size=512
    )
    MSClapModel(config).save_pretrained(folder)
    MSClapProcessor(front_end, tokenizer).save_pretrained(folder)
    return folder
