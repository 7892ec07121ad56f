"""The audio tower of a LAION checkpoint at work on a CPU, run by OpenVINO, without torch."""

from __future__ import annotations

from pathlib import Path

import openvino
from openvino import opset13 as op

from ..encoders.checkpoint import Checkpoint
from ..encoders.segment_streams import SegmentStreams
from ..msclap.openvino_graph import AudioGraph
from .audio_weights import PROJECTION, read_sizes, read_weights
from .front_end import read_front_end


class ClapGraph(AudioGraph):
    """HTS-AT with the projection of a `ClapModel`: two dense layers with a ReLU between them."""

    def _embedding(self, pooled: openvino.Node) -> openvino.Node:
        return self._linear(f"{PROJECTION}.linear2", op.relu(self._linear(f"{PROJECTION}.linear1", pooled)))


class ClapOpenVinoTower(SegmentStreams):
    """HTS-AT and its projection in OpenVINO, float32, each segment in one thread.

    Args:
        folder: The checkpoint.

    Raises:
        CheckpointError: If a file of it is unreadable or does not fit the others.
    """

    def __init__(self, folder: Path) -> None:
        checkpoint = Checkpoint(folder)
        sizes = read_sizes(checkpoint)
        front_end = read_front_end(checkpoint, sizes)
        n_frames = front_end.n_frames(round(checkpoint.sampling_rate_hz * checkpoint.segment_s))
        super().__init__(front_end, ClapGraph(sizes, read_weights(folder, sizes), n_frames=n_frames).build())
