"""The text tower for queries, in numpy: a search waits for a few matrix products, not for a training library to load.

Computes what `MSClapModel.get_text_features` computes, one text at a time; tests hold both to the reference.
"""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from tokenizers import Tokenizer

from ..checkpoint import CONFIG, TOKENIZER, WEIGHTS, Checkpoint
from ..errors import CheckpointError, SoundgrepWarning
from .text import MAX_TOKENS, token_ids

Float = npt.NDArray[np.float32]

TOKENS, POSITIONS = "text_model.encoder.token_embeddings.weight", "text_model.encoder.position_embeddings.weight"
BLOCKS = "text_model.encoder.blocks"
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
        self._tokenizer = PlainTokenizer(folder / TOKENIZER)
        checkpoint = Checkpoint(folder)
        try:
            config = checkpoint.read(CONFIG).get("text_config", {})
            self._n_heads = int(config.get("num_attention_heads", DEFAULT_HEADS))
            self._eps = np.float32(config.get("layer_norm_eps", DEFAULT_EPS))
            self._weights = read_weights(folder / WEIGHTS)
        except (OSError, ValueError, TypeError, AttributeError, SafetensorError) as error:
            raise CheckpointError(f"{folder / WEIGHTS}: cannot be loaded: {error}") from error
        self._n_blocks = sum(1 for name in self._weights if name.endswith(".norm1.weight"))
        self._check(checkpoint.embedding_dim)
        self._max_tokens = min(MAX_TOKENS, len(self._weights[POSITIONS]))

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
        """Refuse weights that are not all those of the configuration, each in its size."""
        found = {name: tensor.shape for name, tensor in self._weights.items()}
        n_tokens, width = (*found.get(TOKENS, ()), 0, 0)[:2]
        n_positions, hidden = found.get(POSITIONS, (0,))[0], found.get(f"{BLOCKS}.0.fc1.weight", (0,))[0]
        expected: dict[str, tuple[int, ...]] = {TOKENS: (n_tokens, width), POSITIONS: (n_positions, width)}
        expected |= shapes(self._n_blocks, width=width, hidden=hidden, embedding_dim=embedding_dim)
        wrong = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
        if wrong:
            raise CheckpointError(
                f"{self._folder / WEIGHTS}: size mismatch: {wrong[0]} is {found.get(wrong[0], 'missing')}, but the "
                f"configuration wants {expected.get(wrong[0], 'none')}"
            )
        if width % self._n_heads:
            raise CheckpointError(f"{self._folder / CONFIG}: a text tower of width {width} with {self._n_heads} heads")
        if len(self._tokenizer) > n_tokens:
            raise CheckpointError(f"{self._folder}: the tokenizer has more tokens than the text tower")

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
        x = self._weights[TOKENS][ids] + self._weights[POSITIONS][: len(ids)]
        later = np.triu(np.full((len(ids), len(ids)), -np.inf, np.float32), 1)
        for block in range(self._n_blocks):
            name = f"{BLOCKS}.{block}"
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


def shapes(n_blocks: int, *, width: int, hidden: int, embedding_dim: int) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor but the embeddings of tokens and positions."""
    dense = {
        "attn.qkv": (3 * width, width),
        "attn.proj": (width, width),
        "fc1": (hidden, width),
        "fc2": (width, hidden),
    }
    norms = {"text_model.encoder.norm": width, "text_projection.layer_norm": embedding_dim}
    expected: dict[str, tuple[int, ...]] = {
        "text_projection.linear1.weight": (embedding_dim, width),
        "text_projection.linear2.weight": (embedding_dim, embedding_dim),
    }
    for block in range(n_blocks):
        norms |= {f"{BLOCKS}.{block}.norm1": width, f"{BLOCKS}.{block}.norm2": width}
        for name, shape in dense.items():
            expected |= {f"{BLOCKS}.{block}.{name}.weight": shape, f"{BLOCKS}.{block}.{name}.bias": shape[:1]}
    for name, size in norms.items():
        expected |= {f"{name}.weight": (size,), f"{name}.bias": (size,)}
    return expected


def read_weights(path: Path) -> dict[str, Float]:
    """Read the text tower's tensors, and no others, as float32."""
    with safe_open(path, framework="numpy") as file:
        names = [name for name in file.keys() if name.startswith("text_")]  # noqa: SIM118 - no mapping
        return {name: file.get_tensor(name).astype(np.float32, copy=False) for name in names}
