"""clapcap's mapper and decoder at work on a CPU, run by OpenVINO, without torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import openvino

from ..encoders.checkpoint import CONFIG, WEIGHTS, Checkpoint
from ..encoders.runtime import compiled, n_threads
from ..encoders.tensors import check_shapes, mapped_tensors
from ..errors import CheckpointError
from .graphs import DecoderGraph, MapperGraph
from .sizes import DECODER, MAPPER, WriterSizes

Float = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


class OpenVinoWriter:
    """Mapper and decoder of one checkpoint in OpenVINO, float32, on all cores: a person waits for the one caption.

    Args:
        folder: The checkpoint.

    Raises:
        CheckpointError: If its weights or configuration are unreadable or do not fit each other.
    """

    def __init__(self, folder: Path) -> None:
        self._sizes = read_sizes(folder)
        self._weights = read_weights(folder / WEIGHTS, self._sizes)
        mapper = MapperGraph(self._sizes, self._weights).build()
        decoder = compiled(DecoderGraph(self._sizes, self._weights).build(), n_threads=n_threads())
        self._mapping = compiled(mapper, n_threads=n_threads()).create_infer_request()
        # Two by turns: what one has read is given to the other, and so never copied.
        self._reading = decoder.create_infer_request(), decoder.create_infer_request()
        self._past: list[openvino.Tensor] = []

    def prefix(self, embedding: Float) -> Float:
        """Map an embedding, float32 `[projection_dim]`, to what is continued, float32 `[prefix_length, width]`."""
        if self._sizes.is_normalised:
            embedding = embedding / np.linalg.norm(embedding)
        states: Float = self._mapping.infer([embedding[None]])[0][0]
        return states.copy()

    def begin(self, prefix: Float) -> Float:
        """Read a prefix; see `Reader`."""
        nothing = np.zeros((1, self._sizes.n_heads, 0, self._sizes.width // self._sizes.n_heads), np.float32)
        self._past = [openvino.Tensor(nothing) for _ in range(2 * self._sizes.n_blocks)]
        return self._read(prefix[None], np.zeros(1, np.int64))[0]

    def read(self, tokens: Ints, sources: Ints) -> Float:
        """Read one token more along each beam; see `Reader`."""
        return self._read(self._weights[f"{DECODER}.token_embeddings.weight"][tokens][:, None], sources)

    def _read(self, states: Float, sources: Ints) -> Float:
        n_past, n_new = self._past[0].shape[2], states.shape[1]
        positions = self._weights[f"{DECODER}.position_embeddings.weight"][n_past : n_past + n_new]
        mask = np.triu(np.full((n_new, n_past + n_new), -np.inf, np.float32), n_past + 1)
        request = self._reading[0]
        self._reading = self._reading[1], request
        for number, values in enumerate((states + positions, mask, sources)):
            request.set_input_tensor(number, openvino.Tensor(np.ascontiguousarray(values)))
        for number, tensor in enumerate(self._past, start=3):
            request.set_input_tensor(number, tensor)
        request.infer()
        self._past = [request.get_output_tensor(number) for number in range(1, 1 + len(self._past))]
        logits: Float = np.array(request.get_output_tensor(0).data)
        return logits


def read_sizes(folder: Path) -> WriterSizes:
    """Read a captioner's sizes.

    Raises:
        CheckpointError: If its configuration describes none.
    """
    try:
        return WriterSizes.of(Checkpoint(folder).read(CONFIG))
    except (TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{folder / CONFIG}: the captioner cannot be built: {error}") from error


def read_weights(path: Path, sizes: WriterSizes) -> dict[str, Float]:
    """Read the mapper's and the decoder's tensors.

    Raises:
        CheckpointError: If the file cannot be read, or its tensors are not those of the configuration.
    """
    tensors = mapped_tensors(path, prefix=f"{MAPPER}.") | mapped_tensors(path, prefix=f"{DECODER}.")
    check_shapes(tensors, sizes.shapes(), path=path)
    return tensors
