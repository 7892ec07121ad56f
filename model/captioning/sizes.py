"""Sizes of a captioner's mapper and decoder, read from its configuration without the transformers library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAPPER, DECODER = "mapper", "decoder"


@dataclass(frozen=True)
class WriterSizes:
    """What `ClapCapConfig` says of a mapper and a decoder at work, with its defaults.

    Attributes:
        embedding_dim: Width of the audio embeddings.
        is_normalised: Whether they are brought to unit length first.
        is_mlp: Whether the mapper is two dense layers instead of a transformer.
        n_prefix: States that the decoder continues.
        n_heard: States that the transformer mapper makes of the embedding.
        n_mapper_blocks: Its blocks.
        n_mapper_heads: Attention heads of each.
        mapper_hidden: Width of a block's hidden layer.
        n_tokens: Size of the vocabulary.
        n_positions: Most states that the decoder reads, prefix included.
        width: Numbers in a state.
        n_blocks: The decoder's blocks.
        n_heads: Attention heads of each.
        hidden: Width of a block's hidden layer.
        eps: Of the decoder's layer norms.

    Raises:
        ValueError: If a size is under 1, the heads do not divide the width, or the prefix leaves no room for a caption.
    """

    embedding_dim: int
    is_normalised: bool
    is_mlp: bool
    n_prefix: int
    n_heard: int
    n_mapper_blocks: int
    n_mapper_heads: int
    mapper_hidden: int
    n_tokens: int
    n_positions: int
    width: int
    n_blocks: int
    n_heads: int
    hidden: int
    eps: float

    def __post_init__(self) -> None:
        counts = (
            self.embedding_dim,
            self.n_prefix,
            self.n_heard,
            self.n_tokens,
            self.width,
            self.n_blocks,
            self.hidden,
        )
        if min(*counts, self.n_mapper_blocks, self.n_mapper_heads, self.n_heads) < 1:
            raise ValueError(f"a captioner of {self} cannot be")
        if self.width % self.n_heads or self.width % self.n_mapper_heads:
            raise ValueError(f"states of width {self.width} with {self.n_heads} and {self.n_mapper_heads} heads")
        if self.n_positions <= self.n_prefix:
            raise ValueError(f"{self.n_positions} positions leave no room after a prefix of {self.n_prefix}")

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> WriterSizes:
        """Read a checkpoint's `config.json`.

        Raises:
            ValueError, TypeError, AttributeError: If a field is not of its kind.
        """
        text = config.get("text_config") or {}
        width = int(text.get("hidden_size", 768))
        return cls(
            embedding_dim=int(config.get("projection_dim", 1024)),
            is_normalised=bool(config.get("normalize_prefix", True)),
            is_mlp=config.get("mapping_type", "transformer") == "mlp",
            n_prefix=int(config.get("prefix_length", 40)),
            n_heard=int(config.get("prefix_length_clip", 40)),
            n_mapper_blocks=int(config.get("mapper_layers", 8)),
            n_mapper_heads=int(config.get("mapper_heads", 8)),
            mapper_hidden=int(width * float(config.get("mapper_mlp_ratio", 2.0))),
            n_tokens=int(text.get("vocab_size", 50257)),
            n_positions=int(text.get("max_position_embeddings", 1024)),
            width=width,
            n_blocks=int(text.get("num_hidden_layers", 12)),
            n_heads=int(text.get("num_attention_heads", 12)),
            hidden=int(text.get("intermediate_size", 3072)),
            eps=float(text.get("layer_norm_eps", 1e-5)),
        )

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every tensor of the mapper and the decoder."""
        width = self.width
        expected: dict[str, tuple[int, ...]] = {
            f"{DECODER}.token_embeddings.weight": (self.n_tokens, width),
            f"{DECODER}.position_embeddings.weight": (self.n_positions, width),
        }
        dense: dict[str, tuple[int, int]] = {}
        norms = [f"{DECODER}.norm"]
        for block in range(self.n_blocks):
            name = f"{DECODER}.blocks.{block}"
            norms += [f"{name}.norm1", f"{name}.norm2"]
            dense |= {f"{name}.attn.qkv": (3 * width, width), f"{name}.attn.proj": (width, width)}
            dense |= {f"{name}.fc1": (self.hidden, width), f"{name}.fc2": (width, self.hidden)}
        if self.is_mlp:
            n_out = self.n_prefix * width
            dense |= {f"{MAPPER}.fc1": (n_out // 2, self.embedding_dim), f"{MAPPER}.fc2": (n_out, n_out // 2)}
        else:
            expected[f"{MAPPER}.constant"] = (self.n_prefix, width)
            dense[f"{MAPPER}.linear"] = (self.n_heard * width, self.embedding_dim)
            for block in range(self.n_mapper_blocks):
                name = f"{MAPPER}.blocks.{block}"
                norms += [f"{name}.norm1", f"{name}.norm2"]
                expected |= {f"{name}.query.weight": (width, width), f"{name}.key_value.weight": (2 * width, width)}
                dense |= {f"{name}.proj": (width, width), f"{name}.fc1": (self.mapper_hidden, width)}
                dense[f"{name}.fc2"] = (width, self.mapper_hidden)
        for name, shape in dense.items():
            expected |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
        for norm in norms:
            expected |= {f"{norm}.weight": (width,), f"{norm}.bias": (width,)}
        return expected
