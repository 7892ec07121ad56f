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
        embedding_dim: Width of the embeddings.
        eps: Of the layer norms.
        mlp_ratio: Width of a block's hidden layer, as a multiple of the stage's.
        has_qkv_bias: Whether queries, keys and values have a bias.

    Raises:
        ValueError: if the sizes do not divide as the tower needs.
    """

    n_mels: int
    spec_size: int
    patch_size: int
    patch_stride: int
    first_width: int
    depths: tuple[int, ...]
    n_heads: tuple[int, ...]
    window_size: int
    embedding_dim: int
    eps: float = 1e-5
    mlp_ratio: float = 4.0
    has_qkv_bias: bool = True

    def __post_init__(self) -> None:
        if len(self.depths) != len(self.n_heads):
            raise ValueError(f"depths {self.depths} and num_attention_heads {self.n_heads} differ in length")
        shrink = self.patch_stride * 2 ** (len(self.depths) - 1)
        if self.spec_size % self.n_mels or self.spec_size % shrink:
            raise ValueError(f"spec_size {self.spec_size} is no multiple of {self.n_mels} and {shrink}")
        for stage in range(len(self.depths)):
            side = self.side // 2**stage
            if side % self.window(stage):
                raise ValueError(f"window_size {self.window_size} does not divide stage {stage}'s resolution {side}")
            if self.width(stage) % self.n_heads[stage]:
                raise ValueError(f"stage {stage} of width {self.width(stage)} with {self.n_heads[stage]} heads")

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> AudioSizes:
        """Read a checkpoint's `config.json`.

        Raises:
            ValueError, TypeError: if a field is no number, or a list of numbers where it should be one.
        """
        embedding_dim = int(config.get("projection_dim", 1024))
        config = config.get("audio_config") or {}
        return cls(
            n_mels=int(config.get("num_mel_bins", 64)),
            spec_size=int(config.get("spec_size", 256)),
            patch_size=int(config.get("patch_size", 4)),
            patch_stride=int(config.get("patch_stride", 4)),
            first_width=int(config.get("patch_embeds_hidden_size", 96)),
            depths=tuple(int(depth) for depth in config.get("depths", (2, 2, 6, 2))),
            n_heads=tuple(int(n) for n in config.get("num_attention_heads", (4, 8, 16, 32))),
            window_size=int(config.get("window_size", 8)),
            embedding_dim=embedding_dim,
            eps=float(config.get("layer_norm_eps", 1e-5)),
            mlp_ratio=float(config.get("mlp_ratio", 4)),
            has_qkv_bias=bool(config.get("qkv_bias", True)),
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

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every tensor that the tower needs of a checkpoint."""
        encoder, dim, last = "audio_model.encoder", self.embedding_dim, self.width(len(self.depths) - 1)
        expected: dict[str, tuple[int, ...]] = {
            f"{encoder}.batch_norm.running_mean": (self.n_mels,),
            f"{encoder}.batch_norm.running_var": (self.n_mels,),
            f"{encoder}.patch_embed.proj.weight": (self.first_width, 1, self.patch_size, self.patch_size),
            f"{encoder}.patch_embed.proj.bias": (self.first_width,),
            "audio_projection.linear1.weight": (dim, last),
            "audio_projection.linear2.weight": (dim, dim),
        }
        norms = {f"{encoder}.batch_norm": self.n_mels, f"{encoder}.patch_embed.norm": self.first_width}
        norms |= {f"{encoder}.norm": last, "audio_projection.layer_norm": dim}
        for stage, depth in enumerate(self.depths):
            width, n_pairs = self.width(stage), (2 * self.window(stage) - 1) ** 2
            hidden = int(width * self.mlp_ratio)
            if stage < len(self.depths) - 1:
                norms[f"{encoder}.stages.{stage}.downsample.norm"] = 4 * width
                expected[f"{encoder}.stages.{stage}.downsample.reduction.weight"] = (2 * width, 4 * width)
            for block in range(depth):
                name = f"{encoder}.stages.{stage}.blocks.{block}"
                norms |= {f"{name}.norm1": width, f"{name}.norm2": width}
                expected[f"{name}.attn.relative_position_bias_table"] = (n_pairs, self.n_heads[stage])
                expected[f"{name}.attn.qkv.weight"] = (3 * width, width)
                if self.has_qkv_bias:
                    expected[f"{name}.attn.qkv.bias"] = (3 * width,)
                for layer, shape in (
                    ("attn.proj", (width, width)),
                    ("mlp.fc1", (hidden, width)),
                    ("mlp.fc2", (width, hidden)),
                ):
                    expected |= {f"{name}.{layer}.weight": shape, f"{name}.{layer}.bias": shape[:1]}
        for name, width in norms.items():
            expected |= {f"{name}.weight": (width,), f"{name}.bias": (width,)}
        return expected
