"""BERT's tokenizer from its files, set up as `bert-base-uncased` is."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from ..errors import CheckpointError

BEGIN, END, PADDING, UNKNOWN, MASK = "[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]"
MAX_TOKENS = 100  # the reference's `text_len`


def from_vocabulary(path: Path) -> Tokenizer:
    """Build the tokenizer from `vocab.txt`, a piece of a word a line, in the order of their ids."""
    pieces = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
    tokenizer = Tokenizer(models.WordPiece({piece: n for n, piece in enumerate(pieces)}, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """Read BERT's vocabulary.

    Args:
        folder: Holds `vocab.txt` or `tokenizer.json`, as the hub's `bert-base-uncased` does.

    Raises:
        CheckpointError: If the file is missing, cannot be read, or lacks the tokens that stand around a text.
    """
    vocabulary, whole = folder / "vocab.txt", folder / "tokenizer.json"
    if not vocabulary.is_file() and not whole.is_file():
        raise CheckpointError(f"{folder}: no BERT tokenizer, it needs vocab.txt or tokenizer.json of bert-base-uncased")
    try:
        tokenizer = from_vocabulary(vocabulary) if vocabulary.is_file() else Tokenizer.from_file(str(whole))
        tokenizer.no_padding()
        tokenizer.no_truncation()
    except Exception as error:  # the tokenizers library raises bare Exception
        raise CheckpointError(f"{folder}: the tokenizer's files cannot be read ({error})") from error
    marks = {mark: tokenizer.token_to_id(mark) for mark in (BEGIN, END, PADDING, UNKNOWN, MASK)}
    missing = [mark for mark, number in marks.items() if number is None]
    if missing:
        raise CheckpointError(f"{folder}: not BERT's vocabulary, it has no {missing[0]}")
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A {END}",
        pair=f"{BEGIN} $A {END} $B:1 {END}:1",
        special_tokens=[(mark, marks[mark]) for mark in (BEGIN, END)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        cls_token=BEGIN,
        sep_token=END,
        pad_token=PADDING,
        unk_token=UNKNOWN,
        mask_token=MASK,
        model_max_length=MAX_TOKENS,
    )
