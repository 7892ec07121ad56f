"""The audio tower: HTS-AT, a Swin transformer over folded log-mels (arXiv 2202.00874, 2103.14030).

Shapes use B for the batch, H and W for rows and columns of tokens, C for the width of a stage.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name everybody reads

from .configuration import MSClapAudioConfig

SHIFT_MASK = -100.0  # the reference's stand-in for minus infinity between tokens that the cyclic shift brings together


def relative_position_index(window: int) -> Tensor:
    """Row of the bias table for each pair of tokens of a window: int64 `[window**2, window**2]`."""
    coordinates = torch.stack(torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")).flatten(1)
    distance = coordinates[:, :, None] - coordinates[:, None, :] + window - 1
    return distance[0] * (2 * window - 1) + distance[1]


def partition(x: Tensor, window: int) -> Tensor:
    """Cut `[B, H, W, C]` into windows `[B * n_windows, window**2, C]`."""
    b, h, w, c = x.shape
    x = x.view(b, h // window, window, w // window, window, c)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, window * window, c)


def unpartition(windows: Tensor, window: int, side: int) -> Tensor:
    """Put windows back together: `[B * n_windows, window**2, C]` to `[B, side, side, C]`."""
    n = side // window
    x = windows.view(-1, n, n, window, window, windows.shape[-1])
    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, side, side, windows.shape[-1])


def shift_mask(side: int, window: int, shift: int) -> Tensor:
    """What keeps tokens from opposite edges apart after the cyclic shift: `[n_windows, window**2, window**2]`."""
    region = torch.zeros(1, side, side, 1)
    edges = (slice(0, -window), slice(-window, -shift), slice(-shift, None))
    for number, (rows, columns) in enumerate((r, c) for r in edges for c in edges):
        region[:, rows, columns] = number
    flat = partition(region, window).squeeze(-1)
    return (flat[:, None, :] != flat[:, :, None]).float() * SHIFT_MASK


class DropPath(nn.Module):
    """Leave out a residual branch at random, per sample, while training."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` scaled or zeroed per sample while training, `x` itself otherwise."""
        if not self.training or self.rate == 0:
            return x
        keep = 1 - self.rate
        return x * (torch.rand(x.shape[0], *[1] * (x.ndim - 1), device=x.device) < keep).to(x.dtype) / keep


class WindowAttention(nn.Module):
    """Self-attention inside windows, with a learned bias by relative position."""

    relative_position_index: Tensor
    shift_mask: Tensor | None

    def __init__(self, config: MSClapAudioConfig, *, width: int, n_heads: int, side: int, shifted: bool) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.side = side
        self.window = min(config.window_size, side)
        # A window as large as the image sees everything: nothing to shift.
        self.shift = config.window_size // 2 if shifted and side > config.window_size else 0
        self.dropout = float(config.attention_probs_dropout_prob)
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * self.window - 1) ** 2, n_heads))
        self.qkv = nn.Linear(width, width * 3, bias=config.qkv_bias)
        self.proj = nn.Linear(width, width)
        self.register_buffer("relative_position_index", self.position_index(), persistent=False)
        self.register_buffer("shift_mask", self.mask(), persistent=False)

    def position_index(self) -> Tensor:
        """The constant that indexes the bias table."""
        return relative_position_index(self.window)

    def mask(self) -> Tensor | None:
        """The constant mask of a shifted layer; None where nothing is shifted."""
        return shift_mask(self.side, self.window, self.shift) if self.shift else None

    def forward(self, x: Tensor) -> Tensor:
        """Attend inside windows: `[B, side, side, C]` to the same shape."""
        if self.shift:
            x = torch.roll(x, (-self.shift, -self.shift), (1, 2))
        windows = partition(x, self.window)
        n, length, width = windows.shape
        q, k, v = self.qkv(windows).view(n, length, 3, self.n_heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        bias = self.relative_position_bias_table[self.relative_position_index.flatten()]
        bias = bias.view(length, length, self.n_heads).permute(2, 0, 1)[None]
        if self.shift_mask is not None:
            bias = bias + self.shift_mask[:, None]
            bias = bias.repeat(n // bias.shape[0], 1, 1, 1)
        dropout = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype), dropout_p=dropout)
        x = unpartition(self.proj(mixed.transpose(1, 2).reshape(n, length, width)), self.window, self.side)
        return torch.roll(x, (self.shift, self.shift), (1, 2)) if self.shift else x


