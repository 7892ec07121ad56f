"""The text tower of an MSCLAP 2022 checkpoint: BERT's tokenizer and network, and the projection, without torch."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..bert.network import bert_network, gelu
from ..bert.sizes import BertSizes
from ..bert.weights import BertWeights
from ..encoders.checkpoint import CONFIG, TOKENIZER, WEIGHTS, Checkpoint
from ..encoders.tensors import check_shapes, mapped_tensors
from ..encoders.text_reader import PlainTokenizer, TextReader
from ..errors import CheckpointError

Float = npt.NDArray[np.float32]

MODEL, PROJECTION = "text_model.encoder.", "text_projection"
DEFAULTS = BertSizes(n_tokens=30522, n_positions=512, n_types=2)  # of `MSClap2022TextConfig`
MAX_TOKENS = 100  # the reference's `text_len`
N_MARKS = 2  # BERT's [CLS] and [SEP] around a text
PROJECTION_EPS = 1e-5


class MSClap2022TextTower(TextReader):
    """Tokenizer, BERT and projection of one checkpoint; several threads may share it.

    The reference pads a text to 100 tokens, which the attention mask hides, and fails at a longer one; here nothing is
    padded and a longer text is cut before its `[SEP]`.

    Args:
        folder: The checkpoint.

    Raises:
        CheckpointError: if its weights, configuration or tokenizer are unreadable or do not fit each other.
    """

    def __init__(self, folder: Path) -> None:
        tokenizer = PlainTokenizer(folder / TOKENIZER)
        checkpoint = Checkpoint(folder)
        sizes = read_sizes(checkpoint)
        tensors = read_weights(folder / WEIGHTS, sizes, embedding_dim=checkpoint.embedding_dim)
        if len(tokenizer) > sizes.n_tokens:
            raise CheckpointError(f"{folder}: the tokenizer has more tokens than the text tower")
        if len(tokenizer.encode("", add_special_tokens=True)) != N_MARKS:
            raise CheckpointError(f"{folder / TOKENIZER}: not BERT's, it does not put [CLS] and [SEP] around a text")
        network = bert_network(BertWeights(tensors, sizes, prefix=MODEL))
        super().__init__(
            lambda ids: projected(network(ids), tensors),
            functools.partial(tokenizer.encode, add_special_tokens=True),
            name=folder.name,
            max_tokens=min(MAX_TOKENS, sizes.max_tokens),
            n_ending=1,
        )


def projected(state: Float, tensors: Mapping[str, Float]) -> Float:
    """From the first token's state, float32 `[width]`, to an embedding of any length, float32 `[embedding_dim]`."""
    embedded = tensors[f"{PROJECTION}.linear1.weight"] @ state
    mixed = embedded + tensors[f"{PROJECTION}.linear2.weight"] @ gelu(embedded)
    centred = mixed - mixed.mean()
    scaled = centred / np.sqrt(np.square(centred).mean() + np.float32(PROJECTION_EPS))
    embedding: Float = scaled * tensors[f"{PROJECTION}.layer_norm.weight"] + tensors[f"{PROJECTION}.layer_norm.bias"]
    return embedding


def read_sizes(checkpoint: Checkpoint) -> BertSizes:
    """Read the text tower's sizes.

    Raises:
        CheckpointError: if the configuration describes no text tower that is computed here.
    """
    config = checkpoint.read(CONFIG)
    try:
        text = config.get("text_config") or {}
        act, sizes = text.get("hidden_act", "gelu"), BertSizes.of(text, DEFAULTS)
    except (TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{checkpoint.folder / CONFIG}: the text tower cannot be built: {error}") from error
    if act != "gelu":
        raise CheckpointError(f"{checkpoint.folder / CONFIG}: the text tower's activation must be 'gelu', not {act!r}")
    return sizes


def read_weights(path: Path, sizes: BertSizes, *, embedding_dim: int) -> dict[str, Float]:
    """Read the text tower's tensors.

    Raises:
        CheckpointError: if the file cannot be read, or its tensors are not those of the configuration.
    """
    tensors = mapped_tensors(path, prefix="text_")
    expected = sizes.shapes(MODEL) | {
        f"{PROJECTION}.linear1.weight": (embedding_dim, sizes.width),
        f"{PROJECTION}.linear2.weight": (embedding_dim, embedding_dim),
        f"{PROJECTION}.layer_norm.weight": (embedding_dim,),
        f"{PROJECTION}.layer_norm.bias": (embedding_dim,),
    }
    check_shapes(tensors, expected, path=path)
    return tensors
