"""A BERT as an OpenVINO graph, built from a checkpoint's weights without torch."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import openvino
from openvino import opset13 as op

from ..encoders.graph_layers import GraphLayers
from .weights import BertWeights

Float = npt.NDArray[np.float32]


class BertGraph(GraphLayers[BertWeights]):
    """Builds the graph of one checkpoint.

    Args:
        weights: Its tensors, which must outlive whatever is compiled from the graph: it holds no copy of them.
    """

    def build(self) -> openvino.Model:
        """Make the graph.

        Its input is what the first layer is given, float32 `[n_tokens, width]` of any number of tokens; its output is
        the first token's state, float32 `[width]`.
        """
        states = op.parameter([-1, self._weights.sizes.width], np.float32, name="states")
        x, last = states, self._weights.sizes.n_layers - 1
        for layer in range(last + 1):
            asked = op.gather(x, np.array([0]), np.int64(0)) if layer == last else x
            x = self._layer(f"encoder.layer.{layer}", x, asked)
        return openvino.Model([op.squeeze(x, np.array([0]))], [states], "bert")

    def _layer(self, name: str, x: openvino.Node, asked: openvino.Node) -> openvino.Node:
        """One layer for the tokens that are asked for."""
        eps = self._weights.sizes.eps
        attended = self._attention(f"{name}.attention.self", x, asked)
        attended = self._linear(f"{name}.attention.output.dense", attended)
        y = self._norm(f"{name}.attention.output.LayerNorm", op.add(asked, attended), eps=eps)
        hidden = op.gelu(self._linear(f"{name}.intermediate.dense", y), "erf")
        return self._norm(f"{name}.output.LayerNorm", op.add(y, self._linear(f"{name}.output.dense", hidden)), eps=eps)

    def _attention(self, name: str, x: openvino.Node, asked: openvino.Node) -> openvino.Node:
        width, n_heads = self._weights.sizes.width, self._weights.sizes.n_heads
        scale = 1 / math.sqrt(width // n_heads)
        q = self._heads(self._linear(f"{name}.query", asked, scale=scale))
        k, v = (self._heads(self._linear(f"{name}.{part}", x)) for part in ("key", "value"))
        mixed = op.matmul(op.softmax(op.matmul(q, k, False, True), -1), v, False, False)
        return op.reshape(op.transpose(mixed, np.array([1, 0, 2])), np.array([-1, width]), special_zero=False)

    def _heads(self, y: openvino.Node) -> openvino.Node:
        """`[n, width]` to `[n_heads, n, width / n_heads]`."""
        width, n_heads = self._weights.sizes.width, self._weights.sizes.n_heads
        split = op.reshape(y, np.array([-1, n_heads, width // n_heads]), special_zero=False)
        return op.transpose(split, np.array([1, 0, 2]))
