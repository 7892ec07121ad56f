"""Configuration of clapcap: sizes of what hears, of what maps a sound to a prefix, and of what continues the prefix.

Defaults are those of the release: the MSCLAP 2023 audio tower, a mapper of 8 layers to 40 states (ClipCap, arXiv
2111.09734), GPT-2 small.
"""

from __future__ import annotations

from typing import Any

from huggingface_hub.dataclasses import strict

from ..msclap.configuration import MSClapAudioConfig, MSClapConfig, MSClapTextConfig

MAPPINGS = ("transformer", "mlp")
"""What maps an embedding to a prefix: a transformer over learned states, or two dense layers."""


@strict
class ClapCapConfig(MSClapConfig):
    """Audio tower (`audio_config`), mapper, and a GPT-2 that writes (`text_config`).

    An embedding becomes `prefix_length` states of GPT-2's width. The transformer mapper is given `prefix_length_clip`
    states made of the embedding and `prefix_length` learned ones, and gives what the latter become.
    """

    model_type = "clapcap"

    mapping_type: str = "transformer"
    prefix_length: int = 40
    prefix_length_clip: int = 40
    mapper_layers: int = 8
    mapper_heads: int = 8
    mapper_mlp_ratio: float = 2.0
    normalize_prefix: bool = True

    def __post_init__(self, **kwargs: Any) -> None:
        """Check what the fields say of the mapper.

        Raises:
            ValueError: If the mapping is not known, or the heads do not divide the decoder's width.
        """
        super().__post_init__(**kwargs)
        if self.mapping_type not in MAPPINGS:
            raise ValueError(f"mapping_type must be {' or '.join(MAPPINGS)}, not {self.mapping_type!r}")
        if self.decoder_config.hidden_size % self.mapper_heads:
            raise ValueError(f"mapper_heads {self.mapper_heads} do not divide {self.decoder_config.hidden_size}")

    @property
    def decoder_config(self) -> MSClapTextConfig:
        """Sizes of the decoder."""
        config = self.text_config
        if not isinstance(config, MSClapTextConfig):
            raise TypeError(f"text_config must be MSClapTextConfig, not {type(config).__name__}")
        return config

    @property
    def tower_config(self) -> MSClapAudioConfig:
        """Sizes of the audio tower."""
        config = self.audio_config
        if not isinstance(config, MSClapAudioConfig):
            raise TypeError(f"audio_config must be MSClapAudioConfig, not {type(config).__name__}")
        return config
