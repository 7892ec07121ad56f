"""Encoders: which of them embed a collection's clips in a run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..model.encoders.encoder import Encoder
from ..model.errors import CheckpointError, EncoderMismatchError
from ..search.encoders import named_encoder, open_encoder
from ..search.store.manifest import Manifest, has_manifest, read_manifest

DEFAULT_ENCODER = "mini"


@dataclass(frozen=True)
class Encoders:
    """The encoders of a run.

    Attributes:
        chosen: The one that was named, or else the collection's default.
        here: All that embed in this run, the collection's in their order.
        absent: Names of the collection's that are not on this machine.
    """

    chosen: Encoder
    here: tuple[Encoder, ...]
    absent: tuple[str, ...] = ()

    @classmethod
    def open(cls, collection: Path, encoder: Encoder | str | os.PathLike[str] | None) -> Encoders:
        """Open the encoder that was named, and those that the collection has.

        Args:
            collection: The collection's folder; there may be none yet.
            encoder: The encoder that is named, if any.

        Raises:
            CheckpointError: If the one named cannot be opened; if none is named, if one of the collection's cannot.
            EncoderMismatchError: If what goes by the name of one of the collection's is another one.
            CollectionError: If the collection's manifest cannot be read.
        """
        manifest = read_manifest(collection) if has_manifest(collection) else None
        if isinstance(encoder, str | os.PathLike):
            encoder = (
                Encoder.from_pretrained(encoder)
                if manifest is None or not manifest.n_clips
                else named_encoder(manifest, encoder, collection=collection)
            )
        # A collection without clips can become another encoder's.
        if manifest is None or not manifest.n_clips:
            chosen = encoder or Encoder.from_pretrained(DEFAULT_ENCODER)
            return cls(chosen, (chosen,))
        here: list[Encoder] = []
        absent: list[str] = []
        for record in (one.encoder for one in manifest.encodings.values()):
            if encoder is not None and encoder.digest == record.digest:
                here.append(encoder)
                continue
            try:
                here.append(open_encoder(record, collection=collection))
            except (CheckpointError, EncoderMismatchError):
                if encoder is None or encoder.id == record.id:
                    raise
                absent.append(record.id)
        if encoder is not None and encoder not in here:
            here.append(encoder)
        return cls(encoder or _default(here, manifest), tuple(here), tuple(absent))

    def by_encoding(self, manifest: Manifest) -> list[tuple[str, Encoder]]:
        """Return them with the names of their encodings in a collection, in its order."""
        by_digest = {encoder.digest: encoder for encoder in self.here}
        digests = {name: record.encoder.digest for name, record in manifest.encodings.items()}
        return [(name, by_digest[digest]) for name, digest in digests.items() if digest in by_digest]


def _default(here: Sequence[Encoder], manifest: Manifest) -> Encoder:
    return next(encoder for encoder in here if encoder.digest == manifest.encoding.encoder.digest)
