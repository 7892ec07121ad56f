"""The captioner's audio tower as a graph: what its torch module computes for one segment."""

from __future__ import annotations

import openvino

from ..encoders.checkpoint import Checkpoint
from ..msclap import tracing as msclap
from .configuration import ClapCapConfig


def audio_graph(checkpoint: Checkpoint) -> openvino.Model:
    """Make the graph from decibels, float32 `[n_frames, n_mels]`, to an embedding of any length `[embedding_dim]`."""
    return msclap.audio_graph(checkpoint, ClapCapConfig)
