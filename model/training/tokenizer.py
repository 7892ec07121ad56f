"""The small vocabulary of `mini`: a byte-level BPE of GPT-2's make, taught on the phrase list."""

from collections.abc import Sequence

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from ..msclap.text import END_OF_TEXT, PADDING

MAX_TOKENS = 77


def train_tokenizer(texts: Sequence[str], *, vocab_size: int = 16_000) -> PreTrainedTokenizerFast:
    """Learn a byte-level BPE; text is lower-cased first, "!" is id 0 as in GPT-2, the end-of-text marker comes last.

    Args:
        texts: What to learn from.
        vocab_size: Entries in all, the marker included.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - 1,
        min_frequency=2,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=END_OF_TEXT,
        eos_token=END_OF_TEXT,
        unk_token=END_OF_TEXT,
        pad_token=PADDING,
        padding_side="right",
        model_max_length=MAX_TOKENS,
    )
