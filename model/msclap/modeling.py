"""The MSCLAP models, with the names, outputs and conventions of transformers' `ClapModel`."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name everybody reads
from transformers import PreTrainedConfig, PreTrainedModel
from transformers import initialization as init
from transformers.modeling_outputs import BaseModelOutputWithPooling
from transformers.utils.generic import ModelOutput, can_return_tuple

from .configuration import MSClapAudioConfig, MSClapConfig, MSClapTextConfig
from .gpt2 import Gpt2
from .htsat import HtsAt, WindowAttention, WithConstants


@dataclass
class MSClapTextModelOutput(ModelOutput):
    """Output of `MSClapTextModelWithProjection`.

    Attributes:
        text_embeds: float `[n_texts, projection_dim]`, as projected, not normalised.
        last_hidden_state: float `[n_texts, n_tokens, hidden_size]`.
    """

    text_embeds: Tensor | None = None
    last_hidden_state: Tensor | None = None


@dataclass
class MSClapAudioModelOutput(ModelOutput):
    """Output of `MSClapAudioModelWithProjection`.

    Attributes:
        audio_embeds: float `[n_waveforms, projection_dim]`, as projected, not normalised.
        last_hidden_state: float `[n_waveforms, n_tokens, hidden_size]`.
    """

    audio_embeds: Tensor | None = None
    last_hidden_state: Tensor | None = None


@dataclass
class MSClapOutput(ModelOutput):
    """Output of `MSClapModel`.

    Attributes:
        loss: Contrastive loss, a scalar, if it was asked for.
        logits_per_audio: float `[n_waveforms, n_texts]`, cosines times the learned scale.
        logits_per_text: float `[n_texts, n_waveforms]`, the same transposed.
        text_embeds: float `[n_texts, projection_dim]`, unit length.
        audio_embeds: float `[n_waveforms, projection_dim]`, unit length.
        text_model_output: Output of the text tower before its projection.
        audio_model_output: Output of the audio tower before its projection.
    """

    loss: Tensor | None = None
    logits_per_audio: Tensor | None = None
    logits_per_text: Tensor | None = None
    text_embeds: Tensor | None = None
    audio_embeds: Tensor | None = None
    text_model_output: BaseModelOutputWithPooling | None = None
    audio_model_output: BaseModelOutputWithPooling | None = None

    def to_tuple(self) -> tuple[Any, ...]:
        """Every output, the towers' as tuples of their own."""
        return tuple(value.to_tuple() if isinstance(value, ModelOutput) else value for value in self.values())


def contrastive_loss(logits: Tensor) -> Tensor:
    """Cross-entropy of each row of `[n, n]` against its diagonal."""
    return F.cross_entropy(logits, torch.arange(len(logits), device=logits.device))


class MSClapProjection(nn.Module):
    """From a tower's pooled state to the shared space: `LayerNorm(e + W2 gelu(e))`, `e = W1 x` (`models/clap.py`)."""

    def __init__(self, width: int, config: MSClapTextConfig | MSClapAudioConfig) -> None:
        super().__init__()
        self.linear1 = nn.Linear(width, config.projection_dim, bias=False)
        self.linear2 = nn.Linear(config.projection_dim, config.projection_dim, bias=False)
        self.layer_norm = nn.LayerNorm(config.projection_dim)
        self.dropout = nn.Dropout(float(config.projection_dropout_prob))

    def forward(self, pooled: Tensor) -> Tensor:
        """Float `[n, hidden_size]` to `[n, projection_dim]`."""
        embedded = self.linear1(pooled)
        return self.layer_norm(embedded + self.dropout(self.linear2(F.gelu(embedded))))


class MSClapPreTrainedModel(PreTrainedModel):
    """What all MSCLAP models share: initial weights, loading and saving."""

    config: PreTrainedConfig
    base_model_prefix = "msclap"
    input_modalities: str | list[str] = ["audio", "text"]  # noqa: RUF012 - the base class's own form
    supports_gradient_checkpointing = False

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        std = float(getattr(self.config, "initializer_range", 0.02))
        if isinstance(module, nn.Linear | nn.Conv2d):
            init.trunc_normal_(module.weight, std=std)
            if module.bias is not None:
                init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            init.normal_(module.weight, std=std)
        elif isinstance(module, nn.LayerNorm):
            init.ones_(module.weight)
            init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            init.ones_(module.weight)
            init.zeros_(module.bias)
            if module.running_mean is not None and module.running_var is not None:
                init.zeros_(module.running_mean)
                init.ones_(module.running_var)
            if module.num_batches_tracked is not None:
                init.zeros_(module.num_batches_tracked)
        elif isinstance(module, WindowAttention):
            init.trunc_normal_(module.relative_position_bias_table, std=std)
        elif isinstance(module, MSClapModel):
            init.constant_(module.logit_scale, math.log(module.config.logit_scale_init_value))
        if isinstance(module, WithConstants):
            for name, value in module.constants().items():
                init.copy_(getattr(module, name), value)


