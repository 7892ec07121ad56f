"""The audio tower as an OpenVINO graph, built from a checkpoint's weights without torch.

Computes what `MSClapModel.get_audio_features` computes, for one segment. Tokens stay in the order of the windows that
attend to each other, all through a stage: dense layers and norms work token by token and never mind the order, so the
cyclic shift of every second block is one gather of whole rows, and no image is cut up or put together again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import openvino
from openvino import opset13 as op

from ..encoders.graph_layers import GraphLayers, constant
from .audio_sizes import AudioSizes

Float = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Weights = Mapping[str, Float]

SHIFT_MASK = -100.0  # as the reference keeps apart what the cyclic shift brings together
CUBIC_A = -0.75  # torch's bicubic kernel
PROJECTION_EPS = 1e-5


class AudioGraph(GraphLayers[Weights]):
    """Builds the graph of one checkpoint.

    Args:
        sizes: The tower's sizes.
        weights: Its tensors by their names in the checkpoint, float32.
        n_frames: Frames of a segment's log-mels.
    """

    def __init__(self, sizes: AudioSizes, weights: Weights, *, n_frames: int) -> None:
        super().__init__(weights)
        self._sizes = sizes
        self._n_frames = n_frames

    def build(self) -> openvino.Model:
        """Make the graph: decibels float32 `[n_frames, n_mels]` to an embedding float32 `[embedding_dim]`."""
        sizes = self._sizes
        mels = op.parameter([self._n_frames, sizes.n_mels], np.float32, name="mels")
        x = self._patches(self._stretched(self._scaled(mels)))
        order = np.arange(sizes.side**2)
        for stage, depth in enumerate(sizes.depths):
            side = sizes.side // 2**stage
            for block in range(depth):
                shift = sizes.shift(stage, block)
                wanted = window_order(side, sizes.window(stage), shift)
                x = _reordered(x, order, wanted)
                order = wanted
                x = self._block(x, stage=stage, block=block)
            if stage < len(sizes.depths) - 1:
                x = self._merged(x, order, stage=stage)
                order = np.arange((side // 2) ** 2)
        x = self._norm("audio_model.encoder.norm", x, eps=sizes.eps)
        embedding = self._embedding(op.reduce_mean(x, np.array([0]), keep_dims=True))
        return openvino.Model([op.squeeze(embedding, np.array([0]))], [mels], "msclap_audio")

    def _embedding(self, pooled: openvino.Node) -> openvino.Node:
        return self._projected("audio_projection", pooled, eps=PROJECTION_EPS)

    def _scaled(self, mels: openvino.Node) -> openvino.Node:
        """The batch norm over mel bands, as it stands after training."""
        name = "audio_model.encoder.batch_norm"
        mean, variance = self._weights[f"{name}.running_mean"], self._weights[f"{name}.running_var"]
        scale = self._weights[f"{name}.weight"].astype(np.float64) / np.sqrt(variance.astype(np.float64) + 1e-5)
        shift = self._weights[f"{name}.bias"] - mean * scale
        return op.add(op.multiply(mels, constant(scale[None])), constant(shift[None]))

    def _stretched(self, mels: openvino.Node) -> openvino.Node:
        """Frames stretched to the width of the image, bicubic with aligned corners."""
        taps = cubic_taps(self._n_frames, self._sizes.max_frames)
        if taps is None:
            return mels
        terms = [op.multiply(op.gather(mels, row, np.int64(0)), constant(weight[:, None])) for row, weight in taps]
        return op.add(op.add(terms[0], terms[1]), op.add(terms[2], terms[3]))

    def _patches(self, mels: openvino.Node) -> openvino.Node:
        """Log-mels `[max_frames, n_mels]` folded to an image, cut into patches and embedded: `[n_tokens, width]`."""
        sizes = self._sizes
        folded = op.reshape(mels, np.array([sizes.freq_ratio, sizes.spec_size, sizes.n_mels]), special_zero=False)
        image = op.transpose(folded, np.array([0, 2, 1]))
        image = op.reshape(image, np.array([1, 1, sizes.spec_size, sizes.spec_size]), special_zero=False)
        pad = (sizes.patch_size - sizes.patch_stride) // 2
        name = "audio_model.encoder.patch_embed"
        weight = constant(self._weights[f"{name}.proj.weight"])
        stride = [sizes.patch_stride, sizes.patch_stride]
        x = op.convolution(image, weight, stride, [pad, pad], [pad, pad], [1, 1])
        x = op.transpose(x, np.array([0, 2, 3, 1]))
        x = op.reshape(x, np.array([sizes.side**2, sizes.width(0)]), special_zero=False)
        x = op.add(x, constant(self._weights[f"{name}.proj.bias"][None]))
        return self._norm(f"{name}.norm", x, eps=sizes.eps)

    def _block(self, x: openvino.Node, *, stage: int, block: int) -> openvino.Node:
        name = f"audio_model.encoder.stages.{stage}.blocks.{block}"
        eps = self._sizes.eps
        x = op.add(x, self._attention(self._norm(f"{name}.norm1", x, eps=eps), stage=stage, block=block))
        hidden = op.gelu(self._linear(f"{name}.mlp.fc1", self._norm(f"{name}.norm2", x, eps=eps)), "erf")
        return op.add(x, self._linear(f"{name}.mlp.fc2", hidden))

    def _attention(self, x: openvino.Node, *, stage: int, block: int) -> openvino.Node:
        """Attention inside windows: tokens `[n_windows * length, width]` to the same."""
        sizes, name = self._sizes, f"audio_model.encoder.stages.{stage}.blocks.{block}.attn"
        width, n_heads, window = sizes.width(stage), sizes.n_heads[stage], sizes.window(stage)
        length, side = window**2, sizes.side // 2**stage
        n_windows = side**2 // length
        parts = []
        for part in range(3):
            rows = slice(part * width, (part + 1) * width)
            scale = 1 / math.sqrt(width // n_heads) if part == 0 else 1.0
            y = self._linear(f"{name}.qkv", x, rows=rows, scale=scale)
            y = op.reshape(y, np.array([n_windows, length, n_heads, width // n_heads]), special_zero=False)
            parts.append(op.transpose(y, np.array([0, 2, 1, 3])))
        table = self._weights[f"{name}.relative_position_bias_table"]
        bias = table[relative_position_index(window).ravel()].reshape(length, length, n_heads).transpose(2, 0, 1)[None]
        shift = sizes.shift(stage, block)
        if shift:
            bias = bias + shift_mask(side, window, shift)[:, None]
        scores = op.add(op.matmul(parts[0], parts[1], False, True), constant(bias))
        mixed = op.matmul(op.softmax(scores, -1), parts[2], False, False)
        mixed = op.reshape(op.transpose(mixed, np.array([0, 2, 1, 3])), np.array([side**2, width]), special_zero=False)
        return self._linear(f"{name}.proj", mixed)

    def _merged(self, x: openvino.Node, order: Ints, *, stage: int) -> openvino.Node:
        """Each 2 x 2 tokens joined to one of twice the width, in the order of the image."""
        name = f"audio_model.encoder.stages.{stage}.downsample"
        side, width = self._sizes.side // 2**stage, self._sizes.width(stage)
        image = np.arange(side**2).reshape(side, side)
        corners = [image[0::2, 0::2], image[1::2, 0::2], image[0::2, 1::2], image[1::2, 1::2]]
        x = _reordered(x, order, np.stack([corner.ravel() for corner in corners], axis=1).ravel())
        x = op.reshape(x, np.array([side**2 // 4, 4 * width]), special_zero=False)
        return self._linear(f"{name}.reduction", self._norm(f"{name}.norm", x, eps=self._sizes.eps))


def window_order(side: int, window: int, shift: int) -> Ints:
    """Which token of the image stands at each place when windows follow each other: `[side**2]`."""
    image = np.roll(np.arange(side**2).reshape(side, side), (-shift, -shift), (0, 1))
    return _windows(image, window).ravel()


def relative_position_index(window: int) -> Ints:
    """Row of the bias table for each pair of tokens of a window: `[window**2, window**2]`."""
    rows, columns = (one.ravel() for one in np.meshgrid(np.arange(window), np.arange(window), indexing="ij"))
    down, right = rows[:, None] - rows[None] + window - 1, columns[:, None] - columns[None] + window - 1
    return np.asarray(down * (2 * window - 1) + right)


def shift_mask(side: int, window: int, shift: int) -> Float:
    """What keeps tokens from opposite edges apart after the cyclic shift: `[n_windows, window**2, window**2]`."""
    region = np.zeros((side, side), np.int64)
    edges = (slice(0, -window), slice(-window, -shift), slice(-shift, None))
    for number, (rows, columns) in enumerate((r, c) for r in edges for c in edges):
        region[rows, columns] = number
    flat = _windows(region, window)
    return (flat[:, None, :] != flat[:, :, None]).astype(np.float32) * np.float32(SHIFT_MASK)


def cubic_taps(n_from: int, n_to: int) -> list[tuple[Ints, Float]] | None:
    """Rows and weights whose sum stretches `n_from` rows to `n_to`, corners aligned; None where nothing is stretched.

    Keys' cubic convolution (IEEE ASSP 29(6), 1981) with a = -0.75, rows beyond the ends being the ends themselves.
    """
    if n_from >= n_to:
        return None
    place = np.arange(n_to) * ((n_from - 1) / (n_to - 1))
    first = np.floor(place).astype(np.int64)
    t = place - first
    taps = []
    for offset in range(-1, 3):
        d = np.abs(t - offset)
        near = ((CUBIC_A + 2) * d - (CUBIC_A + 3)) * d * d + 1
        far = ((CUBIC_A * d - 5 * CUBIC_A) * d + 8 * CUBIC_A) * d - 4 * CUBIC_A
        weight = np.where(d <= 1, near, far).astype(np.float32)
        taps.append((np.clip(first + offset, 0, n_from - 1), weight))
    return taps


def _windows(image: Ints, window: int) -> Ints:
    """Cut `[side, side]` into windows `[n_windows, window**2]`."""
    n = len(image) // window
    return image.reshape(n, window, n, window).transpose(0, 2, 1, 3).reshape(n * n, window * window)


def _reordered(x: openvino.Node, order: Ints, wanted: Ints) -> openvino.Node:
    """Tokens that stand in one order, put into another; both say which token of the image is where."""
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    rows = place[wanted]
    return x if np.array_equal(rows, np.arange(len(rows))) else op.gather(x, rows, np.int64(0))
