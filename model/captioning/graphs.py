"""Mapper and decoder as OpenVINO graphs, built from a checkpoint's weights without torch."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import openvino
from openvino import opset13 as op

from .sizes import DECODER, MAPPER, WriterSizes

Float = npt.NDArray[np.float32]
Weights = Mapping[str, Float]

MAPPER_EPS = 1e-5


class _Graph:
    """What both graphs are made of; they hold no copy of the weights, which must outlive them.

    Args:
        sizes: The captioner's sizes.
        weights: Its tensors by their names in the checkpoint, float32.
    """

    def __init__(self, sizes: WriterSizes, weights: Weights) -> None:
        self._sizes = sizes
        self._weights = weights

    def _linear(self, name: str, x: openvino.Node, *, rows: slice = slice(None)) -> openvino.Node:
        """Return a dense layer, or those of its outputs that are asked for."""
        y = op.matmul(x, _constant(self._weights[f"{name}.weight"][rows]), False, True)
        bias = self._weights.get(f"{name}.bias")
        return y if bias is None else op.add(y, _constant(bias[rows]))

    def _norm(self, name: str, x: openvino.Node, *, eps: float) -> openvino.Node:
        y = op.mvn(x, np.array([-1]), True, eps, "inside_sqrt")
        scaled = op.multiply(y, _constant(self._weights[f"{name}.weight"]))
        return op.add(scaled, _constant(self._weights[f"{name}.bias"]))

    def _heads(self, y: openvino.Node, n_heads: int) -> openvino.Node:
        """`[B, n, width]` to `[B, n_heads, n, width / n_heads]`."""
        split = op.reshape(y, np.array([0, 0, n_heads, self._sizes.width // n_heads]), special_zero=True)
        return op.transpose(split, np.array([0, 2, 1, 3]))

    def _mixed(self, q: openvino.Node, k: openvino.Node, v: openvino.Node, mask: openvino.Node | None) -> openvino.Node:
        """Attention over heads, joined again to `[B, n, width]`."""
        scale = 1 / math.sqrt(self._sizes.width // int(q.get_output_partial_shape(0)[1].get_length()))
        scores = op.matmul(op.multiply(q, np.float32(scale)), k, False, True)
        scores = scores if mask is None else op.add(scores, mask)
        mixed = op.matmul(op.softmax(scores, -1), v, False, False)
        mixed = op.transpose(mixed, np.array([0, 2, 1, 3]))
        return op.reshape(mixed, np.array([0, 0, self._sizes.width]), special_zero=True)


class MapperGraph(_Graph):
    """An embedding, float32 `[1, embedding_dim]`, to what the decoder continues, `[1, n_prefix, width]`."""

    def build(self) -> openvino.Model:
        """Make the graph."""
        sizes = self._sizes
        embedding = op.parameter([1, sizes.embedding_dim], np.float32, name="embedding")
        if sizes.is_mlp:
            x = self._linear(f"{MAPPER}.fc2", op.tanh(self._linear(f"{MAPPER}.fc1", embedding)))
            x = op.reshape(x, np.array([1, sizes.n_prefix, sizes.width]), special_zero=False)
            return openvino.Model([x], [embedding], "clapcap_mapper")
        x = self._linear(f"{MAPPER}.linear", embedding)
        x = op.reshape(x, np.array([1, sizes.n_heard, sizes.width]), special_zero=False)
        x = op.concat([x, _constant(self._weights[f"{MAPPER}.constant"][None])], 1)
        for block in range(sizes.n_mapper_blocks):
            x = self._block(f"{MAPPER}.blocks.{block}", x)
        places = np.arange(sizes.n_heard, sizes.n_heard + sizes.n_prefix)
        return openvino.Model([op.gather(x, places, np.int64(1))], [embedding], "clapcap_mapper")

    def _block(self, name: str, x: openvino.Node) -> openvino.Node:
        width, n_heads = self._sizes.width, self._sizes.n_mapper_heads
        normed = self._norm(f"{name}.norm1", x, eps=MAPPER_EPS)
        q = self._heads(self._linear(f"{name}.query", normed), n_heads)
        k, v = (
            self._heads(
                self._linear(f"{name}.key_value", normed, rows=slice(part * width, (part + 1) * width)), n_heads
            )
            for part in range(2)
        )
        x = op.add(x, self._linear(f"{name}.proj", self._mixed(q, k, v, None)))
        hidden = op.relu(self._linear(f"{name}.fc1", self._norm(f"{name}.norm2", x, eps=MAPPER_EPS)))
        return op.add(x, self._linear(f"{name}.fc2", hidden))


class DecoderGraph(_Graph):
    """GPT-2 that reads further states beside what it has read.

    Inputs, in this order: states with their positions, float32 `[B, n, width]`; what keeps a state from seeing those
    after it, float32 `[n, n_past + n]`; which row of the past each of the `B` continues, int64 `[B]`; and the keys and
    values of each block so far, float32 `[B_past, n_heads, n_past, width / n_heads]`. Outputs: scores of each token as
    the next one, float32 `[B, n_tokens]`, and the keys and values of each block with the new ones.
    """

    def build(self) -> openvino.Model:
        """Make the graph."""
        sizes = self._sizes
        states = op.parameter([-1, -1, sizes.width], np.float32, name="states")
        mask = op.parameter([-1, -1], np.float32, name="mask")
        sources = op.parameter([-1], np.int64, name="sources")
        shape = [-1, sizes.n_heads, -1, sizes.width // sizes.n_heads]
        pasts = [op.parameter(shape, np.float32, name=f"past.{n}") for n in range(2 * sizes.n_blocks)]
        x, now = states, []
        for block in range(sizes.n_blocks):
            name = f"{DECODER}.blocks.{block}"
            normed = self._norm(f"{name}.norm1", x, eps=sizes.eps)
            q, k, v = (
                self._heads(
                    self._linear(f"{name}.attn.qkv", normed, rows=slice(part * sizes.width, (part + 1) * sizes.width)),
                    sizes.n_heads,
                )
                for part in range(3)
            )
            k, v = (
                op.concat([op.gather(past, sources, np.int64(0)), new], 2)
                for past, new in zip(pasts[2 * block : 2 * block + 2], (k, v), strict=True)
            )
            now += [k, v]
            x = op.add(x, self._linear(f"{name}.attn.proj", self._mixed(q, k, v, mask)))
            hidden = op.gelu(self._linear(f"{name}.fc1", self._norm(f"{name}.norm2", x, eps=sizes.eps)), "tanh")
            x = op.add(x, self._linear(f"{name}.fc2", hidden))
        last = self._norm(f"{DECODER}.norm", op.gather(x, np.int64(-1), np.int64(1)), eps=sizes.eps)
        logits = op.matmul(last, _constant(self._weights[f"{DECODER}.token_embeddings.weight"]), False, True)
        return openvino.Model([logits, *now], [states, mask, sources, *pasts], "clapcap_decoder")


def _constant(values: Float) -> openvino.Node:
    """Return a constant of a graph, float32; no copy is made of what is contiguous."""
    return op.constant(np.ascontiguousarray(values, dtype=np.float32), shared_memory=True)
