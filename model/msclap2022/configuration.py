"""Configurations of MSCLAP 2022: sizes of the two towers and of the space they share.

Defaults are those of the release (arXiv 2206.04769): BERT base beside CNN14 (PANNs, arXiv 1912.10211), 1,024-d.
"""

from __future__ import annotations

from typing import Any, ClassVar

from huggingface_hub.dataclasses import strict
from transformers import BertConfig, PreTrainedConfig
from transformers.configuration_utils import SubConfigSpec

from ..msclap.configuration import MSClapConfig


@strict
class MSClap2022TextConfig(BertConfig):
    """Sizes of the text tower, a BERT whose state at its first token is projected."""

    model_type = "msclap_2022_text_model"
    base_config_key = "text_config"

    projection_dim: int = 1024
    projection_dropout_prob: float | int = 0.5


@strict
class MSClap2022AudioConfig(PreTrainedConfig):
    """Sizes of the audio tower, a CNN14: pairs of convolutions over log-mels, pooled, and a dense layer.

    Each of `conv_widths` is a pair of convolutions of that many channels; after all but the last pair, time and
    frequency are halved.
    """

    model_type = "msclap_2022_audio_model"
    base_config_key = "audio_config"

    num_mel_bins: int = 64
    conv_widths: list[int] | tuple[int, ...] = (64, 128, 256, 512, 1024, 2048)
    hidden_size: int = 2048
    conv_dropout_prob: float | int = 0.2
    hidden_dropout_prob: float | int = 0.5
    batch_norm_eps: float = 1e-5
    projection_dim: int = 1024
    projection_dropout_prob: float | int = 0.5
    initializer_range: float = 0.02

    def __post_init__(self, **kwargs: Any) -> None:
        """Check that something is left of the mel bands after the pooling.

        Raises:
            ValueError: If the bands are fewer than the pairs of convolutions halve away, or there is no pair.
        """
        super().__post_init__(**kwargs)
        if not self.conv_widths or self.num_mel_bins < 2 ** (len(self.conv_widths) - 1):
            raise ValueError(
                f"num_mel_bins {self.num_mel_bins} cannot be halved between conv_widths {self.conv_widths}"
            )


@strict
class MSClap2022Config(MSClapConfig):
    """Both towers and the space they share."""

    model_type = "msclap_2022"
    sub_configs_defaults: ClassVar[dict[str, SubConfigSpec]] = {
        "text_config": SubConfigSpec(MSClap2022TextConfig),
        "audio_config": SubConfigSpec(MSClap2022AudioConfig),
    }
