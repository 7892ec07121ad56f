"""A checkpoint's text tower as arrays: its tensors, all of them there and each in its size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..encoders.checkpoint import CONFIG, WEIGHTS, Checkpoint
from ..encoders.tensors import mapped_tensors
from ..errors import CheckpointError

Float = npt.NDArray[np.float32]

TOKENS, POSITIONS = "text_model.encoder.token_embeddings.weight", "text_model.encoder.position_embeddings.weight"
BLOCKS, LAST_NORM = "text_model.encoder.blocks", "text_model.encoder.norm"
PROJECTION = "text_projection"
DEFAULT_HEADS, DEFAULT_EPS = 12, 1e-5  # of MSClapTextConfig, where a configuration leaves them out
PROJECTION_EPS = 1e-5


class TextWeights:
    """The tensors of GPT-2 and its projection by the names they have in a checkpoint.

    Args:
        folder: The checkpoint.

    Attributes:
        n_heads: Attention heads.
        eps: Of the layer norms.
        n_blocks: Transformer blocks.
        n_tokens: Size of the vocabulary.
        n_positions: Most tokens of a text.
        width: Numbers in a token's state.

    Raises:
        CheckpointError: If weights or configuration are unreadable or do not fit each other.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / WEIGHTS
        checkpoint = Checkpoint(folder)
        try:
            config = checkpoint.read(CONFIG).get("text_config", {})
            self.n_heads = int(config.get("num_attention_heads", DEFAULT_HEADS))
            self.eps = float(config.get("layer_norm_eps", DEFAULT_EPS))
        except (ValueError, TypeError, AttributeError) as error:
            raise CheckpointError(f"{folder / CONFIG}: the text tower cannot be built: {error}") from error
        self._tensors = mapped_tensors(self._path, prefix="text_")
        found = {name: tensor.shape for name, tensor in self._tensors.items()}
        self.n_blocks = sum(1 for name in found if name.endswith(".norm1.weight"))
        self.n_tokens, self.width = (*found.get(TOKENS, ()), 0, 0)[:2]
        self.n_positions = found.get(POSITIONS, (0,))[0]
        self._check(embedding_dim=checkpoint.embedding_dim)
        if self.n_heads < 1 or self.width % self.n_heads:
            raise CheckpointError(f"{folder / CONFIG}: a text tower of width {self.width} with {self.n_heads} heads")

    def __getitem__(self, name: str) -> Float:
        return self._tensors[name]

    def get(self, name: str) -> Float | None:
        """Return the tensor of a name, or None where there is none, as for the biases of a projection."""
        return self._tensors.get(name)

    @property
    def n_dense(self) -> int:
        """Numbers in the blocks: multiplications that a token costs."""
        return sum(tensor.size for name, tensor in self._tensors.items() if name.startswith(BLOCKS))

    def entry(self, ids: list[int]) -> Float:
        """Return what the first block is given: float32 `[n_tokens, width]`."""
        states: Float = self[TOKENS][ids] + self[POSITIONS][: len(ids)]
        return states

    def _check(self, *, embedding_dim: int) -> None:
        """Refuse tensors that are not all those of the configuration, each in its size."""
        found = {name: tensor.shape for name, tensor in self._tensors.items()}
        hidden = found.get(f"{BLOCKS}.0.fc1.weight", (0,))[0]
        expected: dict[str, tuple[int, ...]] = {
            TOKENS: (self.n_tokens, self.width),
            POSITIONS: (self.n_positions, self.width),
        }
        expected |= shapes(self.n_blocks, width=self.width, hidden=hidden, embedding_dim=embedding_dim)
        wrong = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
        if wrong:
            raise CheckpointError(
                f"{self._path}: size mismatch: {wrong[0]} is {found.get(wrong[0], 'missing')}, but the "
                f"configuration wants {expected.get(wrong[0], 'none')}"
            )


def shapes(n_blocks: int, *, width: int, hidden: int, embedding_dim: int) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor but the embeddings of tokens and positions."""
    dense = {
        "attn.qkv": (3 * width, width),
        "attn.proj": (width, width),
        "fc1": (hidden, width),
        "fc2": (width, hidden),
    }
    norms = {LAST_NORM: width, f"{PROJECTION}.layer_norm": embedding_dim}
    expected: dict[str, tuple[int, ...]] = {
        f"{PROJECTION}.linear1.weight": (embedding_dim, width),
        f"{PROJECTION}.linear2.weight": (embedding_dim, embedding_dim),
    }
    for block in range(n_blocks):
        norms |= {f"{BLOCKS}.{block}.norm1": width, f"{BLOCKS}.{block}.norm2": width}
        for name, shape in dense.items():
            expected |= {f"{BLOCKS}.{block}.{name}.weight": shape, f"{BLOCKS}.{block}.{name}.bias": shape[:1]}
    for name, size in norms.items():
        expected |= {f"{name}.weight": (size,), f"{name}.bias": (size,)}
    return expected
