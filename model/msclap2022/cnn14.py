"""The audio tower: CNN14, convolutions over log-mels (Kong and others, PANNs, arXiv 1912.10211)."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name everybody reads

from .configuration import MSClap2022AudioConfig


class ConvPair(nn.Module):
    """Two convolutions of 3 x 3, each normalised over the batch and rectified."""

    def __init__(self, n_in: int, n_out: int, config: MSClap2022AudioConfig) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(n_out, eps=config.batch_norm_eps)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(n_out, eps=config.batch_norm_eps)

    def forward(self, x: Tensor) -> Tensor:
        """`[B, n_in, n_frames, n_mels]` to `[B, n_out, n_frames, n_mels]`."""
        x = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(x)))


class Cnn14(nn.Module):
    """Log-mels to states: one for each 32nd part of the frames."""

    def __init__(self, config: MSClap2022AudioConfig) -> None:
        super().__init__()
        widths = (1, *config.conv_widths)
        self.batch_norm = nn.BatchNorm2d(config.num_mel_bins, eps=config.batch_norm_eps)
        self.blocks = nn.ModuleList(ConvPair(n_in, n_out, config) for n_in, n_out in itertools.pairwise(widths))
        self.dense = nn.Linear(widths[-1], config.hidden_size)
        self.conv_dropout = nn.Dropout(float(config.conv_dropout_prob))
        self.dropout = nn.Dropout(float(config.hidden_dropout_prob))
        self.min_frames = 2 ** (len(config.conv_widths) - 1)

    def forward(self, input_features: Tensor) -> Tensor:
        """Compute states.

        Args:
            input_features: float `[B, 1, n_frames, n_mels]`, decibels.

        Returns:
            float `[B, n_frames / 32, conv_widths[-1]]`, means over the mel bands.

        Raises:
            ValueError: If there are too few frames to be halved between the blocks.
        """
        if input_features.shape[2] < self.min_frames:
            raise ValueError(f"{input_features.shape[2]} frames are fewer than the {self.min_frames} that are needed")
        x = self.batch_norm(input_features.transpose(1, 3)).transpose(1, 3)
        for number, block in enumerate(self.blocks, start=1):
            x = block(x)
            if number < len(self.blocks):
                x = F.avg_pool2d(x, 2)
            x = self.conv_dropout(x)
        return x.mean(3).transpose(1, 2)

    def pooled(self, states: Tensor) -> Tensor:
        """Join the states, `[B, n, conv_widths[-1]]`: greatest plus mean, and a dense layer, to `[B, hidden_size]`."""
        return self.dropout(torch.relu(self.dense(self.dropout(states.amax(1) + states.mean(1)))))
