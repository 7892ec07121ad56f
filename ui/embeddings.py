"""Embeddings in files, to search by."""

from __future__ import annotations

from pathlib import Path
from tokenize import TokenError  # of headers that are no words
from typing import TYPE_CHECKING

from ..model.documents import json_of
from ..model.errors import QueryError, UsageError
from ..model.paths import user_path
from ..model.system import open_regular
from .screen import printable

if TYPE_CHECKING:
    from ..search import Query


def read_embedding(path: Path) -> Query:
    """Read an embedding that numpy saved (`.npy`), or a list of numbers in JSON.

    Raises:
        UsageError: If the file cannot be read, is neither, or holds what is no embedding.
    """
    import numpy as np

    from ..search import Query

    name = printable(str(path))
    try:
        with open_regular(user_path(path)) as file:
            data = file.read()
    except OSError as error:
        raise UsageError(f"{name}: cannot be read ({(error.strerror or str(error)).lower()})") from error
    try:
        if data.startswith(b"\x93NUMPY"):
            import io

            numbers = np.load(io.BytesIO(data), allow_pickle=False)
        else:
            numbers = json_of(data)
    except (ValueError, EOFError, TokenError, MemoryError) as error:
        raise UsageError(f"{name}: holds no embedding (a .npy file, or a list of numbers in JSON)") from error
    try:
        return Query.embedding(numbers)
    except QueryError as error:
        raise UsageError(f"{name}: {error}") from error
