"""The text tower of an MSCLAP 2022 checkpoint: BERT's tokenizer and network, and the projection."""

from __future__ import annotations

import functools

from ..encoders.checkpoint import CONFIG, TOKENIZER, Checkpoint
from ..encoders.text_reader import PlainTokenizer, TextReader, network_of
from ..errors import CheckpointError

MAX_TOKENS = 100  # the reference's `text_len`
N_MARKS = 2  # BERT's [CLS] and [SEP] around a text


class MSClap2022TextTower(TextReader):
    """Tokenizer, BERT and projection of one checkpoint; several threads may share it.

    The reference pads a text to 100 tokens, which the attention mask hides, and fails at a longer one; here nothing is
    padded and a longer text is cut before its `[SEP]`.

    Args:
        checkpoint: The checkpoint.

    Raises:
        CheckpointError: if its weights, configuration or tokenizer are unreadable or do not fit each other.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        folder = checkpoint.folder
        tokenizer = PlainTokenizer(folder / TOKENIZER)
        text = checkpoint.part(CONFIG, "text_config")
        act = text.get("hidden_act", "gelu")
        if act != "gelu":
            raise CheckpointError(f"{folder / CONFIG}: the text tower's activation must be 'gelu', not {act!r}")
        tokenizer.check_size(int(text.get("vocab_size", 30522)), folder)
        if len(tokenizer.encode("", add_special_tokens=True)) != N_MARKS:
            raise CheckpointError(f"{folder / TOKENIZER}: not BERT's, it does not put [CLS] and [SEP] around a text")

        def model() -> object:
            from .registration import load_model

            return load_model(folder)

        super().__init__(
            network_of(checkpoint, model, room=__package__),
            functools.partial(tokenizer.encode, add_special_tokens=True),
            name=folder.name,
            max_tokens=min(MAX_TOKENS, int(text.get("max_position_embeddings", 512))),
            n_ending=1,
        )
