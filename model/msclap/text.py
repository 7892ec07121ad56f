"""From texts to token ids, the way the MSCLAP text tower was taught to read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

END_OF_TEXT = "<|endoftext|>"
# GPT-2 has no padding token; the reference takes "!" (id 0). It so becomes a token of its own wherever it stands.
PADDING = "!"
MAX_TOKENS = 77  # the reference's `text_len`
N_ENDING = 2  # ids of " <|endoftext|>", which a cut leaves where they are


class Tokenizer(Protocol):
    """Whatever turns a text into ids: a transformers tokenizer or one of the tokenizers library behind a wrapper."""

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        """Return the ids of one text, uncut and unpadded."""
        ...


def marked_ids(tokenizer: Tokenizer, text: str) -> list[int]:
    """Tokenise `text + " <|endoftext|>"`, uncut."""
    return tokenizer.encode(f"{text} {END_OF_TEXT}", add_special_tokens=False)


def token_ids(tokenizer: Tokenizer, texts: Sequence[str], *, max_tokens: int) -> list[list[int]]:
    """Tokenise `text + " <|endoftext|>"` and cut long texts so that this ending stays.

    The reference pads or fails there; the state at the ending is what the tower is read from, so it must survive.

    Args:
        tokenizer: GPT-2's tokenizer, or one of its make.
        texts: Any texts, empty ones too.
        max_tokens: Most ids of a text, at least 2.

    Returns:
        A list of ids for each text, unpadded, at most `max_tokens` long.
    """
    rows = [marked_ids(tokenizer, text) for text in texts]
    return [row if len(row) <= max_tokens else row[: max_tokens - N_ENDING] + row[-N_ENDING:] for row in rows]