class Mlp(nn.Module):
    """Two dense layers with GELU between them."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """`[..., C]` to the same shape."""
        return self.dropout(self.fc2(self.dropout(F.gelu(self.fc1(x)))))


class SwinBlock(nn.Module):
    """Window attention and a dense layer, each on a residual branch."""

    def __init__(
        self, config: MSClapAudioConfig, *, width: int, n_heads: int, side: int, shifted: bool, drop_path: float
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.attn = WindowAttention(config, width=width, n_heads=n_heads, side=side, shifted=shifted)
        self.norm2 = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.mlp = Mlp(width, int(width * config.mlp_ratio), float(config.hidden_dropout_prob))
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """`[B, side, side, C]` to the same shape."""
        x = x + self.drop_path(self.attn(self.norm1(x)))
        return x + self.drop_path(self.mlp(self.norm2(x)))


class PatchMerging(nn.Module):
    """Join each 2 x 2 tokens: half the resolution, twice the width."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * width, eps=eps)
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """`[B, H, W, C]` to `[B, H / 2, W / 2, 2 C]`."""
        corners = [x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]]
        return self.reduction(self.norm(torch.cat(corners, -1)))


class Stage(nn.Module):
    """Blocks at one resolution, alternately plain and shifted, then the merging to the next."""

    def __init__(self, config: MSClapAudioConfig, *, number: int, drop_paths: list[float]) -> None:
        super().__init__()
        width = config.patch_embeds_hidden_size * 2**number
        self.blocks = nn.ModuleList(
            SwinBlock(
                config,
                width=width,
                n_heads=config.num_attention_heads[number],
                side=config.spec_size // config.patch_stride // 2**number,
                shifted=block % 2 == 1,
                drop_path=drop_paths[block],
            )
            for block in range(config.depths[number])
        )
        last = number == len(config.depths) - 1
        self.downsample = nn.Identity() if last else PatchMerging(width, config.layer_norm_eps)

    def forward(self, x: Tensor) -> Tensor:
        """`[B, H, W, C]` to the next stage's input, or to the same shape in the last stage."""
        for block in self.blocks:
            x = block(x)
        return self.downsample(x)


class PatchEmbed(nn.Module):
    """Cut the image into patches and embed each."""

    def __init__(self, config: MSClapAudioConfig) -> None:
        super().__init__()
        width = config.patch_embeds_hidden_size
        padding = (config.patch_size - config.patch_stride) // 2
        self.proj = nn.Conv2d(1, width, config.patch_size, stride=config.patch_stride, padding=padding)
        self.norm = nn.LayerNorm(width, eps=config.layer_norm_eps)

    def forward(self, image: Tensor) -> Tensor:
        """`[B, 1, spec_size, spec_size]` to `[B, H, W, C]`."""
        return self.norm(self.proj(image).permute(0, 2, 3, 1))


class HtsAt(nn.Module):
    """Log-mels to token states; their mean is the pooled state."""

    def __init__(self, config: MSClapAudioConfig) -> None:
        super().__init__()
        self.freq_ratio = config.freq_ratio
        self.max_frames = config.max_frames
        self.batch_norm = nn.BatchNorm2d(config.num_mel_bins)
        self.patch_embed = PatchEmbed(config)
        n_blocks = sum(config.depths)
        rates = [float(config.drop_path_rate) * block / max(n_blocks - 1, 1) for block in range(n_blocks)]
        starts = [sum(config.depths[:number]) for number in range(len(config.depths))]
        self.stages = nn.ModuleList(
            Stage(config, number=number, drop_paths=rates[start : start + config.depths[number]])
            for number, start in enumerate(starts)
        )
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def fold(self, mels: Tensor) -> Tensor:
        """Stretch `[B, 1, n_frames, n_mels]` to the full width and fold it to `[B, 1, spec_size, spec_size]`."""
        if mels.shape[2] < self.max_frames:
            # Bicubic with aligned corners, as the reference stretches its 965 frames to 1,024.
            size = (self.max_frames, mels.shape[3])
            mels = F.interpolate(mels, size, mode="bicubic", align_corners=True)
        b, _, n_frames, n_mels = mels.shape
        image = mels.transpose(2, 3).reshape(b, 1, n_mels, self.freq_ratio, n_frames // self.freq_ratio)
        return image.transpose(2, 3).reshape(b, 1, self.freq_ratio * n_mels, n_frames // self.freq_ratio)

    def forward(self, input_features: Tensor) -> Tensor:
        """Embed log-mels.

        Args:
            input_features: float `[B, 1, n_frames, n_mels]`, decibels.

        Returns:
            Token states, float `[B, n_tokens, hidden_size]`.

        Raises:
            ValueError: if there are more frames than the image holds.
        """
        if input_features.shape[2] > self.max_frames:
            raise ValueError(f"{input_features.shape[2]} frames are more than the {self.max_frames} this tower takes")
        mels = self.batch_norm(input_features.transpose(1, 3)).transpose(1, 3)
        x = self.patch_embed(self.fold(mels))
        for stage in self.stages:
            x = stage(x)
        return self.norm(x).flatten(1, 2)
