"""Starting: an empty collection, for who wants to see it before there is anything in it."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator

from ...model.encoders.encoder import Encoder
from ...model.errors import CollectionError
from ...model.paths import user_path
from ...search.store.manifest import read_manifest
from ..writing.lock import writer_lock
from ..writing.writer import Writer


@contextlib.contextmanager
def started_collection(folder: str | os.PathLike[str], *, encoder: str = "mini") -> Iterator[None]:
    """Hold an empty collection where there is nothing; if it is still empty at the end, it goes again.

    What indexes into it first may do so with any encoder.

    Args:
        folder: Its folder, which does not exist.
        encoder: What would listen.

    Raises:
        CollectionError: If it cannot be written.
        CheckpointError: If there is no such encoder.
    """
    place = user_path(folder)
    with Writer.open(place, encoder=Encoder.from_pretrained(encoder), hop_s=None):
        pass
    try:
        yield
    finally:
        with contextlib.suppress(CollectionError), writer_lock(place):  # somebody writes it: it stays
            if read_manifest(place).n_clips == 0:
                shutil.rmtree(place, ignore_errors=True)
