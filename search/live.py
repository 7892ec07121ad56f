"""Live: collections that are opened again when they have been written to, while they are being asked."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ..model.errors import CollectionError, SoundgrepError
from ..model.paths import user_path
from .collection import Collection
from .store.manifest import MANIFEST_NAME
from .union import Collections

if TYPE_CHECKING:
    from ..model.encoders.encoder import Encoder

Answer = TypeVar("Answer")
_Signature = tuple[int, int, int]

_log = logging.getLogger(__name__)


class LiveCollections:
    """Collections as they stand now. Whoever is asking when they change gets the answer of what was open.

    Filters and SQL are computed in processes of their own, so that no question holds up the others for ever.

    Args:
        paths: The collections' folders.

    Raises:
        CollectionError: If one cannot be opened.
        CheckpointError: If their encoder is not on this machine any more.
        QueryError: If there is none.
    """

    def __init__(self, paths: Sequence[str | os.PathLike[str]]) -> None:
        self._paths = [user_path(path).absolute() for path in paths]
        self._refreshing = threading.Lock()
        self._seen = self._signatures()
        self._current = self._opened(None)
        self._problem: str | None = None

    @property
    def current(self) -> Collections:
        """What is open now; it stays as it is for whoever holds it."""
        return self._current

    @property
    def problem(self) -> str | None:
        """Why what is on the disk now is not what is open, or None if it is."""
        return self._problem

    def refresh(self) -> bool:
        """Open the collections again if one of them was written to.

        A collection that cannot be opened any more leaves the old one in its place, and `problem` says why.

        Returns:
            Whether they were opened again.
        """
        with self._refreshing:
            seen = self._signatures()
            if seen == self._seen:
                return False
            self._seen = seen
            try:
                self._current = self._opened(self._encoder())
            except SoundgrepError as error:
                self._problem = str(error)
                _log.warning("%s; going on with what was open", error)
                return False
            self._problem = None
            return True

    def ask(self, question: Callable[[Collections], Answer]) -> Answer:
        """Answer a question; if tables were cleaned away under it, once more with what is there now.

        Raises:
            SoundgrepError: What the question raises.
        """
        asked = self._current
        try:
            return question(asked)
        except CollectionError:
            if not self.refresh() and self._current is asked:
                raise
            return question(self._current)

    def _encoder(self) -> Encoder:
        return self._current.members[0].encoder

    def _opened(self, encoder: Encoder | None) -> Collections:
        if encoder is not None:
            manifests = [Collection.open(path).manifest for path in self._paths]
            if any(manifest.encoding.encoder.digest != encoder.digest for manifest in manifests):
                encoder = None  # made anew by another one
        opened = Collections.open(self._paths, encoder=encoder, isolate_sql=True)
        for member in opened.members:
            _ = member.encoder
            if member.n_segments:  # read tables and index now, not while somebody waits
                member.encoding.search(np.ones(member.manifest.encoding.embedding_dim, np.float32), k=1, where="true")
        return opened

    def _signatures(self) -> list[_Signature | None]:
        return [_signature(path / MANIFEST_NAME) for path in self._paths]


def _signature(path: Path) -> _Signature | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
