"""The decoder: GPT-2 that continues a prefix of states, each token computed once."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name everybody reads

from ..msclap.gpt2 import Gpt2, GptBlock

Past = list[tuple[Tensor, Tensor]]
"""Keys and values of each block so far, float `[B, n_heads, n_tokens, width / n_heads]`."""


class CaptionDecoder(Gpt2):
    """GPT-2 with its token embeddings as the output layer, and a memory of what it has read."""

    def logits(self, states: Tensor, past: Past | None = None) -> tuple[Tensor, Past]:
        """Read further states.

        Args:
            states: float `[B, n, hidden_size]`, without positions: a prefix, or embeddings of tokens.
            past: What was read before, as it was given back; None at the beginning.

        Returns:
            Scores of each token as the next one, before the softmax, float `[B, vocab_size]`; and what has been read.
        """
        n_past = past[0][0].shape[2] if past else 0
        positions = torch.arange(n_past, n_past + states.shape[1], device=states.device)
        x = self.dropout(states + self.position_embeddings(positions))
        now: Past = []
        for number, block in enumerate(self.blocks):
            x, read = _block(cast("GptBlock", block), x, past[number] if past else None)
            now.append(read)
        return F.linear(self.norm(x[:, -1]), self.token_embeddings.weight), now


def _block(block: GptBlock, x: Tensor, past: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """One block: states `[B, n, width]` to the same, beside its keys and values with those from before."""
    b, n, width = x.shape
    q, k, v = block.attn.qkv(block.norm1(x)).view(b, n, 3, block.attn.n_heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
    if past is not None:
        k, v = torch.cat((past[0], k), dim=2), torch.cat((past[1], v), dim=2)
    seen = torch.ones(n, k.shape[2], dtype=torch.bool, device=x.device).tril(k.shape[2] - n)
    mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=seen).transpose(1, 2).reshape(b, n, width)
    x = x + block.attn.proj(mixed)
    return x + block.fc2(F.gelu(block.fc1(block.norm2(x)), approximate="tanh")), (k, v)
