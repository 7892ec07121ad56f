"""The text tower of a LAION checkpoint: RoBERTa's tokenizer and network, and the projection."""

from __future__ import annotations

import functools

from ..encoders.checkpoint import CONFIG, TOKENIZER, Checkpoint
from ..encoders.text_reader import PlainTokenizer, TextReader, network_of
from ..errors import CheckpointError
from .sizes import IGNORED, check_text

N_MARKS = 2  # RoBERTa's <s> and </s> around a text


class ClapTextTower(TextReader):
    """Tokenizer, RoBERTa, pooling layer and projection of one checkpoint; several threads may share it.

    Texts of up to 512 tokens are read, as `ClapModel` reads them; longer ones are cut before the `</s>`.

    Args:
        checkpoint: The checkpoint.

    Raises:
        CheckpointError: If its weights, configuration or tokenizer are unreadable or do not fit each other.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        folder = checkpoint.folder
        tokenizer = PlainTokenizer(folder / TOKENIZER)
        check_text(checkpoint)
        text = checkpoint.part(CONFIG, "text_config")
        tokenizer.check_size(int(text.get("vocab_size", 50265)), folder)
        if len(tokenizer.encode("", add_special_tokens=True)) != N_MARKS:
            raise CheckpointError(f"{folder / TOKENIZER}: not RoBERTa's, it does not put <s> and </s> around a text")

        def model() -> object:
            from .torch_audio import load_model

            return load_model(folder)

        super().__init__(
            network_of(checkpoint, model, room=__package__, ignored=IGNORED),
            functools.partial(tokenizer.encode, add_special_tokens=True),
            name=folder.name,
            # Positions are counted from the one after the padding token's.
            max_tokens=int(text.get("max_position_embeddings", 514)) - int(text.get("pad_token_id", 1)) - 1,
            n_ending=1,
        )
