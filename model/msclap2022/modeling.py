"""The MSCLAP 2022 models, with the names, outputs and conventions of transformers' `ClapModel`."""

from torch import Tensor, nn
from transformers import BertModel
from transformers.modeling_outputs import BaseModelOutputWithPooling
from transformers.utils.generic import can_return_tuple

from ..msclap.modeling import (
    MSClapAudioModelWithProjection,
    MSClapModel,
    MSClapPreTrainedModel,
    MSClapTextModelWithProjection,
)
from .cnn14 import Cnn14
from .configuration import MSClap2022AudioConfig, MSClap2022Config, MSClap2022TextConfig


class MSClap2022TextModel(MSClapPreTrainedModel):
    """The text tower without its projection."""

    config: MSClap2022TextConfig
    input_modalities = "text"

    def __init__(self, config: MSClap2022TextConfig) -> None:
        super().__init__(config)
        self.encoder = BertModel(config, add_pooling_layer=False)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """Return the token embeddings."""
        return self.encoder.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the token embeddings."""
        self.encoder.set_input_embeddings(value)

    @can_return_tuple
    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> BaseModelOutputWithPooling:
        """Run the tower.

        Args:
            input_ids: int64 `[n_texts, n_tokens]`.
            attention_mask: 1 for tokens and 0 for padding, `[n_texts, n_tokens]`; None where nothing is padded.

        Returns:
            `last_hidden_state` `[n_texts, n_tokens, hidden_size]` and `pooler_output`, the state of the first token.
        """
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return BaseModelOutputWithPooling(last_hidden_state=states, pooler_output=states[:, 0])


class MSClap2022AudioModel(MSClapPreTrainedModel):
    """The audio tower without its projection."""

    config: MSClap2022AudioConfig
    main_input_name = "input_features"
    input_modalities = "audio"

    def __init__(self, config: MSClap2022AudioConfig) -> None:
        super().__init__(config)
        self.encoder = Cnn14(config)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """Return the first convolution."""
        return self.encoder.blocks[0].get_submodule("conv1")

    @can_return_tuple
    def forward(self, input_features: Tensor) -> BaseModelOutputWithPooling:
        """Run the tower.

        Args:
            input_features: float `[n_waveforms, 1, n_frames, n_mels]`, decibels.

        Returns:
            `last_hidden_state` `[n_waveforms, n_frames / 32, conv_widths[-1]]` and `pooler_output`
            `[n_waveforms, hidden_size]`.
        """
        states = self.encoder(input_features)
        return BaseModelOutputWithPooling(last_hidden_state=states, pooler_output=self.encoder.pooled(states))


class MSClap2022Model(MSClapModel):
    """Both towers, their projections and the learned scale of the similarity."""

    config: MSClap2022Config
    text_tower = MSClap2022TextModel
    audio_tower = MSClap2022AudioModel


class MSClap2022TextModelWithProjection(MSClapTextModelWithProjection):
    """The text tower with its projection."""

    config_class = MSClap2022TextConfig
    text_tower = MSClap2022TextModel


class MSClap2022AudioModelWithProjection(MSClapAudioModelWithProjection):
    """The audio tower with its projection."""

    config_class = MSClap2022AudioConfig
    audio_tower = MSClap2022AudioModel
