"""LAION's towers as graphs: HTS-AT as MSCLAP's module computes it, and transformers' RoBERTa."""

from __future__ import annotations

from typing import Any

import openvino
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name everybody reads
from transformers import ClapConfig
from transformers.initialization import no_init_weights
from transformers.models.clap.modeling_clap import ClapProjectionLayer, ClapTextModel

from ..encoders.checkpoint import Checkpoint
from ..encoders.tracing import first_state, traced
from ..msclap.configuration import MSClapAudioConfig
from ..msclap.htsat import HtsAt
from .front_end import read_clap_front_end
from .sizes import audio_sizes, check_text

_NAMES = (
    ("audio_model.encoder.", "audio_model.audio_encoder."),
    (".stages.", ".layers."),
    (".norm1.", ".layernorm_before."),
    (".norm2.", ".layernorm_after."),
    (".attn.proj.", ".attention.output.dense."),
    (".attn.", ".attention.self."),
    (".mlp.fc1.", ".intermediate.dense."),
    (".mlp.fc2.", ".output.dense."),
)


class ClapAudio(nn.Module):
    """HTS-AT with the projection of a `ClapModel`: two dense layers with a ReLU between them."""

    def __init__(self, config: MSClapAudioConfig) -> None:
        super().__init__()
        self.audio_model = nn.ModuleDict({"encoder": HtsAt(config)})
        self.audio_projection = nn.ModuleDict(
            {
                "linear1": nn.Linear(config.hidden_size, config.projection_dim),
                "linear2": nn.Linear(config.projection_dim, config.projection_dim),
            }
        )

    def forward(self, mels: Tensor) -> Tensor:
        """Decibels `[n_frames, n_mels]` to an embedding `[projection_dim]`."""
        pooled = self.audio_model["encoder"](mels[None, None]).mean(1)
        embedding: Tensor = self.audio_projection["linear2"](F.relu(self.audio_projection["linear1"](pooled)))[0]
        return embedding


class ClapText(nn.Module):
    """RoBERTa, its pooling layer and the projection of a `ClapModel`."""

    def __init__(self, config: ClapConfig) -> None:
        super().__init__()
        sizes: Any = config.text_config
        self.text_model = ClapTextModel(sizes)
        self.text_projection = ClapProjectionLayer(sizes)

    def forward(self, ids: Tensor) -> Tensor:
        """Token ids `[n_tokens]` to an embedding `[projection_dim]`."""
        state = first_state(self.text_model, ids)
        embedding: Tensor = self.text_projection(self.text_model.get_submodule("pooler")(state[:, None]))[0]
        return embedding


def audio_graph(checkpoint: Checkpoint) -> openvino.Model:
    """Make the graph from decibels, float32 `[n_frames, n_mels]`, to an embedding of any length `[embedding_dim]`.

    Raises:
        CheckpointError: If the front end does not make what the tower takes.
        ValueError: If the configuration asks for what is not computed here.
    """
    config = audio_sizes(checkpoint)
    front_end = read_clap_front_end(checkpoint)
    module = ClapAudio(MSClapAudioConfig(**config))
    n_frames = front_end.n_frames(round(checkpoint.sampling_rate_hz * checkpoint.segment_s))
    mels = torch.zeros(n_frames, front_end.n_mels)
    sources = {name: _theirs(name) for name in module.state_dict()}
    return traced(module, module.forward, {"mels": mels}, sources=sources)


def text_graph(checkpoint: Checkpoint) -> openvino.Model:
    """Make the graph from token ids, int64 `[n_tokens]`, to an embedding of any length, float32 `[embedding_dim]`.

    Raises:
        ValueError: If the configuration asks for what is not computed here.
    """
    check_text(checkpoint)
    with no_init_weights():
        module = ClapText(ClapConfig.from_pretrained(checkpoint.folder))
    return traced(module, module.forward, {"ids": torch.full((3,), 2)}, shapes={"ids": [-1]})


def _theirs(name: str) -> tuple[str, ...]:
    """What transformers calls a tensor; joined queries, keys and values are three there."""
    for ours, theirs in _NAMES:
        name = name.replace(ours, theirs)
    parts = ("query", "key", "value") if ".qkv." in name else ("",)
    return tuple(name.replace(".qkv.", f".{part}.") for part in parts)