class MSClapTextModel(MSClapPreTrainedModel):
    """The text tower without its projection."""

    config: MSClapTextConfig
    input_modalities = "text"

    def __init__(self, config: MSClapTextConfig) -> None:
        super().__init__(config)
        self.encoder = Gpt2(config)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """The token embeddings."""
        return self.encoder.token_embeddings

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the token embeddings."""
        self.encoder.token_embeddings = value  # type: ignore[assignment]  # the base class promises no more

    def last_positions(self, input_ids: Tensor, attention_mask: Tensor | None) -> Tensor:
        """Where each text ends: its last unmasked token, or without a mask its last end-of-text token.

        The reference counts the ids that are not 0, and so stops short where a text holds a bare "!", whose id is 0.
        """
        if attention_mask is None:
            attention_mask = torch.eq(input_ids, self.config.eos_token_id).long()
        positions = torch.arange(1, input_ids.shape[1] + 1, device=input_ids.device)
        last = (positions * attention_mask).amax(-1)
        return torch.where(last > 0, last, input_ids.shape[1]) - 1

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
    ) -> BaseModelOutputWithPooling:
        """Run the tower.

        Args:
            input_ids: int64 `[n_texts, n_tokens]`, padded on the right if at all.
            attention_mask: 1 for tokens and 0 for padding, `[n_texts, n_tokens]`; None finds the last end-of-text.

        Returns:
            `last_hidden_state` `[n_texts, n_tokens, hidden_size]` and `pooler_output` `[n_texts, hidden_size]`.
        """
        states = self.encoder(input_ids)
        last = self.last_positions(input_ids, attention_mask)
        pooled = states[torch.arange(len(states), device=states.device), last]
        return BaseModelOutputWithPooling(last_hidden_state=states, pooler_output=pooled)


class MSClapAudioModel(MSClapPreTrainedModel):
    """The audio tower without its projection."""

    config: MSClapAudioConfig
    main_input_name = "input_features"
    input_modalities = "audio"

    def __init__(self, config: MSClapAudioConfig) -> None:
        super().__init__(config)
        self.encoder = HtsAt(config)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """The convolution that embeds patches."""
        return self.encoder.patch_embed.proj

    @can_return_tuple
    def forward(self, input_features: Tensor) -> BaseModelOutputWithPooling:
        """Run the tower.

        Args:
            input_features: float `[n_waveforms, 1, n_frames, n_mels]`, decibels.

        Returns:
            `last_hidden_state` `[n_waveforms, n_tokens, hidden_size]` and `pooler_output`, its mean over tokens.
        """
        states = self.encoder(input_features)
        return BaseModelOutputWithPooling(last_hidden_state=states, pooler_output=states.mean(1))


class MSClapModel(MSClapPreTrainedModel):
    """Both towers, their projections and the learned scale of the similarity."""

    config: MSClapConfig
    text_tower: ClassVar[type[MSClapPreTrainedModel]] = MSClapTextModel
    audio_tower: ClassVar[type[MSClapPreTrainedModel]] = MSClapAudioModel

    def __init__(self, config: MSClapConfig) -> None:
        super().__init__(config)
        text_config: Any = config.text_config
        audio_config: Any = config.audio_config
        for part, tower in ((text_config, self.text_tower), (audio_config, self.audio_tower)):
            if tower.config_class is None or not isinstance(part, tower.config_class):
                raise TypeError(f"a {type(part).__name__} is no configuration of {tower.__name__}")
        self.logit_scale = nn.Parameter(torch.tensor(math.log(config.logit_scale_init_value)))
        self.projection_dim = config.projection_dim
        self.text_model = self.text_tower(text_config)
        self.text_projection = MSClapProjection(text_config.hidden_size, text_config)
        self.audio_model = self.audio_tower(audio_config)
        self.audio_projection = MSClapProjection(audio_config.hidden_size, audio_config)
        self.post_init()

    @can_return_tuple
    def get_text_features(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> BaseModelOutputWithPooling:
        """Embed texts: `pooler_output` is the embedding, float `[n_texts, projection_dim]`, unit length."""
        output = self.text_model(input_ids=input_ids, attention_mask=attention_mask)
        output.pooler_output = F.normalize(self.text_projection(output.pooler_output), dim=-1)
        return output

    @can_return_tuple
    def get_audio_features(self, input_features: Tensor) -> BaseModelOutputWithPooling:
        """Embed log-mels: `pooler_output` is the embedding, float `[n_waveforms, projection_dim]`, unit length."""
        output = self.audio_model(input_features=input_features)
        output.pooler_output = F.normalize(self.audio_projection(output.pooler_output), dim=-1)
        return output

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor,
        input_features: Tensor,
        attention_mask: Tensor | None = None,
        return_loss: bool | None = None,
    ) -> MSClapOutput:
        """Compare texts and sounds.

        Args:
            input_ids: int64 `[n_texts, n_tokens]`.
            input_features: float `[n_waveforms, 1, n_frames, n_mels]`, decibels.
            attention_mask: 1 for tokens and 0 for padding, `[n_texts, n_tokens]`.
            return_loss: Also compute the symmetric contrastive loss; needs as many texts as waveforms.
        """
        audio_output = self.audio_model(input_features=input_features)
        text_output = self.text_model(input_ids=input_ids, attention_mask=attention_mask)
        audio_embeds = F.normalize(self.audio_projection(audio_output.pooler_output), dim=-1)
        text_embeds = F.normalize(self.text_projection(text_output.pooler_output), dim=-1)
        logits_per_text = text_embeds @ audio_embeds.t() * self.logit_scale.exp()
        logits_per_audio = logits_per_text.t()
        loss = (contrastive_loss(logits_per_text) + contrastive_loss(logits_per_audio)) / 2 if return_loss else None
        return MSClapOutput(
            loss=loss,
            logits_per_audio=logits_per_audio,
            logits_per_text=logits_per_text,
            text_embeds=text_embeds,
            audio_embeds=audio_embeds,
            text_model_output=text_output,
            audio_model_output=audio_output,
        )


class MSClapTextModelWithProjection(MSClapPreTrainedModel):
    """The text tower with its projection."""

    config: MSClapTextConfig
    input_modalities = "text"
    text_tower: ClassVar[type[MSClapPreTrainedModel]] = MSClapTextModel

    def __init__(self, config: MSClapTextConfig) -> None:
        super().__init__(config)
        self.text_model = self.text_tower(config)
        self.text_projection = MSClapProjection(config.hidden_size, config)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """The token embeddings."""
        return self.text_model.get_input_embeddings()

    @can_return_tuple
    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> MSClapTextModelOutput:
        """Embed texts; arguments as of `MSClapTextModel.forward`."""
        output = self.text_model(input_ids=input_ids, attention_mask=attention_mask)
        embeds = self.text_projection(output.pooler_output)
        return MSClapTextModelOutput(text_embeds=embeds, last_hidden_state=output.last_hidden_state)


class MSClapAudioModelWithProjection(MSClapPreTrainedModel):
    """The audio tower with its projection."""

    config: MSClapAudioConfig
    main_input_name = "input_features"
    input_modalities = "audio"
    audio_tower: ClassVar[type[MSClapPreTrainedModel]] = MSClapAudioModel

    def __init__(self, config: MSClapAudioConfig) -> None:
        super().__init__(config)
        self.audio_model = self.audio_tower(config)
        self.audio_projection = MSClapProjection(config.hidden_size, config)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """The convolution that embeds patches."""
        return self.audio_model.get_input_embeddings()

    @can_return_tuple
    def forward(self, input_features: Tensor) -> MSClapAudioModelOutput:
        """Embed log-mels; arguments as of `MSClapAudioModel.forward`."""
        output = self.audio_model(input_features=input_features)
        embeds = self.audio_projection(output.pooler_output)
        return MSClapAudioModelOutput(audio_embeds=embeds, last_hidden_state=output.last_hidden_state)
