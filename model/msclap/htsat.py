"""The audio tower: HTS-AT, a Swin transformer over folded log-mels (arXiv 2202.00874, 2103.14030).

Tokens stay in the order of the windows that attend to each other, all through a stage: dense layers and norms work
token by token and never mind the order, so the cyclic shift of every second block is one gather of whole rows, and no
image is cut up or put together again. Shapes use B for the batch and C for the width of a stage.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name everybody reads

from .configuration import MSClapAudioConfig

CUBIC_A = -0.75  # torch's bicubic kernel
SHIFT_MASK = -100.0  # the reference's stand-in for minus infinity between tokens that the cyclic shift brings together


def relative_position_index(window: int) -> Tensor:
    """Row of the bias table for each pair of tokens of a window: int64 `[window**2, window**2]`."""
    coordinates = torch.stack(torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")).flatten(1)
    distance = coordinates[:, :, None] - coordinates[:, None, :] + window - 1
    return distance[0] * (2 * window - 1) + distance[1]


def windows_of(image: Tensor, window: int) -> Tensor:
    """Cut `[side, side]` into windows `[n_windows, window**2]`."""
    n = len(image) // window
    return image.view(n, window, n, window).transpose(1, 2).reshape(n * n, window * window)


def window_order(side: int, window: int, shift: int) -> Tensor:
    """Which token of the image stands at each place when windows follow each other: int64 `[side**2]`."""
    return windows_of(torch.arange(side**2).view(side, side).roll((-shift, -shift), (0, 1)), window).flatten()


def corner_order(side: int) -> Tensor:
    """The tokens of the image by fours, each 2 x 2 that become one: int64 `[side**2]`."""
    image = torch.arange(side**2).view(side, side)
    return torch.stack([image[down::2, right::2].flatten() for right in (0, 1) for down in (0, 1)], 1).flatten()


def shift_mask(side: int, window: int, shift: int) -> Tensor:
    """What keeps tokens from opposite edges apart after the cyclic shift: `[n_windows, window**2, window**2]`."""
    region = torch.zeros(side, side)
    edges = (slice(0, -window), slice(-window, -shift), slice(-shift, None))
    for number, (rows, columns) in enumerate((r, c) for r in edges for c in edges):
        region[rows, columns] = number
    flat = windows_of(region, window)
    return (flat[:, None, :] != flat[:, :, None]).float() * SHIFT_MASK


def stretched(mels: Tensor, n_to: int) -> Tensor:
    """Stretch frames `[..., n_frames, n_mels]` to `n_to`, as the reference does: bicubic with aligned corners.

    Keys' cubic convolution (IEEE ASSP 29(6), 1981) with a = -0.75, rows beyond the ends being the ends themselves.
    """
    n_from = mels.shape[-2]
    place = torch.arange(n_to, dtype=torch.float64, device=mels.device) * ((n_from - 1) / (n_to - 1))
    first = place.floor()
    rows = []
    for offset in range(-1, 3):
        d = (place - first - offset).abs()
        near = ((CUBIC_A + 2) * d - (CUBIC_A + 3)) * d * d + 1
        far = ((CUBIC_A * d - 5 * CUBIC_A) * d + 8 * CUBIC_A) * d - 4 * CUBIC_A
        weight = torch.where(d <= 1, near, far).to(mels.dtype)
        rows.append(mels[..., (first + offset).clamp(0, n_from - 1).long(), :] * weight[:, None])
    return (rows[0] + rows[1]) + (rows[2] + rows[3])


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


class WithConstants(nn.Module):
    """A module with tensors that its sizes decide: no checkpoint holds them, and loading leaves them empty."""

    def constants(self) -> dict[str, Tensor]:
        """Compute them, by their names."""
        raise NotImplementedError

    def register_constants(self) -> None:
        """Keep them as buffers that are not saved."""
        for name, value in self.constants().items():
            self.register_buffer(name, value, persistent=False)


class Reorder(WithConstants):
    """Tokens that stand in one order, put into another: one gather of whole rows.

    Args:
        order: Computes how they stand: which token of the image is at each place, int64 `[n_tokens]`.
        wanted: Computes how they are to stand.
    """

    rows: Tensor

    def __init__(self, order: Callable[[], Tensor], wanted: Callable[[], Tensor]) -> None:
        super().__init__()
        self._orders = order, wanted
        self.register_constants()

    def constants(self) -> dict[str, Tensor]:
        """Name the place that each token comes from: int64 `[n_tokens]`."""
        order, wanted = (compute() for compute in self._orders)
        return {"rows": order.argsort()[wanted]}

    def forward(self, x: Tensor) -> Tensor:
        """`[B * n_tokens, C]` to the same shape."""
        return x.view(-1, len(self.rows), x.shape[-1])[:, self.rows].flatten(0, 1)


class WindowAttention(WithConstants):
    """Self-attention inside windows, with a learned bias by relative position; windows follow each other."""

    relative_position_index: Tensor
    shift_mask: Tensor

    def __init__(self, config: MSClapAudioConfig, *, width: int, n_heads: int, side: int, shift: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.side = side
        self.window = min(config.window_size, side)
        self.shift = shift
        self.dropout = float(config.attention_probs_dropout_prob)
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * self.window - 1) ** 2, n_heads))
        self.qkv = nn.Linear(width, width * 3, bias=config.qkv_bias)
        self.proj = nn.Linear(width, width)
        self.register_constants()

    def constants(self) -> dict[str, Tensor]:
        """Compute what indexes the bias table and, where windows are shifted, the mask."""
        constants = {"relative_position_index": relative_position_index(self.window)}
        if self.shift:
            constants["shift_mask"] = shift_mask(self.side, self.window, self.shift)
        return constants

    def forward(self, x: Tensor) -> Tensor:
        """Attend inside windows: `[B * n_windows * window**2, C]` to the same shape."""
        width, length = x.shape[-1], self.window**2
        q, k, v = (
            F.linear(x, weight, bias).view(-1, length, self.n_heads, width // self.n_heads).transpose(1, 2)
            for weight, bias in self._parts()
        )
        bias = self.relative_position_bias_table[self.relative_position_index.flatten()]
        bias = bias.view(length, length, self.n_heads).permute(2, 0, 1)[None]
        if self.shift:
            bias = bias + self.shift_mask[:, None]
            bias = bias.repeat(len(x) // self.side**2, 1, 1, 1)
        dropout = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype), dropout_p=dropout, scale=1.0)
        return self.proj(mixed.transpose(1, 2).reshape(-1, width))

    def _parts(self) -> tuple[tuple[Tensor, Tensor | None], ...]:
        """Weights and biases of queries, keys and values; the queries' come scaled, which costs a graph nothing."""
        scale = (self.qkv.in_features // self.n_heads) ** -0.5
        q, k, v = self.qkv.weight.chunk(3)
        if self.qkv.bias is None:
            return (q * scale, None), (k, None), (v, None)
        q_bias, k_bias, v_bias = self.qkv.bias.chunk(3)
        return (q * scale, q_bias * scale), (k, k_bias), (v, v_bias)


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
        self, config: MSClapAudioConfig, *, width: int, n_heads: int, side: int, shift: int, drop_path: float
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.attn = WindowAttention(config, width=width, n_heads=n_heads, side=side, shift=shift)
        self.norm2 = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.mlp = Mlp(width, int(width * config.mlp_ratio), float(config.hidden_dropout_prob))
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """`[B * n_tokens, C]`, windows following each other, to the same shape."""
        x = x + self.drop_path(self.attn(self.norm1(x)))
        return x + self.drop_path(self.mlp(self.norm2(x)))


class PatchMerging(nn.Module):
    """Join each 2 x 2 tokens: half the resolution, twice the width."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * width, eps=eps)
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """`[B * n_tokens, C]`, what is joined following each other, to `[B * n_tokens / 4, 2 C]`."""
        return self.reduction(self.norm(x.reshape(-1, 4 * x.shape[-1])))


class Stage(nn.Module):
    """Blocks at one resolution, alternately plain and shifted, then the merging to the next."""

    def __init__(self, config: MSClapAudioConfig, *, number: int, drop_paths: list[float]) -> None:
        super().__init__()
        width, side = config.patch_embeds_hidden_size * 2**number, config.spec_size // config.patch_stride // 2**number
        window = min(config.window_size, side)
        # A window as large as the image sees everything: nothing to shift.
        shift = config.window_size // 2 if side > config.window_size else 0
        shifts = [block % 2 * shift for block in range(len(drop_paths))]
        self.blocks = nn.ModuleList(
            SwinBlock(
                config,
                width=width,
                n_heads=config.num_attention_heads[number],
                side=side,
                shift=shift,
                drop_path=drop_path,
            )
            for shift, drop_path in zip(shifts, drop_paths, strict=True)
        )
        last = number == len(config.depths) - 1
        image = functools.partial(torch.arange, side**2)
        orders: list[Callable[[], Tensor]] = [image]
        orders += [functools.partial(window_order, side, window, shift) for shift in shifts]
        orders += [image if last else functools.partial(corner_order, side)]
        self.reorders = nn.ModuleList(Reorder(order, wanted) for order, wanted in itertools.pairwise(orders))
        self.downsample = nn.Identity() if last else PatchMerging(width, config.layer_norm_eps)

    def forward(self, x: Tensor) -> Tensor:
        """`[B * n_tokens, C]` to the next stage's input, or to the same shape in the last stage."""
        for reorder, block in zip(self.reorders, self.blocks, strict=False):
            x = block(reorder(x))
        return self.downsample(self.reorders[-1](x))


class PatchEmbed(nn.Module):
    """Cut the image into patches and embed each."""

    def __init__(self, config: MSClapAudioConfig) -> None:
        super().__init__()
        width = config.patch_embeds_hidden_size
        padding = (config.patch_size - config.patch_stride) // 2
        self.proj = nn.Conv2d(1, width, config.patch_size, stride=config.patch_stride, padding=padding)
        self.norm = nn.LayerNorm(width, eps=config.layer_norm_eps)

    def forward(self, image: Tensor) -> Tensor:
        """`[B, 1, spec_size, spec_size]` to `[B * n_tokens, C]`."""
        return self.norm(self.proj(image).permute(0, 2, 3, 1).flatten(0, 2))


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
            mels = stretched(mels, self.max_frames)
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
        return self.norm(x).view(len(input_features), -1, x.shape[-1])
