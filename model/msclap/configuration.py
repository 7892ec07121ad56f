"""Configurations of MSCLAP: sizes of the two towers and of the space they share.

Defaults are those of the 2023 release (arXiv 2309.05767): GPT-2 small beside HTS-AT (arXiv 2202.00874), 1,024-d.
"""

from __future__ import annotations

from typing import Any, ClassVar

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig
from transformers.configuration_utils import SubConfigSpec


@strict
class MSClapTextConfig(PreTrainedConfig):
    """Sizes of the text tower, a GPT-2 whose state at the end-of-text token is projected."""

    model_type = "msclap_text_model"
    base_config_key = "text_config"

    vocab_size: int = 50257
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    max_position_embeddings: int = 1024
    layer_norm_eps: float = 1e-5
    hidden_dropout_prob: float | int = 0.1
    attention_probs_dropout_prob: float | int = 0.1
    projection_dim: int = 1024
    projection_dropout_prob: float | int = 0.5
    initializer_range: float = 0.02
    pad_token_id: int | None = 0
    bos_token_id: int | None = 50256
    eos_token_id: int = 50256


@strict
class MSClapAudioConfig(PreTrainedConfig):
    """Sizes of the audio tower, an HTS-AT: log-mel frames folded to a square image for a Swin transformer.

    `num_mel_bins` mel bands are stacked `spec_size // num_mel_bins` times to fill the height of the image; each of the
    `depths` stages has half the resolution and twice the width of the one before it.
    """

    model_type = "msclap_audio_model"
    base_config_key = "audio_config"

    num_mel_bins: int = 64
    spec_size: int = 256
    patch_size: int = 4
    patch_stride: int = 4
    patch_embeds_hidden_size: int = 96
    depths: list[int] | tuple[int, ...] = (2, 2, 6, 2)
    num_attention_heads: list[int] | tuple[int, ...] = (4, 8, 16, 32)
    window_size: int = 8
    mlp_ratio: float = 4.0
    qkv_bias: bool = True
    hidden_dropout_prob: float | int = 0.0
    attention_probs_dropout_prob: float | int = 0.0
    drop_path_rate: float | int = 0.1
    layer_norm_eps: float = 1e-5
    projection_dim: int = 1024
    projection_dropout_prob: float | int = 0.5
    initializer_range: float = 0.02

    def __post_init__(self, **kwargs: Any) -> None:
        """Check that image, patches and stages fit each other.

        Raises:
            ValueError: If the sizes do not divide as the tower needs.
        """
        super().__post_init__(**kwargs)
        if len(self.depths) != len(self.num_attention_heads):
            raise ValueError(
                f"depths {self.depths} and num_attention_heads {self.num_attention_heads} differ in length"
            )
        if self.spec_size % self.num_mel_bins:
            raise ValueError(f"spec_size {self.spec_size} is no multiple of num_mel_bins {self.num_mel_bins}")
        shrink = self.patch_stride * 2 ** (len(self.depths) - 1)
        if self.spec_size % shrink:
            raise ValueError(f"spec_size {self.spec_size} is no multiple of {shrink}, by which the stages shrink it")
        resolution = self.spec_size // self.patch_stride
        for stage in range(len(self.depths)):
            side = resolution // 2**stage
            if side > self.window_size and side % self.window_size:
                raise ValueError(f"window_size {self.window_size} does not divide stage {stage}'s resolution {side}")

    @property
    def hidden_size(self) -> int:
        """Width of the last stage, which is that of the pooled state."""
        return int(self.patch_embeds_hidden_size * 2 ** (len(self.depths) - 1))

    @property
    def freq_ratio(self) -> int:
        """How many stretches of time are stacked to fill the height of the image."""
        return self.spec_size // self.num_mel_bins

    @property
    def max_frames(self) -> int:
        """Frames that fill the image; shorter spectrograms are stretched to it."""
        return self.spec_size * self.freq_ratio


@strict
class MSClapConfig(PreTrainedConfig):
    """Both towers and the space they share."""

    model_type = "msclap"
    sub_configs_defaults: ClassVar[dict[str, SubConfigSpec]] = {
        "text_config": SubConfigSpec(MSClapTextConfig),
        "audio_config": SubConfigSpec(MSClapAudioConfig),
    }

    text_config: dict[str, Any] | PreTrainedConfig | None = None
    audio_config: dict[str, Any] | PreTrainedConfig | None = None
    projection_dim: int = 1024
    logit_scale_init_value: float = 1 / 0.07
    initializer_range: float = 0.02

    def __post_init__(self, **kwargs: Any) -> None:
        """Set the shared width of both towers; the base class has built their configurations."""
        super().__post_init__(**kwargs)
        for tower in (self.text_config, self.audio_config):
            if isinstance(tower, PreTrainedConfig):
                tower.projection_dim = self.projection_dim

    @classmethod
    def from_text_audio_configs(
        cls, text_config: MSClapTextConfig, audio_config: MSClapAudioConfig, **kwargs: Any
    ) -> MSClapConfig:
        """Join two tower configurations; `kwargs` are fields of this class."""
        return cls(text_config=text_config.to_dict(), audio_config=audio_config.to_dict(), **kwargs)
