"""The reference implementation, PyPI `laion-clap`, with random weights: the oracle for what is converted from it."""

from __future__ import annotations

import importlib
import json
import sys
import types
from pathlib import Path
from unittest import mock

import torch
import transformers

from .clap_checkpoint import shake
from .random_weights import cheap

ORACLES = Path(sys.prefix) / "oracles"
PACKAGE = "laion_clap.clap_module"


def modules() -> types.ModuleType:
    """The reference's `model` module, without its package's own `__init__`, which needs what it never uses here."""
    folder = ORACLES / "laion_clap" / "clap_module"
    packages = {"laion_clap": folder.parent, PACKAGE: folder}
    missing = {
        name: types.ModuleType(name) for name in ("torchvision", "torchvision.ops", "torchvision.ops.misc", "h5py")
    }
    missing["torchvision.ops.misc"].FrozenBatchNorm2d = torch.nn.Module
    _ = transformers.BertModel, transformers.RobertaModel, transformers.BartModel  # before there is a false torchvision
    with mock.patch.dict(sys.modules, missing):
        for name, path in packages.items():
            package = sys.modules.setdefault(name, types.ModuleType(name))
            package.__path__ = [str(path)]
        return importlib.import_module(f"{PACKAGE}.model")


def build(size: str, *, is_fused: bool = False, n_layers: int = 12) -> torch.nn.Module:
    """The reference's `CLAP` with HTS-AT "tiny" or "base" and a RoBERTa of so many layers, every weight random."""
    clap = modules()
    sizes = json.loads((ORACLES / "laion_clap" / "clap_module" / "model_configs" / f"HTSAT-{size}.json").read_text())
    sizes["text_cfg"]["model_type"] = "roberta"
    config = transformers.RobertaConfig(
        vocab_size=50265,
        max_position_embeddings=514,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        num_hidden_layers=n_layers,
    )
    roberta = types.SimpleNamespace(from_pretrained=lambda name: transformers.RobertaModel(config))
    torch.manual_seed(630)
    with mock.patch.object(clap, "RobertaModel", roberta), cheap():
        model = clap.CLAP(**sizes, enable_fusion=is_fused, fusion_type="aff_2d" if is_fused else "None").eval()
    shake(model, 0.02)
    return model


def save(model: torch.nn.Module, path: Path) -> Path:
    """Save a checkpoint as its authors publish it: trained on several GPUs, with an old RoBERTa's constants."""
    state = {f"module.{name}": value for name, value in model.state_dict().items()}
    state["module.text_branch.embeddings.position_ids"] = torch.arange(514)[None]
    torch.save({"epoch": 45, "name": "random", "state_dict": state, "loss": torch.tensor(1.0).numpy().mean()}, path)
    return path
