"""GPT-2's tokenizer from its files, set up the way the MSCLAP reference sets it up."""

from __future__ import annotations

from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from ..documents import json_of
from ..errors import CheckpointError
from .text import END_OF_TEXT, MAX_TOKENS, PADDING

# The same two files by the name in the transformers library and in the original release.
VOCABULARIES = ("vocab.json", "encoder.json")
MERGES = ("merges.txt", "vocab.bpe")


def from_merges(vocabulary: Path, merges: Path) -> Tokenizer:
    """Build the tokenizer from its two original files."""
    lines = merges.read_text(encoding="utf-8").strip().split("\n")
    pairs = [(left, right) for left, right in (line.split(" ") for line in lines if not line.startswith("#version"))]
    tokenizer = Tokenizer(models.BPE(vocab=json_of(vocabulary.read_bytes()), merges=pairs))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """Read GPT-2's vocabulary and merges.

    Args:
        folder: Holds `vocab.json` and `merges.txt`, or `encoder.json` and `vocab.bpe`, or a `tokenizer.json`.

    Raises:
        CheckpointError: If the files are missing or not a byte-pair vocabulary with `<|endoftext|>`.
    """
    vocabulary = next((folder / name for name in VOCABULARIES if (folder / name).is_file()), None)
    merges = next((folder / name for name in MERGES if (folder / name).is_file()), None)
    whole = folder / "tokenizer.json"
    if not whole.is_file() and (vocabulary is None or merges is None):
        raise CheckpointError(f"{folder}: no GPT-2 tokenizer, it needs vocab.json and merges.txt or tokenizer.json")
    try:
        tokenizer = from_merges(vocabulary, merges) if vocabulary and merges else Tokenizer.from_file(str(whole))
    except Exception as error:  # the tokenizers library raises bare Exception
        raise CheckpointError(f"{folder}: the tokenizer's files cannot be read ({error})") from error
    if tokenizer.token_to_id(END_OF_TEXT) is None or tokenizer.token_to_id(PADDING) is None:
        raise CheckpointError(f"{folder}: not GPT-2's vocabulary, it has no {END_OF_TEXT} or no {PADDING!r}")
    tokenizer.add_special_tokens([AddedToken(END_OF_TEXT, normalized=False), AddedToken(PADDING, normalized=False)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=END_OF_TEXT,
        eos_token=END_OF_TEXT,
        unk_token=END_OF_TEXT,
        pad_token=PADDING,
        model_max_length=MAX_TOKENS,
    )
