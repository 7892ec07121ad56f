"""The tensors of a BERT, and what its first layer is given."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from .sizes import BertSizes

Float = npt.NDArray[np.float32]


class BertWeights:
    """A checkpoint's text tower as arrays.

    Args:
        tensors: Its tensors by transformers' names, float32, in the shapes that `sizes` says.
        sizes: Its sizes.
        prefix: What stands before the names: "text_model." in a `ClapModel`.
    """

    def __init__(self, tensors: Mapping[str, Float], sizes: BertSizes, *, prefix: str = "") -> None:
        self.sizes = sizes
        self._tensors = tensors
        self._prefix = prefix

    def __getitem__(self, name: str) -> Float:
        return self._tensors[self._prefix + name]

    def get(self, name: str) -> Float | None:
        """The tensor of a name, or None where there is none."""
        return self._tensors.get(self._prefix + name)

    def entry(self, ids: list[int]) -> Float:
        """What the first layer is given: float32 `[n_tokens, width]`."""
        states = self["embeddings.word_embeddings.weight"][ids] + self["embeddings.token_type_embeddings.weight"][0]
        states = states + self["embeddings.position_embeddings.weight"][self._positions(ids)]
        return self.normed("embeddings.LayerNorm", states)

    def normed(self, name: str, x: Float) -> Float:
        """A layer norm over the last axis."""
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt(np.square(centred).mean(-1, keepdims=True) + np.float32(self.sizes.eps))
        normed: Float = scaled * self[f"{name}.weight"] + self[f"{name}.bias"]
        return normed

    def linear(self, name: str, x: Float) -> Float:
        """A dense layer."""
        y: Float = x @ self[f"{name}.weight"].T + self[f"{name}.bias"]
        return y

    def _positions(self, ids: list[int]) -> npt.NDArray[np.int64]:
        padding_id = self.sizes.padding_id
        if padding_id is None:
            return np.arange(len(ids))
        # RoBERTa does not count padding tokens, and a text may name one.
        is_counted = np.array(ids) != padding_id
        positions: npt.NDArray[np.int64] = np.cumsum(is_counted) * is_counted + padding_id
        return positions
