"""The audio tower at work on a CPU: CNN14 as an OpenVINO graph, built from a checkpoint's weights without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino
from openvino import opset13 as op

from ..encoders.checkpoint import CONFIG, WEIGHTS, Checkpoint
from ..encoders.graph_layers import GraphLayers, constant
from ..encoders.segment_streams import SegmentStreams
from ..encoders.tensors import check_shapes
from ..errors import CheckpointError
from ..msclap.openvino_audio import read_front_end, read_weights

Float = npt.NDArray[np.float32]
Weights = Mapping[str, Float]

ENCODER, PROJECTION = "audio_model.encoder", "audio_projection"
PROJECTION_EPS = 1e-5


@dataclass(frozen=True)
class Cnn14Sizes:
    """What `MSClap2022AudioConfig` says of a CNN14 at work, with its defaults.

    Attributes:
        n_mels: Mel bands.
        conv_widths: Channels of each pair of convolutions.
        width: Numbers in the pooled state.
        embedding_dim: Width of the embeddings.
        eps: Of the batch norms.
    """

    n_mels: int
    conv_widths: tuple[int, ...]
    width: int
    embedding_dim: int
    eps: float

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Cnn14Sizes:
        """Read a checkpoint's `config.json`.

        Raises:
            ValueError, TypeError, AttributeError: if a field is not of its kind.
        """
        audio = config.get("audio_config") or {}
        return cls(
            n_mels=int(audio.get("num_mel_bins", 64)),
            conv_widths=tuple(int(width) for width in audio.get("conv_widths", (64, 128, 256, 512, 1024, 2048))),
            width=int(audio.get("hidden_size", 2048)),
            embedding_dim=int(config.get("projection_dim", 1024)),
            eps=float(audio.get("batch_norm_eps", 1e-5)),
        )

    @property
    def min_frames(self) -> int:
        """Frames, and mel bands, that the halving between the pairs needs."""
        return int(2 ** (len(self.conv_widths) - 1))

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every tensor of the tower and its projection."""
        norms = {f"{ENCODER}.batch_norm": self.n_mels}
        expected: dict[str, tuple[int, ...]] = {}
        n_in = 1
        for block, width in enumerate(self.conv_widths):
            for number in (1, 2):
                expected[f"{ENCODER}.blocks.{block}.conv{number}.weight"] = (width, n_in, 3, 3)
                norms[f"{ENCODER}.blocks.{block}.norm{number}"] = width
                n_in = width
        for norm, size in norms.items():
            expected |= {f"{norm}.{part}": (size,) for part in ("weight", "bias", "running_mean", "running_var")}
        return expected | {
            f"{ENCODER}.dense.weight": (self.width, n_in),
            f"{ENCODER}.dense.bias": (self.width,),
            f"{PROJECTION}.linear1.weight": (self.embedding_dim, self.width),
            f"{PROJECTION}.linear2.weight": (self.embedding_dim, self.embedding_dim),
            f"{PROJECTION}.layer_norm.weight": (self.embedding_dim,),
            f"{PROJECTION}.layer_norm.bias": (self.embedding_dim,),
        }


class Cnn14Graph(GraphLayers[Weights]):
    """Builds the graph of one checkpoint; batch norms, as they stand after training, are part of the convolutions.

    Args:
        sizes: The tower's sizes.
        weights: Its tensors by their names in the checkpoint, float32.
        n_frames: Frames of a segment's log-mels.
    """

    def __init__(self, sizes: Cnn14Sizes, weights: Weights, *, n_frames: int) -> None:
        super().__init__(weights)
        self._sizes = sizes
        self._n_frames = n_frames

    def build(self) -> openvino.Model:
        """Make the graph: decibels float32 `[n_frames, n_mels]` to an embedding float32 `[embedding_dim]`."""
        sizes = self._sizes
        mels = op.parameter([self._n_frames, sizes.n_mels], np.float32, name="mels")
        scale, shift = self._batch_norm(f"{ENCODER}.batch_norm")
        x = op.add(op.multiply(mels, constant(scale[None])), constant(shift[None]))
        x = op.reshape(x, np.array([1, 1, self._n_frames, sizes.n_mels]), special_zero=False)
        last = len(sizes.conv_widths) - 1
        for block in range(last + 1):
            for number in (1, 2):
                x = self._convolved(f"{ENCODER}.blocks.{block}", number, x)
            if block < last:
                x = op.avg_pool(x, [2, 2], [0, 0], [0, 0], [2, 2], True, "floor")
        states = op.reduce_mean(x, np.array([3]), keep_dims=False)
        pooled = op.add(
            op.reduce_max(states, np.array([2]), keep_dims=False),
            op.reduce_mean(states, np.array([2]), keep_dims=False),
        )
        pooled = op.relu(self._linear(f"{ENCODER}.dense", pooled))
        embedding = self._projected(PROJECTION, pooled, eps=PROJECTION_EPS)
        return openvino.Model([op.squeeze(embedding, np.array([0]))], [mels], "msclap_2022_audio")

    def _convolved(self, name: str, number: int, x: openvino.Node) -> openvino.Node:
        scale, shift = self._batch_norm(f"{name}.norm{number}")
        kernels = self._weights[f"{name}.conv{number}.weight"] * scale[:, None, None, None]
        x = op.convolution(x, constant(kernels), [1, 1], [1, 1], [1, 1], [1, 1])
        return op.relu(op.add(x, constant(shift[None, :, None, None])))

    def _batch_norm(self, name: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """A batch norm as a factor and a summand for each channel."""
        weight, bias, mean, variance = (
            self._weights[f"{name}.{part}"].astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = weight / np.sqrt(variance + self._sizes.eps)
        return scale, bias - mean * scale


class OpenVinoCnn14Tower(SegmentStreams):
    """CNN14 and its projection in OpenVINO, float32, each segment in one thread.

    Args:
        folder: The checkpoint.

    Raises:
        CheckpointError: if a file of it is unreadable or does not fit the others.
    """

    def __init__(self, folder: Path) -> None:
        checkpoint = Checkpoint(folder)
        front_end = read_front_end(checkpoint)
        try:
            sizes = Cnn14Sizes.of(checkpoint.read(CONFIG))
        except (TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(f"{folder / CONFIG}: the audio tower cannot be built: {error}") from error
        n_frames = front_end.n_frames(round(checkpoint.segment_s * checkpoint.sampling_rate_hz))
        if front_end.bank.shape[1] != sizes.n_mels or min(n_frames, sizes.n_mels) < sizes.min_frames:
            raise CheckpointError(
                f"{folder}: the front end makes {n_frames} frames of {front_end.bank.shape[1]} mel bands, but the "
                f"audio tower takes frames of {sizes.n_mels}, and at least {sizes.min_frames} of either"
            )
        weights = read_weights(folder / WEIGHTS)
        check_shapes(weights, sizes.shapes(), path=folder / WEIGHTS)
        super().__init__(front_end, Cnn14Graph(sizes, weights, n_frames=n_frames).build())
