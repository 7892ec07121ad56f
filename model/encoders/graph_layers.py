"""Layers of OpenVINO graphs: what the graphs of every network are made of, by the names of their weights."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import openvino
from openvino import opset13 as op

Float = npt.NDArray[np.float32]


class NamedWeights(Protocol):
    """Tensors of a checkpoint by name, float32."""

    def __getitem__(self, name: str, /) -> Float: ...

    def get(self, name: str, /) -> Float | None:
        """Return the tensor of a name, or None where there is none, as for the biases of a projection."""
        ...


Weights = TypeVar("Weights", bound=NamedWeights)


class GraphLayers(Generic[Weights]):
    """Makes dense layers and norms over the last axis.

    Args:
        weights: Where their tensors come from. A graph holds no copy of an array that is contiguous, which must outlive
            whatever is compiled from the graph.
    """

    def __init__(self, weights: Weights) -> None:
        self._weights = weights

    def _linear(self, name: str, x: openvino.Node, *, rows: slice = slice(None), scale: float = 1.0) -> openvino.Node:
        """Return a dense layer, or those of its outputs that are asked for, times `scale`."""
        y = op.matmul(x, constant(self._weights[f"{name}.weight"][rows], scale=scale), False, True)
        bias = self._weights.get(f"{name}.bias")
        return y if bias is None else op.add(y, constant(bias[rows], scale=scale))

    def _norm(self, name: str, x: openvino.Node, *, eps: float) -> openvino.Node:
        y = op.mvn(x, np.array([-1]), True, eps, "inside_sqrt")
        return op.add(
            op.multiply(y, constant(self._weights[f"{name}.weight"])), constant(self._weights[f"{name}.bias"])
        )

    def _projected(self, name: str, pooled: openvino.Node, *, eps: float) -> openvino.Node:
        """MSCLAP's projection of a pooled state: `LayerNorm(e + W2 gelu(e))`, `e = W1 x`."""
        embedded = self._linear(f"{name}.linear1", pooled)
        mixed = op.add(embedded, self._linear(f"{name}.linear2", op.gelu(embedded, "erf")))
        return self._norm(f"{name}.layer_norm", mixed, eps=eps)


def constant(values: npt.NDArray[np.floating], *, scale: float = 1.0) -> openvino.Node:
    """Return a constant of a graph, float32, times `scale`."""
    if scale != 1.0:
        values = values * np.float32(scale)
    return op.constant(np.ascontiguousarray(values, dtype=np.float32), shared_memory=True)
