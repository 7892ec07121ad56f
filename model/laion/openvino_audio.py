"""The audio tower of a LAION checkpoint at work on a CPU, run by OpenVINO, without torch."""

from __future__ import annotations

from pathlib import Path

import openvino
from openvino import opset13 as op

from ..checkpoint import Checkpoint
from ..errors import CheckpointError
from ..msclap.openvino_graph import AudioGraph
from ..segment_streams import SegmentStreams
from .audio_weights import PROJECTION, read_sizes, read_weights
from .front_end import read_front_end


class ClapGraph(AudioGraph):
    """HTS-AT with the projection of a `ClapModel`: two dense layers with a ReLU between them."""

    def _projected(self, pooled: openvino.Node) -> openvino.Node:
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
        front_end, sizes = read_front_end(checkpoint), read_sizes(checkpoint)
        rate_hz, segment_s = (
            checkpoint.number(checkpoint.front_end_file, key) for key in ("sampling_rate", "max_length_s")
        )
        n_frames = front_end.n_frames(round(rate_hz * segment_s))
        if n_frames > sizes.max_frames or front_end.n_mels != sizes.n_mels:
            raise CheckpointError(
                f"{folder}: the front end makes {n_frames} frames of {front_end.n_mels} mel bands, but the audio tower "
                f"takes at most {sizes.max_frames} of {sizes.n_mels}"
            )
        super().__init__(front_end, ClapGraph(sizes, read_weights(folder, sizes), n_frames=n_frames).build())
