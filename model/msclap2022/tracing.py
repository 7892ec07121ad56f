"""MSCLAP 2022's towers as graphs: what their torch modules compute for one segment, or one text."""

from __future__ import annotations

from typing import Any

import openvino
import torch
from torch import Tensor
from transformers.initialization import no_init_weights

from ..encoders.checkpoint import Checkpoint
from ..encoders.tracing import first_state, traced
from ..msclap import tracing as msclap
from .configuration import MSClap2022Config
from .modeling import MSClap2022AudioModelWithProjection, MSClap2022TextModelWithProjection


def audio_graph(checkpoint: Checkpoint) -> openvino.Model:
    """Make the graph from decibels, float32 `[n_frames, n_mels]`, to an embedding of any length `[embedding_dim]`."""
    return msclap.audio_graph(checkpoint, MSClap2022Config, MSClap2022AudioModelWithProjection)


def text_graph(checkpoint: Checkpoint) -> openvino.Model:
    """Make the graph from token ids, int64 `[n_tokens]`, to an embedding of any length, float32 `[embedding_dim]`."""
    sizes: Any = MSClap2022Config.from_pretrained(checkpoint.folder).text_config
    with no_init_weights():
        module = MSClap2022TextModelWithProjection(sizes)
    bert = module.text_model.get_submodule("encoder")

    def forward(ids: Tensor) -> Tensor:
        embedding: Tensor = module.text_projection(first_state(bert, ids))[0]
        return embedding

    return traced(module, forward, {"ids": torch.ones(3, dtype=torch.int64)}, shapes={"ids": [-1]})
