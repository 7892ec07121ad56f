"""The text tower: GPT-2 written plainly over its usual weights, so that it traces and converts.

The transformers library's own GPT2Model computes the same; its mask-building code cannot be exported.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name everybody reads

from .configuration import MSClapTextConfig


class CausalAttention(nn.Module):
    """Each token attends to itself and what stands before it."""

    def __init__(self, config: MSClapTextConfig) -> None:
        super().__init__()
        self.n_heads = config.num_attention_heads
        self.dropout = float(config.attention_probs_dropout_prob)
        self.qkv = nn.Linear(config.hidden_size, 3 * config.hidden_size)
        self.proj = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        """`[B, n_tokens, C]` to the same shape."""
        b, length, width = x.shape
        q, k, v = self.qkv(x).view(b, length, 3, self.n_heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        dropout = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True)
        return self.proj(mixed.transpose(1, 2).reshape(b, length, width))


class GptBlock(nn.Module):
    """Attention and a dense layer, each on a residual branch, normalised at its entry."""

    def __init__(self, config: MSClapTextConfig) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.attn = CausalAttention(config)
        self.norm2 = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.fc1 = nn.Linear(config.hidden_size, config.intermediate_size)
        self.fc2 = nn.Linear(config.intermediate_size, config.hidden_size)
        self.dropout = nn.Dropout(float(config.hidden_dropout_prob))

    def forward(self, x: Tensor) -> Tensor:
        """`[B, n_tokens, C]` to the same shape."""
        x = x + self.dropout(self.attn(self.norm1(x)))
        return x + self.dropout(self.fc2(F.gelu(self.fc1(self.norm2(x)), approximate="tanh")))


class Gpt2(nn.Module):
    """Token ids to token states."""

    def __init__(self, config: MSClapTextConfig) -> None:
        super().__init__()
        self.token_embeddings = nn.Embedding(config.vocab_size, config.hidden_size)
        self.position_embeddings = nn.Embedding(config.max_position_embeddings, config.hidden_size)
        self.dropout = nn.Dropout(float(config.hidden_dropout_prob))
        self.blocks = nn.ModuleList(GptBlock(config) for _ in range(config.num_hidden_layers))
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, input_ids: Tensor) -> Tensor:
        """Embed tokens: int64 `[B, n_tokens]`, padded on the right if at all, to float `[B, n_tokens, hidden_size]`."""
        positions = torch.arange(input_ids.shape[1], device=input_ids.device)
        x = self.dropout(self.token_embeddings(input_ids) + self.position_embeddings(positions))
        for block in self.blocks:
            x = block(x)
        return self.norm(x)
