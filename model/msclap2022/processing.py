"""`MSClap2022Processor`: texts and waveforms to what `MSClap2022Model` takes."""

from __future__ import annotations

from collections.abc import Sequence

from ..msclap.processing import MSClapProcessor
from .bert_tokenizer import MAX_TOKENS


class MSClap2022Processor(MSClapProcessor):
    """A feature extractor for audio beside BERT's tokenizer for text.

    Texts are marked as BERT reads them, `[CLS] ... [SEP]`, and longer ones cut before the `[SEP]`.
    """

    max_tokens = MAX_TOKENS

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Tokenise texts: a list of ids for each, at most `max_tokens`, unpadded."""
        rows = [self.tokenizer.encode(text, add_special_tokens=True) for text in texts]
        return [row if len(row) <= self.max_tokens else row[: self.max_tokens - 1] + row[-1:] for row in rows]
