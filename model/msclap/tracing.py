"""MSCLAP's towers as graphs: what their torch modules compute for one segment, or one text."""

from __future__ import annotations

from typing import Any

import openvino
import torch
from torch import Tensor
from transformers.initialization import no_init_weights

from ..encoders.checkpoint import Checkpoint
from ..encoders.tracing import traced
from .configuration import MSClapConfig
from .mel import read_front_end
from .modeling import MSClapAudioModelWithProjection, MSClapTextModelWithProjection


def audio_graph(
    checkpoint: Checkpoint,
    config: type[MSClapConfig] = MSClapConfig,
    model: type[MSClapAudioModelWithProjection] = MSClapAudioModelWithProjection,
) -> openvino.Model:
    """Make the graph from decibels, float32 `[n_frames, n_mels]`, to an embedding of any length `[embedding_dim]`.

    Raises:
        ValueError: If the front end does not make what the tower takes.
    """
    sizes: Any = config.from_pretrained(checkpoint.folder).audio_config
    with no_init_weights():
        module = model(sizes)
    front_end = read_front_end(checkpoint)
    n_frames = front_end.n_frames(round(checkpoint.segment_s * checkpoint.sampling_rate_hz))
    if front_end.bank.shape[1] != module.config.num_mel_bins:
        raise ValueError(
            f"the front end makes {n_frames} frames of {front_end.bank.shape[1]} mel bands, but the audio tower takes "
            f"frames of {module.config.num_mel_bins}"
        )

    def forward(mels: Tensor) -> Tensor:
        embeds: Tensor = module(mels[None, None]).audio_embeds
        return embeds[0]

    return traced(module, forward, {"mels": torch.zeros(n_frames, front_end.bank.shape[1])})


def text_graph(checkpoint: Checkpoint) -> openvino.Model:
    """Make the graph from token ids, int64 `[n_tokens]`, to an embedding of any length, float32 `[embedding_dim]`."""
    sizes: Any = MSClapConfig.from_pretrained(checkpoint.folder).text_config
    with no_init_weights():
        module = MSClapTextModelWithProjection(sizes)

    def forward(ids: Tensor) -> Tensor:
        states = module.text_model.get_submodule("encoder")(ids[None])
        embedding: Tensor = module.text_projection(states[:, -1])[0]
        return embedding

    return traced(module, forward, {"ids": torch.zeros(3, dtype=torch.int64)}, shapes={"ids": [-1]})
