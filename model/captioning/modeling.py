"""`ClapCapModel`, with the conventions of transformers' models."""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name everybody reads
from transformers import initialization as init
from transformers.modeling_outputs import BaseModelOutputWithPooling
from transformers.utils.generic import ModelOutput, can_return_tuple

from ..msclap.modeling import MSClapAudioModel, MSClapPreTrainedModel, MSClapProjection
from .configuration import ClapCapConfig
from .decoder import CaptionDecoder
from .mapper import MlpMapper, TransformerMapper


@dataclass
class ClapCapOutput(ModelOutput):
    """Output of `ClapCapModel`.

    Attributes:
        logits: float `[n_waveforms, vocab_size]`, scores of each token as the next one.
        prefix: float `[n_waveforms, prefix_length, hidden_size]`, what the sound became.
    """

    logits: Tensor | None = None
    prefix: Tensor | None = None


class ClapCapModel(MSClapPreTrainedModel):
    """Audio tower, mapper and decoder. `Captioner` writes captions with it; this is one step of that."""

    config: ClapCapConfig
    base_model_prefix = "clapcap"

    def __init__(self, config: ClapCapConfig) -> None:
        super().__init__(config)
        self.audio_model = MSClapAudioModel(config.tower_config)
        self.audio_projection = MSClapProjection(config.tower_config.hidden_size, config.tower_config)
        self.mapper = TransformerMapper(config) if config.mapping_type == "transformer" else MlpMapper(config)
        self.decoder = CaptionDecoder(config.decoder_config)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, TransformerMapper):
            init.normal_(module.constant)

    def get_input_embeddings(self) -> nn.Module:
        """Return the token embeddings."""
        return self.decoder.token_embeddings

    @can_return_tuple
    def get_audio_features(self, input_features: Tensor) -> BaseModelOutputWithPooling:
        """Embed log-mels: `pooler_output` is the embedding, float `[n_waveforms, projection_dim]`, of any length."""
        output = self.audio_model(input_features=input_features)
        output.pooler_output = self.audio_projection(output.pooler_output)
        return output

    def get_prefix(self, audio_embeds: Tensor) -> Tensor:
        """Map embeddings, float `[n, projection_dim]`, to what the decoder continues, `[n, prefix_length, width]`."""
        return self.mapper(F.normalize(audio_embeds, dim=-1) if self.config.normalize_prefix else audio_embeds)

    @can_return_tuple
    def forward(self, input_features: Tensor, input_ids: Tensor | None = None) -> ClapCapOutput:
        """Score the next token of captions.

        Args:
            input_features: float `[n_waveforms, 1, n_frames, n_mels]`, decibels.
            input_ids: int64 `[n_waveforms, n_tokens]`, the captions so far; None before their first token.
        """
        prefix = self.get_prefix(self.get_audio_features(input_features).pooler_output)
        logits, past = self.decoder.logits(prefix)
        if input_ids is not None:
            logits, past = self.decoder.logits(self.decoder.token_embeddings(input_ids), past)
        return ClapCapOutput(logits=logits, prefix=prefix)
