"""BERT for one text at a time, in numpy or in OpenVINO, as far as its first token, which is what is read.

Computes what transformers' `BertModel` and `RobertaModel` compute (arXiv 1810.04805, 1907.11692); in the last layer for
the first token alone, as nobody asks for the others.
"""

from __future__ import annotations

import math
import threading
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..encoders.runtime import compiled, n_threads
from ..encoders.text_reader import is_compiled
from .weights import BertWeights

Float = npt.NDArray[np.float32]


class BertNetwork(Protocol):
    """The network, on whatever computes it."""

    def __call__(self, ids: list[int]) -> Float:
        """Give the first token's state, float32 `[width]`, before any pooling layer."""
        ...


def bert_network(weights: BertWeights) -> BertNetwork:
    """Choose what computes a network: OpenVINO for large ones, where it is there."""
    return CompiledBert(weights) if is_compiled(weights.sizes.n_dense) else NumpyBert(weights)


class CompiledBert:
    """The network in OpenVINO, on all cores: a person waits for the one text.

    Args:
        weights: Its weights.
    """

    def __init__(self, weights: BertWeights) -> None:
        from .graph import BertGraph

        self._weights = weights
        self._request = compiled(BertGraph(weights).build(), n_threads=n_threads()).create_infer_request()
        self._computing = threading.Lock()

    def __call__(self, ids: list[int]) -> Float:
        """Give the first token's state."""
        states = self._weights.entry(ids)
        with self._computing:  # all cores are at work for one text: a second at once would only slow both
            self._request.infer([states])
            state: Float = np.array(self._request.get_output_tensor(0).data)
        return state


class NumpyBert:
    """The network in numpy.

    Args:
        weights: Its weights.
    """

    def __init__(self, weights: BertWeights) -> None:
        self._weights = weights

    def __call__(self, ids: list[int]) -> Float:
        """Give the first token's state."""
        x, last = self._weights.entry(ids), self._weights.sizes.n_layers - 1
        for layer in range(last + 1):
            x = self._layer(f"encoder.layer.{layer}", x, x[:1] if layer == last else x)
        state: Float = x[0]
        return state

    def _layer(self, name: str, x: Float, asked: Float) -> Float:
        """One layer, of all tokens `[n_tokens, width]`, for those that are asked for, `[n_asked, width]`."""
        weights = self._weights
        attended = weights.linear(f"{name}.attention.output.dense", self._attention(f"{name}.attention.self", x, asked))
        y = weights.normed(f"{name}.attention.output.LayerNorm", asked + attended)
        hidden = gelu(weights.linear(f"{name}.intermediate.dense", y))
        return weights.normed(f"{name}.output.LayerNorm", y + weights.linear(f"{name}.output.dense", hidden))

    def _attention(self, name: str, x: Float, asked: Float) -> Float:
        weights, n_heads = self._weights, self._weights.sizes.n_heads
        q, k, v = (
            weights.linear(f"{name}.{part}", states).reshape(len(states), n_heads, -1).transpose(1, 0, 2)
            for part, states in (("query", asked), ("key", x), ("value", x))
        )
        scores = q @ k.transpose(0, 2, 1) / np.float32(math.sqrt(q.shape[-1]))
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed: Float = (scores / scores.sum(-1, keepdims=True)) @ v
        return mixed.transpose(1, 0, 2).reshape(asked.shape)


def gelu(x: Float) -> Float:
    """GELU by the error function, within 2e-7 (Abramowitz and Stegun, 7.1.26; numpy has no error function)."""
    z = np.abs(x, dtype=np.float64) / math.sqrt(2)
    t = 1 / (1 + 0.3275911 * z)
    series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t
    upper = 0.5 * series * np.exp(-z * z)  # the share of a normal distribution beyond |x|
    return (x * np.where(x < 0, upper, 1 - upper)).astype(np.float32)
