"""The text tower for queries, in numpy: a search waits for a few matrix products, not for a training library to load.

Computes what `MSClapModel.get_text_features` computes, one text at a time; tests hold both to the reference.
"""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from tokenizers import Tokenizer

from ..errors import CheckpointError, SoundgrepWarning
from .text import MAX_TOKENS, token_ids

Float = npt.NDArray[np.float32]

WEIGHTS = "model.safetensors"
DEFAULT_HEADS, DEFAULT_EPS = 12, 1e-5  # of MSClapTextConfig, where a configuration leaves them out


def gelu(x: Float) -> Float:
    """GPT-2's GELU, by its tanh formula."""
    return np.float32(0.5) * x * (1 + np.tanh(np.float32(math.sqrt(2 / math.pi)) * (x + np.float32(0.044715) * x**3)))


def exact_gelu(x: Float) -> Float:
    """GELU by the error function, as the projection has it."""
    return (0.5 * x * (1 + np.array([math.erf(value) for value in x.ravel() / math.sqrt(2)]).reshape(x.shape))).astype(
        np.float32
    )


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


class NumpyTextTower:
    """GPT-2 and its projection over a checkpoint's weights.

    Args:
        folder: The checkpoint.

    Raises:
        CheckpointError: if its weights, configuration or tokenizer are unreadable or do not fit each other.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tokenizer = PlainTokenizer(folder / "tokenizer.json")
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            text_config = config.get("text_config", {})
            self._n_heads = int(text_config.get("num_attention_heads", DEFAULT_HEADS))
            self._eps = np.float32(text_config.get("layer_norm_eps", DEFAULT_EPS))
            self._weights = read_weights(folder / WEIGHTS)
        except (OSError, ValueError, TypeError, AttributeError, SafetensorError) as error:
            raise CheckpointError(f"{folder / WEIGHTS}: cannot be loaded: {error}") from error
        self._check(int(config.get("projection_dim", 0)))

    def embed_text(self, text: str) -> Float:
        """Embed one text to float32 `[embedding_dim]`, of any length."""
        # One id more than is read tells a text that was cut from one that just fits.
        (ids,) = token_ids(self._tokenizer, [text], max_tokens=self._max_tokens + 1)
        if len(ids) > self._max_tokens:
            (ids,) = token_ids(self._tokenizer, [text], max_tokens=self._max_tokens)
            warnings.warn(
                f"the text {text[:40]!r}... is longer than the {self._max_tokens} tokens that {self._folder.name} "
                "reads: the rest was left out",
                SoundgrepWarning,
                stacklevel=4,
            )
        states = self._states(ids)
        embedded = self._linear("text_projection.linear1", states[-1])
        mixed = embedded + self._linear("text_projection.linear2", exact_gelu(embedded))
        return self._norm("text_projection.layer_norm", mixed, eps=np.float32(1e-5))

    def _check(self, embedding_dim: int) -> None:
        """Refuse weights that are not those of the configuration."""
        tokens, positions = self._tensor("token_embeddings.weight"), self._tensor("position_embeddings.weight")
        width = tokens.shape[1]
        projection = self._weights.get("text_projection.linear1.weight")
        found = None if projection is None else projection.shape
        if found != (embedding_dim, width) or positions.shape[1] != width or width % self._n_heads:
            raise CheckpointError(
                f"{self._folder / WEIGHTS}: size mismatch: the text projection is {found}, but the configuration says "
                f"{(embedding_dim, width)} with {self._n_heads} heads"
            )
        if len(self._tokenizer) > tokens.shape[0]:
            raise CheckpointError(f"{self._folder}: the tokenizer has more tokens than the text tower")
        self._max_tokens = min(MAX_TOKENS, positions.shape[0])
        self._n_blocks = sum(1 for name in self._weights if name.endswith(".norm1.weight"))

    def _tensor(self, name: str) -> Float:
        try:
            return self._weights[f"text_model.encoder.{name}"]
        except KeyError:
            raise CheckpointError(
                f"{self._folder / WEIGHTS}: the tensor text_model.encoder.{name} is missing"
            ) from None

    def _linear(self, name: str, x: Float) -> Float:
        y: Float = x @ self._weights[f"{name}.weight"].T
        bias = self._weights.get(f"{name}.bias")
        return y if bias is None else y + bias

    def _norm(self, name: str, x: Float, *, eps: np.float32) -> Float:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt(np.square(centred).mean(-1, keepdims=True) + eps)
        normed: Float = scaled * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
        return normed

    def _states(self, ids: list[int]) -> Float:
        """Token states, float32 `[n_tokens, width]`."""
        x = self._tensor("token_embeddings.weight")[ids] + self._tensor("position_embeddings.weight")[: len(ids)]
        later = np.triu(np.full((len(ids), len(ids)), -np.inf, np.float32), 1)
        for block in range(self._n_blocks):
            name = f"text_model.encoder.blocks.{block}"
            x = x + self._attention(f"{name}.attn", self._norm(f"{name}.norm1", x, eps=self._eps), later)
            hidden = gelu(self._linear(f"{name}.fc1", self._norm(f"{name}.norm2", x, eps=self._eps)))
            x = x + self._linear(f"{name}.fc2", hidden)
        return self._norm("text_model.encoder.norm", x, eps=self._eps)

    def _attention(self, name: str, x: Float, later: Float) -> Float:
        n, width = x.shape
        q, k, v = self._linear(f"{name}.qkv", x).reshape(n, 3, self._n_heads, -1).transpose(1, 2, 0, 3)
        scores = q @ k.transpose(0, 2, 1) / np.float32(math.sqrt(width // self._n_heads)) + later
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (scores / scores.sum(-1, keepdims=True)) @ v
        return self._linear(f"{name}.proj", mixed.transpose(1, 0, 2).reshape(n, width))


def read_weights(path: Path) -> dict[str, Float]:
    """Read the text tower's tensors, and no others, as float32."""
    with safe_open(path, framework="numpy") as file:
        names = [name for name in file.keys() if name.startswith("text_")]  # noqa: SIM118 - no mapping
        return {name: file.get_tensor(name).astype(np.float32, copy=False) for name in names}
