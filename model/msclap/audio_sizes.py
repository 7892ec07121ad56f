"""Sizes of an audio tower, read from a checkpoint's configuration without the transformers library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class AudioSizes:
    """What `MSClapAudioConfig` says of an HTS-AT at work, with its defaults.

    Attributes:
        n_mels: Mel bands.
        spec_size: Height and width of the folded image.
        patch_size: Height and width of a patch.
        patch_stride: Distance between patches.
        first_width: Width of the first stage; each further one has twice its predecessor's.
        depths: Blocks of each stage.
        n_heads: Attention heads of each stage.
        window_size: Height and width of an attention window, in tokens.
        eps: Of the layer norms.
    """

    n_mels: int
    spec_size: int
    patch_size: int
    patch_stride: int
    first_width: int
    depths: tuple[int, ...]
    n_heads: tuple[int, ...]
    window_size: int
    eps: float

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> AudioSizes:
        """Read the `audio_config` part of a checkpoint's `config.json`.

        Raises:
            ValueError, TypeError: if a field is no number, or a list of numbers where it should be one.
        """
        return cls(
            n_mels=int(config.get("num_mel_bins", 64)),
            spec_size=int(config.get("spec_size", 256)),
            patch_size=int(config.get("patch_size", 4)),
            patch_stride=int(config.get("patch_stride", 4)),
            first_width=int(config.get("patch_embeds_hidden_size", 96)),
            depths=tuple(int(depth) for depth in config.get("depths", (2, 2, 6, 2))),
            n_heads=tuple(int(n) for n in config.get("num_attention_heads", (4, 8, 16, 32))),
            window_size=int(config.get("window_size", 8)),
            eps=float(config.get("layer_norm_eps", 1e-5)),
        )

    @property
    def freq_ratio(self) -> int:
        """How many stretches of time are stacked to fill the height of the image."""
        return self.spec_size // self.n_mels

    @property
    def max_frames(self) -> int:
        """Frames that fill the image."""
        return self.spec_size * self.freq_ratio

    @property
    def side(self) -> int:
        """Rows and columns of tokens in the first stage."""
        return self.spec_size // self.patch_stride

    def width(self, stage: int) -> int:
        """Width of a stage."""
        return self.first_width * 2**stage

    def window(self, stage: int) -> int:
        """Height and width of a stage's attention windows."""
        return min(self.window_size, self.side // 2**stage)

    def shift(self, stage: int, block: int) -> int:
        """By how many tokens a block's windows are shifted."""
        return self.window_size // 2 if block % 2 and self.side // 2**stage > self.window_size else 0
