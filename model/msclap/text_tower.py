"""The text tower for queries: a text is a few matrix products, and waits for no training library to load.

Computes what `MSClapModel.get_text_features` computes, one text at a time, in numpy or in OpenVINO; tests hold both to
the reference. Nothing is padded: a token of GPT-2 sees only those before it, so padding would only cost time.
"""

from __future__ import annotations

import functools
import math
import os
import threading
import warnings
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from ..checkpoint import TOKENIZER
from ..errors import CheckpointError, SoundgrepWarning
from ..runtime import RUNTIME_VARIABLE, compiled, has_openvino, n_threads
from .text import MAX_TOKENS, token_ids
from .text_weights import BLOCKS, LAST_NORM, PROJECTION, PROJECTION_EPS, TextWeights

Float = npt.NDArray[np.float32]

MIN_COMPILED = 30_000_000
"""Multiplications a token from which compiling pays: it takes half a second, a product in numpy the threefold time.

GPT-2 has 85 million; `mini` with 3 million answers before OpenVINO is even imported."""

N_REMEMBERED = 512
"""Embeddings kept of the texts asked for last, 4 kB each at full size."""


class PlainTokenizer:
    """A tokenizer file without the transformers library around it.

    Args:
        path: `tokenizer.json`.

    Raises:
        CheckpointError: if it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the tokenizers library raises bare Exception
            raise CheckpointError(f"{path}: the tokenizer cannot be loaded ({error})") from error

    def __len__(self) -> int:
        return int(self._tokenizer.get_vocab_size())

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        """Ids of one text, uncut and unpadded."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=add_special_tokens).ids
        return ids


class Forward(Protocol):
    """The network itself, on whatever computes it."""

    def __call__(self, ids: list[int]) -> Float:
        """Embed token ids to float32 `[embedding_dim]`, of any length."""
        ...


class MSClapTextTower:
    """Tokenizer, GPT-2 and projection of one checkpoint; several threads may share it.

    Args:
        folder: The checkpoint.

    Raises:
        CheckpointError: if its weights, configuration or tokenizer are unreadable or do not fit each other.
    """

    def __init__(self, folder: Path) -> None:
        self._name = folder.name
        self._tokenizer = PlainTokenizer(folder / TOKENIZER)
        weights = TextWeights(folder)
        if len(self._tokenizer) > weights.n_tokens:
            raise CheckpointError(f"{folder}: the tokenizer has more tokens than the text tower")
        self._max_tokens = min(MAX_TOKENS, weights.n_positions)
        self._forward: Forward = CompiledForward(weights) if is_compiled(weights) else NumpyForward(weights)
        self._embedding = functools.lru_cache(N_REMEMBERED)(self._read_only)

    def embed_text(self, text: str) -> Float:
        """Embed one text to float32 `[embedding_dim]`, of any length, not to be written to."""
        # One id more than is read tells a text that was cut from one that just fits.
        (ids,) = token_ids(self._tokenizer, [text], max_tokens=self._max_tokens + 1)
        if len(ids) > self._max_tokens:
            (ids,) = token_ids(self._tokenizer, [text], max_tokens=self._max_tokens)
            warnings.warn(
                f"the text {text[:40]!r}... is longer than the {self._max_tokens} tokens that {self._name} reads: the "
                "rest was left out",
                SoundgrepWarning,
                stacklevel=4,
            )
        return self._embedding(tuple(ids))

    def _read_only(self, ids: tuple[int, ...]) -> Float:
        embedding = self._forward(list(ids))
        embedding.flags.writeable = False  # the next who asks for the same text is given the same array
        return embedding


def is_compiled(weights: TextWeights) -> bool:
    """Whether OpenVINO is to compute a tower: if it is there and the tower large, or `SOUNDGREP_RUNTIME` says so."""
    asked = os.environ.get(RUNTIME_VARIABLE, "")
    if asked:
        return asked == "openvino"
    return has_openvino() and weights.n_dense >= MIN_COMPILED


class CompiledForward:
    """The network in OpenVINO, on all cores: a person waits for the one text."""

    def __init__(self, weights: TextWeights) -> None:
        from .text_graph import TextGraph

        self._weights = weights
        self._request = compiled(TextGraph(weights).build(), n_threads=n_threads()).create_infer_request()
        self._computing = threading.Lock()

    def __call__(self, ids: list[int]) -> Float:
        """Embed token ids."""
        inputs = [self._weights.entry(ids), causal_mask(len(ids))]
        with self._computing:  # all cores are at work for one text: a second at once would only slow both
            self._request.infer(inputs)
            embedding: Float = np.array(self._request.get_output_tensor(0).data)
        return embedding


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
