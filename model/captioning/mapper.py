"""The mapper: from an audio embedding to the states that GPT-2 continues (ClipCap, arXiv 2111.09734)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name everybody reads

from .configuration import ClapCapConfig


class MapperBlock(nn.Module):
    """Attention over all states and a dense layer, each on a residual branch, normalised at its entry."""

    def __init__(self, config: ClapCapConfig) -> None:
        super().__init__()
        width = config.decoder_config.hidden_size
        hidden = int(width * config.mapper_mlp_ratio)
        self.n_heads = config.mapper_heads
        self.norm1 = nn.LayerNorm(width)
        self.query = nn.Linear(width, width, bias=False)
        self.key_value = nn.Linear(width, 2 * width, bias=False)
        self.proj = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """`[B, n, width]` to the same shape."""
        b, n, width = x.shape
        normed = self.norm1(x)
        q = self.query(normed).view(b, n, self.n_heads, -1).transpose(1, 2)
        k, v = self.key_value(normed).view(b, n, 2, self.n_heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, width)
        x = x + self.proj(mixed)
        return x + self.fc2(F.relu(self.fc1(self.norm2(x))))


class TransformerMapper(nn.Module):
    """States made of the embedding beside learned ones, through a transformer; the learned ones' places are read."""

    def __init__(self, config: ClapCapConfig) -> None:
        super().__init__()
        width = config.decoder_config.hidden_size
        self.n_heard = config.prefix_length_clip
        self.linear = nn.Linear(config.projection_dim, config.prefix_length_clip * width)
        self.constant = nn.Parameter(torch.zeros(config.prefix_length, width))
        self.blocks = nn.ModuleList(MapperBlock(config) for _ in range(config.mapper_layers))

    def forward(self, embeddings: Tensor) -> Tensor:
        """Float `[B, projection_dim]` to `[B, prefix_length, width]`."""
        n = len(embeddings)
        x = torch.cat((self.linear(embeddings).view(n, self.n_heard, -1), self.constant.expand(n, -1, -1)), dim=1)
        for block in self.blocks:
            x = block(x)
        return x[:, self.n_heard :]


class MlpMapper(nn.Module):
    """Two dense layers with a tanh between them."""

    def __init__(self, config: ClapCapConfig) -> None:
        super().__init__()
        n_out = config.decoder_config.hidden_size * config.prefix_length
        self.n_states = config.prefix_length
        self.fc1 = nn.Linear(config.projection_dim, n_out // 2)
        self.fc2 = nn.Linear(n_out // 2, n_out)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Float `[B, projection_dim]` to `[B, prefix_length, width]`."""
        return self.fc2(torch.tanh(self.fc1(embeddings))).view(len(embeddings), self.n_states, -1)
