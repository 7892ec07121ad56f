"""`MSClapProcessor`: texts and waveforms to what `MSClapModel` takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from transformers import BatchFeature, PreTrainedTokenizerBase, ProcessorMixin

from .feature_extraction import MSClapFeatureExtractor, Waveforms
from .text import MAX_TOKENS, token_ids


class MSClapProcessor(ProcessorMixin):
    """A feature extractor for audio beside a tokenizer for text.

    The end-of-text marker that the text tower is read at is added here; callers write plain text.

    Args:
        feature_extractor: For `audio`.
        tokenizer: For `text`.
    """

    max_tokens: ClassVar[int] = MAX_TOKENS

    def __init__(self, feature_extractor: MSClapFeatureExtractor, tokenizer: PreTrainedTokenizerBase) -> None:
        super().__init__(feature_extractor, tokenizer)

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Tokenise texts: a list of ids for each, at most `max_tokens`, unpadded."""
        return token_ids(self.tokenizer, texts, max_tokens=self.max_tokens)

    def __call__(
        self,
        text: str | Sequence[str] | None = None,
        audio: Waveforms | None = None,
        *,
        audios: Waveforms | None = None,
        sampling_rate: int | None = None,
        return_tensors: str | None = None,
        padding: bool | str = True,
        **kwargs: Any,
    ) -> BatchFeature:
        """Prepare texts, waveforms or both.

        Args:
            text: A text or a list of them.
            audio: A mono waveform `[n_samples]`, a list of them, or an array `[n_waveforms, n_samples]`.
            audios: The same as `audio`, by the name in the first documentation.
            sampling_rate: Rate of the waveforms in hertz.
            return_tensors: "pt", "np" or None.
            padding: As of the tokenizer: True for the longest text, "max_length", or False.
            kwargs: Handed to the feature extractor.

        Returns:
            `input_ids` and `attention_mask`, int64 `[n_texts, n_tokens]`, and `input_features`, float32
            `[n_waveforms, 1, n_frames, n_mels]`; what was not given is left out.

        Raises:
            ValueError: If neither text nor audio is given, or both `audio` and `audios`.
        """
        if audio is not None and audios is not None:
            raise ValueError("give audio or audios, not both: they are two names of one argument")
        waveforms = audios if audio is None else audio
        if text is None and waveforms is None:
            raise ValueError("give text, audio, or both")
        encoded = BatchFeature({})
        if text is not None:
            texts = [text] if isinstance(text, str) else list(text)
            ids = self.token_ids(texts)
            length = self.max_tokens if padding == "max_length" else None
            padded = self.tokenizer.pad(
                {"input_ids": ids}, padding=padding, max_length=length, return_tensors=return_tensors
            )
            encoded.update(padded)
        if waveforms is not None:
            encoded.update(
                self.feature_extractor(waveforms, sampling_rate=sampling_rate, return_tensors=return_tensors, **kwargs)
            )
        return encoded
