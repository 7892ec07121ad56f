"""The audio tower at work on a CPU: a checkpoint's weights and front end, run by OpenVINO, without torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from ..encoders.checkpoint import CONFIG, WEIGHTS, Checkpoint
from ..encoders.segment_streams import SegmentStreams
from ..encoders.tensors import check_shapes
from ..errors import CheckpointError
from .audio_sizes import AudioSizes
from .mel import MelFrontEnd
from .openvino_graph import AudioGraph

Float = npt.NDArray[np.float32]


class OpenVinoAudioTower(SegmentStreams):
    """HTS-AT and its projection in OpenVINO, float32, each segment in one thread.

    Args:
        folder: The checkpoint.

    Raises:
        CheckpointError: if a file of it is unreadable or does not fit the others.
    """

    def __init__(self, folder: Path) -> None:
        checkpoint = Checkpoint(folder)
        front_end = read_front_end(checkpoint)
        try:
            sizes = AudioSizes.of(checkpoint.read(CONFIG))
        except (TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
            raise CheckpointError(f"{folder / CONFIG}: the audio tower cannot be built: {error}") from error
        n_frames = front_end.n_frames(round(checkpoint.segment_s * checkpoint.sampling_rate_hz))
        if n_frames > sizes.max_frames or front_end.bank.shape[1] != sizes.n_mels:
            raise CheckpointError(
                f"{folder}: the front end makes {n_frames} frames of {front_end.bank.shape[1]} mel bands, but "
                f"the audio tower takes at most {sizes.max_frames} of {sizes.n_mels}"
            )
        weights = read_weights(folder / WEIGHTS)
        check_shapes(weights, sizes.shapes(), path=folder / WEIGHTS)
        super().__init__(front_end, AudioGraph(sizes, weights, n_frames=n_frames).build())


def read_front_end(checkpoint: Checkpoint) -> MelFrontEnd:
    """Read the front end of a checkpoint without the transformers library.

    Raises:
        CheckpointError: if it is unreadable or describes none.
    """
    content = checkpoint.read(checkpoint.front_end_file)
    try:
        front_end = MelFrontEnd.of(content.get("feature_extractor", content))
        _ = front_end.bank
    except (TypeError, ValueError, ZeroDivisionError) as error:
        where = checkpoint.folder / checkpoint.front_end_file
        raise CheckpointError(f"{where}: the front end cannot be loaded: {error}") from error
    return front_end


def read_weights(path: Path) -> dict[str, Float]:
    """Read the audio tower's tensors, and no others, as float32.

    Raises:
        CheckpointError: if the file cannot be read.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            names = [name for name in file.keys() if name.startswith("audio_")]  # noqa: SIM118 - no mapping
            return {name: file.get_tensor(name).astype(np.float32, copy=False) for name in names}
    except (OSError, SafetensorError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be loaded: {error}") from error
