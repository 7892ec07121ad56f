"""The text tower for queries: a text is a few matrix products, and waits for no training library to load.

Computes what `MSClapModel.get_text_features` computes, one text at a time, in numpy or in OpenVINO; tests hold both to
the reference. Nothing is padded: a token of GPT-2 sees only those before it, so padding would only cost time.
"""

from __future__ import annotations

import functools
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..encoders.checkpoint import TOKENIZER, Checkpoint
from ..encoders.graphs import read_graph
from ..encoders.text_reader import Forward, GraphForward, PlainTokenizer, TextReader, is_compiled
from .text import MAX_TOKENS, N_ENDING, marked_ids
from .text_weights import BLOCKS, LAST_NORM, PROJECTION, PROJECTION_EPS, TextWeights

Float = npt.NDArray[np.float32]


class MSClapTextTower(TextReader):
    """Tokenizer, GPT-2 and projection of one checkpoint; several threads may share it.

    Args:
        folder: The checkpoint.

    Raises:
        CheckpointError: if its weights, configuration or tokenizer are unreadable or do not fit each other.
    """

    def __init__(self, folder: Path) -> None:
        tokenizer = PlainTokenizer(folder / TOKENIZER)
        weights = TextWeights(folder)
        tokenizer.check_size(weights.n_tokens, folder)
        forward: Forward
        if is_compiled(weights.n_dense):
            forward = GraphForward(read_graph(Checkpoint(folder), "text", room=__package__))
        else:
            forward = NumpyForward(weights)
        super().__init__(
            forward,
            functools.partial(marked_ids, tokenizer),
            name=folder.name,
            max_tokens=min(MAX_TOKENS, weights.n_positions),
            n_ending=N_ENDING,
        )


class NumpyForward:
    """The network in numpy."""

    def __init__(self, weights: TextWeights) -> None:
        self._weights = weights

    def __call__(self, ids: list[int]) -> Float:
        """Embed token ids."""
        x, mask, eps = self._weights.entry(ids), causal_mask(len(ids)), np.float32(self._weights.eps)
        for block in range(self._weights.n_blocks):
            name = f"{BLOCKS}.{block}"
            x = x + self._attention(f"{name}.attn", self._norm(f"{name}.norm1", x, eps=eps), mask)
            hidden = gelu(self._linear(f"{name}.fc1", self._norm(f"{name}.norm2", x, eps=eps)))
            x = x + self._linear(f"{name}.fc2", hidden)
        pooled = self._norm(LAST_NORM, x[-1], eps=eps)
        embedded = self._linear(f"{PROJECTION}.linear1", pooled)
        mixed = embedded + self._linear(f"{PROJECTION}.linear2", exact_gelu(embedded))
        return self._norm(f"{PROJECTION}.layer_norm", mixed, eps=np.float32(PROJECTION_EPS))

    def _linear(self, name: str, x: Float) -> Float:
        y: Float = x @ self._weights[f"{name}.weight"].T
        bias = self._weights.get(f"{name}.bias")
        return y if bias is None else y + bias

    def _norm(self, name: str, x: Float, *, eps: np.float32) -> Float:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt(np.square(centred).mean(-1, keepdims=True) + eps)
        normed: Float = scaled * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
        return normed

    def _attention(self, name: str, x: Float, mask: Float) -> Float:
        n, width = x.shape
        q, k, v = self._linear(f"{name}.qkv", x).reshape(n, 3, self._weights.n_heads, -1).transpose(1, 2, 0, 3)
        scores = q @ k.transpose(0, 2, 1) / np.float32(math.sqrt(width // self._weights.n_heads)) + mask
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (scores / scores.sum(-1, keepdims=True)) @ v
        return self._linear(f"{name}.proj", mixed.transpose(1, 0, 2).reshape(n, width))


def causal_mask(n: int) -> Float:
    """What is added to scores `[n, n]` so that no token sees those after it."""
    return np.triu(np.full((n, n), -np.inf, np.float32), 1)


def gelu(x: Float) -> Float:
    """GPT-2's GELU, by its tanh formula."""
    inner = np.float32(math.sqrt(2 / math.pi)) * (
        x + np.float32(0.044715) * x * x * x
    )  # x**3 would take ten times as long
    return np.float32(0.5) * x * (1 + np.tanh(inner))


def exact_gelu(x: Float) -> Float:
    """GELU by the error function, as the projection has it."""
    return (0.5 * x * (1 + np.array([math.erf(value) for value in x.ravel() / math.sqrt(2)]).reshape(x.shape))).astype(
        np.float32
    )
