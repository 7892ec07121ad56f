"""Sizes of a BERT, read from a checkpoint's configuration without the transformers library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class BertSizes:
    """What transformers' `BertConfig`, `RobertaConfig` or `ClapTextConfig` says of a text tower at work.

    Attributes:
        n_tokens: Size of the vocabulary.
        n_positions: Rows of the position table.
        n_types: Rows of the table of token types, of which the first is used.
        width: Numbers in a token's state.
        n_layers: Transformer layers.
        n_heads: Attention heads of a layer.
        hidden: Width of a layer's hidden states.
        eps: Of the layer norms.
        padding_id: The padding token where positions are counted from the one after it, as in RoBERTa; None where they
            are counted from 0, as in BERT.

    Raises:
        ValueError: If a size is under 1, or the heads do not divide the width.
    """

    n_tokens: int
    n_positions: int
    n_types: int
    width: int = 768
    n_layers: int = 12
    n_heads: int = 12
    hidden: int = 3072
    eps: float = 1e-12
    padding_id: int | None = None

    def __post_init__(self) -> None:
        if min(self.n_tokens, self.n_types, self.width, self.n_layers, self.n_heads, self.hidden, self.max_tokens) < 1:
            raise ValueError(f"a text tower of {self} cannot be")
        if self.width % self.n_heads:
            raise ValueError(f"a text tower of width {self.width} with {self.n_heads} heads")

    @classmethod
    def of(cls, config: Mapping[str, Any], defaults: BertSizes) -> BertSizes:
        """Read the part of a `config.json` that describes the text tower.

        Args:
            config: That part.
            defaults: What holds for a field that is not there.

        Raises:
            ValueError, TypeError: If a field is no number.
        """
        padding_id = defaults.padding_id
        return cls(
            n_tokens=int(config.get("vocab_size", defaults.n_tokens)),
            n_positions=int(config.get("max_position_embeddings", defaults.n_positions)),
            n_types=int(config.get("type_vocab_size", defaults.n_types)),
            width=int(config.get("hidden_size", defaults.width)),
            n_layers=int(config.get("num_hidden_layers", defaults.n_layers)),
            n_heads=int(config.get("num_attention_heads", defaults.n_heads)),
            hidden=int(config.get("intermediate_size", defaults.hidden)),
            eps=float(config.get("layer_norm_eps", defaults.eps)),
            padding_id=None if padding_id is None else int(config.get("pad_token_id", padding_id)),
        )

    @property
    def max_tokens(self) -> int:
        """Most tokens of a text."""
        return self.n_positions if self.padding_id is None else self.n_positions - self.padding_id - 1

    @property
    def n_dense(self) -> int:
        """Numbers in the layers: multiplications that a token costs."""
        return self.n_layers * (4 * self.width**2 + 2 * self.width * self.hidden)

    def shapes(self, prefix: str) -> dict[str, tuple[int, ...]]:
        """Name and shape of every tensor that the network needs of a checkpoint, by transformers' names."""
        width = self.width
        expected: dict[str, tuple[int, ...]] = {
            f"{prefix}embeddings.word_embeddings.weight": (self.n_tokens, width),
            f"{prefix}embeddings.position_embeddings.weight": (self.n_positions, width),
            f"{prefix}embeddings.token_type_embeddings.weight": (self.n_types, width),
        }
        norms = [f"{prefix}embeddings.LayerNorm"]
        for layer in range(self.n_layers):
            name = f"{prefix}encoder.layer.{layer}"
            norms += [f"{name}.attention.output.LayerNorm", f"{name}.output.LayerNorm"]
            for part, shape in (
                ("attention.self.query", (width, width)),
                ("attention.self.key", (width, width)),
                ("attention.self.value", (width, width)),
                ("attention.output.dense", (width, width)),
                ("intermediate.dense", (self.hidden, width)),
                ("output.dense", (width, self.hidden)),
            ):
                expected |= {f"{name}.{part}.weight": shape, f"{name}.{part}.bias": shape[:1]}
        for norm in norms:
            expected |= {f"{norm}.weight": (width,), f"{norm}.bias": (width,)}
        return expected
