"""Reading single texts: tokenizer, cut, network and a memory of what was asked for last, for text towers of any family.

Nothing is padded: padding would change no embedding and only cost time.
"""

from __future__ import annotations

import functools
import os
import re
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from ..errors import CheckpointError, SoundgrepWarning
from ..extras import need_extra
from ..system import read_regular
from .checkpoint import MAX_JSON_BYTES, Checkpoint
from .graphs import read_graph
from .runtime import RUNTIME_VARIABLE, compiled, has_openvino, n_threads

if TYPE_CHECKING:
    import openvino

Float = npt.NDArray[np.float32]

MIN_COMPILED = 30_000_000
"""Multiplications a token from which compiling pays: it takes half a second, a product in numpy the threefold time.

GPT-2 and BERT have 85 million; `mini` with 3 million answers before OpenVINO is even imported."""

MAX_CHARACTERS = 100_000
"""More of a text than the longest tokens that any tower reads; tokenizers take minutes for a few megabytes."""

N_REMEMBERED = 512
"""Embeddings kept of the texts asked for last, 4 kB each at full size."""


class PlainTokenizer:
    """A tokenizer file without the transformers library around it.

    Args:
        path: `tokenizer.json`.

    Raises:
        CheckpointError: if it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._tokenizer = Tokenizer.from_buffer(read_regular(path, most_bytes=MAX_JSON_BYTES))
            self._tokenizer.no_padding()  # a file may say that texts are to be padded or cut
            self._tokenizer.no_truncation()
        except Exception as error:  # the tokenizers library raises bare Exception
            raise CheckpointError(f"{path}: the tokenizer cannot be loaded ({error})") from error

    def __len__(self) -> int:
        return int(self._tokenizer.get_vocab_size())

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        """Ids of one text, uncut and unpadded; of a text that no tower reads to its end, those of its beginning."""
        ids: list[int] = self._tokenizer.encode(text[:MAX_CHARACTERS], add_special_tokens=add_special_tokens).ids
        return ids

    def check_size(self, n_tokens: int, folder: Path) -> None:
        """Refuse a vocabulary that is larger than the network's.

        Raises:
            CheckpointError: If it is.
        """
        if len(self) > n_tokens:
            raise CheckpointError(f"{folder}: the tokenizer has more tokens than the text tower")


class Forward(Protocol):
    """The network itself, on whatever computes it."""

    def __call__(self, ids: list[int]) -> Float:
        """Embed token ids to float32 `[embedding_dim]`, of any length."""
        ...


class TextReader:
    """A text tower over a network that takes token ids; several threads may share it.

    Args:
        forward: The network.
        tokenize: Gives the ids of a text, uncut, with whatever marks its beginning and end.
        name: What the checkpoint is called in a warning.
        max_tokens: Most ids of a text.
        n_ending: How many ids at the end must survive the cut of a longer text.
    """

    def __init__(
        self, forward: Forward, tokenize: Callable[[str], list[int]], *, name: str, max_tokens: int, n_ending: int
    ) -> None:
        self._forward = forward
        self._tokenize = tokenize
        self._name = name
        self._max_tokens = max_tokens
        self._n_ending = n_ending
        self._embedding = functools.lru_cache(N_REMEMBERED)(self._read_only)

    def embed_text(self, text: str) -> Float:
        """Embed one text to float32 `[embedding_dim]`, of any length, not to be written to."""
        ids = self._tokenize(text)
        if len(ids) > self._max_tokens:
            ids = ids[: self._max_tokens - self._n_ending] + ids[-self._n_ending :]
            warnings.warn(
                f"the text {text[:40]!r}... is longer than the {self._max_tokens} tokens that {self._name} reads: the "
                "rest was left out",
                SoundgrepWarning,
                stacklevel=4,
            )
        return self._embedding(tuple(ids))

    def _read_only(self, ids: tuple[int, ...]) -> Float:
        embedding = self._forward(list(ids))
        embedding.flags.writeable = False  # the next who asks for the same text is given the same array
        return embedding


def is_compiled(n_dense: int) -> bool:
    """Tell whether OpenVINO is to compute a tower: if it is there and the tower large, or `SOUNDGREP_RUNTIME` says so.

    Args:
        n_dense: Multiplications that a token costs.
    """
    asked = os.environ.get(RUNTIME_VARIABLE, "")
    if asked:
        return asked == "openvino"
    return has_openvino() and n_dense >= MIN_COMPILED


class GraphForward:
    """A network in OpenVINO, on all cores: a person waits for the one text.

    Args:
        graph: From token ids, int64 `[n_tokens]`, to an embedding of any length, float32 `[embedding_dim]`.
    """

    def __init__(self, graph: openvino.Model) -> None:
        self._request = compiled(graph, n_threads=n_threads()).create_infer_request()
        self._computing = threading.Lock()

    def __call__(self, ids: list[int]) -> Float:
        """Embed token ids."""
        with self._computing:  # all cores are at work for one text: a second at once would only slow both
            self._request.infer([np.array(ids, np.int64)])
            embedding: Float = np.array(self._request.get_output_tensor(0).data)
        return embedding


def network_of(
    checkpoint: Checkpoint, load: Callable[[], Any], *, room: str, ignored: re.Pattern[str] | None = None
) -> Forward:
    """Load the network of a text tower: in OpenVINO where that is installed and no other runtime is asked for.

    Args:
        checkpoint: The checkpoint.
        load: Loads its model in torch.
        room: The package of its family.
        ignored: Tensors of its file that the tower does not need.

    Raises:
        CheckpointError: If weights or configuration are unreadable or do not fit each other.
        MissingPackageError: If torch is needed and not installed.
    """
    if os.environ.get(RUNTIME_VARIABLE, "openvino" if has_openvino() else "") == "openvino":
        return GraphForward(read_graph(checkpoint, "text", room=room, ignored=ignored))
    need_extra("torch", wanted_by="a text tower without OpenVINO")
    import torch

    model = load()

    def forward(ids: list[int]) -> Float:
        with torch.inference_mode():
            embedding: Float = model.get_text_features(input_ids=torch.tensor([ids])).pooler_output[0].numpy()
        return embedding.copy()

    return forward
