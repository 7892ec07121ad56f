"""The text tower of a LAION checkpoint: RoBERTa's tokenizer and network, and the projection, without torch."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..bert.network import bert_network
from ..bert.sizes import BertSizes
from ..bert.weights import BertWeights
from ..encoders.checkpoint import CONFIG, TOKENIZER, WEIGHTS, Checkpoint
from ..encoders.tensors import check_shapes, mapped_tensors
from ..encoders.text_reader import PlainTokenizer, TextReader
from ..errors import CheckpointError

Float = npt.NDArray[np.float32]

MODEL, PROJECTION = "text_model.", "text_projection"
IGNORED = re.compile(r"text_model\.embeddings\.(position_ids|token_type_ids)")  # constants
DEFAULTS = BertSizes(n_tokens=50265, n_positions=514, n_types=1, padding_id=1)  # of `ClapTextConfig`
N_MARKS = 2  # RoBERTa's <s> and </s> around a text


class ClapTextTower(TextReader):
    """Tokenizer, RoBERTa, pooling layer and projection of one checkpoint; several threads may share it.

    Texts of up to 512 tokens are read, as `ClapModel` reads them; longer ones are cut before the `</s>`.

    Args:
        folder: The checkpoint.

    Raises:
        CheckpointError: If its weights, configuration or tokenizer are unreadable or do not fit each other.
    """

    def __init__(self, folder: Path) -> None:
        tokenizer = PlainTokenizer(folder / TOKENIZER)
        sizes, embedding_dim = read_sizes(folder)
        tensors = read_weights(folder, sizes, embedding_dim=embedding_dim)
        if len(tokenizer) > sizes.n_tokens:
            raise CheckpointError(f"{folder}: the tokenizer has more tokens than the text tower")
        if len(tokenizer.encode("", add_special_tokens=True)) != N_MARKS:
            raise CheckpointError(f"{folder / TOKENIZER}: not RoBERTa's, it does not put <s> and </s> around a text")
        network = bert_network(BertWeights(tensors, sizes, prefix=MODEL))
        super().__init__(
            lambda ids: projected(network(ids), tensors),
            functools.partial(tokenizer.encode, add_special_tokens=True),
            name=folder.name,
            max_tokens=sizes.max_tokens,
            n_ending=1,
        )


def projected(state: Float, tensors: Mapping[str, Float]) -> Float:
    """From the first token's state, float32 `[width]`, to an embedding of any length, float32 `[embedding_dim]`."""
    dense, first, second = f"{MODEL}pooler.dense", f"{PROJECTION}.linear1", f"{PROJECTION}.linear2"
    pooled = np.tanh(tensors[f"{dense}.weight"] @ state + tensors[f"{dense}.bias"])
    hidden = np.maximum(tensors[f"{first}.weight"] @ pooled + tensors[f"{first}.bias"], 0)
    embedding: Float = tensors[f"{second}.weight"] @ hidden + tensors[f"{second}.bias"]
    return embedding


def text_sizes(config: Mapping[str, Any]) -> tuple[BertSizes, int]:
    """Read the text tower's sizes and the width of the embeddings from the `config.json` of a `ClapModel`.

    Raises:
        ValueError, TypeError: If a field is not of its kind, or asks for what is not computed here.
    """
    text = config.get("text_config") or {}
    acts = (text.get("hidden_act", "gelu"), config.get("projection_hidden_act", "relu"))
    if acts != ("gelu", "relu"):
        raise ValueError(f"its activations must be 'gelu' and 'relu', not {acts[0]!r} and {acts[1]!r}")
    return BertSizes.of(text, DEFAULTS), int(config.get("projection_dim", 512))


def read_sizes(folder: Path) -> tuple[BertSizes, int]:
    """Read a checkpoint's text sizes and the width of its embeddings.

    Raises:
        CheckpointError: If the configuration describes no text tower that is computed here.
    """
    try:
        return text_sizes(Checkpoint(folder).read(CONFIG))
    except (TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{folder / CONFIG}: the text tower cannot be built: {error}") from error


def read_weights(folder: Path, sizes: BertSizes, *, embedding_dim: int) -> dict[str, Float]:
    """Read the text tower's tensors.

    Raises:
        CheckpointError: If the file cannot be read, or its tensors are not those of the configuration.
    """
    path = folder / WEIGHTS
    tensors = mapped_tensors(path, prefix="text_", ignored=IGNORED)
    expected = sizes.shapes(MODEL)
    for name, shape in (
        (f"{MODEL}pooler.dense", (sizes.width, sizes.width)),
        (f"{PROJECTION}.linear1", (embedding_dim, sizes.width)),
        (f"{PROJECTION}.linear2", (embedding_dim, embedding_dim)),
    ):
        expected |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    check_shapes(tensors, expected, path=path)
    return tensors
