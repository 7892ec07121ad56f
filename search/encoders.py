"""Which encoder a collection was made by, found again and distinguished from others."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ..model.errors import CheckpointError, EncoderMismatchError
from ..model.paths import readable_path
from ..model.system import is_share
from .store.manifest import EncoderRecord, Manifest

if TYPE_CHECKING:
    from ..model.encoders.encoder import Encoder

_N_DIGEST_SHOWN = 19  # "sha256:" and 12 digits


class EncoderSource:
    """The encoder that a manifest names, or one that is open already; opened when it is first needed."""

    def __init__(self, record: EncoderRecord, *, collection: Path, opened: Encoder | None) -> None:
        self._record = record
        self._collection = collection
        self._opened = opened

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder; raises what `open_encoder` raises."""
        return self._opened or open_encoder(self._record, collection=self._collection)


def open_encoder(record: EncoderRecord, *, collection: Path) -> Encoder:
    """Open the encoder that made a collection: from the folder it was in then, or by its name.

    A collection may come from anybody, so nothing is fetched because it says so, and a checkpoint that it brings along
    is not opened: the encoder comes with soundgrep, or was fetched or made by who uses this machine.

    Args:
        record: What the manifest says of it.
        collection: The collection, for the messages.

    Raises:
        CheckpointError: If it is not on this machine any more.
        EncoderMismatchError: If what goes by its name now is another one.
    """
    from ..model.encoders.encoder import Encoder

    mismatch: EncoderMismatchError | None = None
    problem: CheckpointError | None = None
    for is_folder in (True, False):
        try:
            encoder = Encoder.from_pretrained(_own_folder(record, collection)) if is_folder else Encoder.kept(record.id)
            check_encoder(record, encoder, collection=collection)
            return encoder
        except EncoderMismatchError as error:
            mismatch = mismatch or error
        except CheckpointError as error:
            problem = problem or error
    if mismatch is not None:
        raise mismatch
    raise CheckpointError(
        f"{readable_path(collection)}: its encoder {readable_path(record.id)!r} cannot be opened; give its folder, or "
        f"fetch it with `soundgrep models check` if you trust who publishes it ({problem})"
    ) from problem


def _own_folder(record: EncoderRecord, collection: Path) -> Path:
    """Return the folder that a checkpoint was in, if it is one of this machine and no part of the collection."""
    folder = Path(record.source) if "\0" not in record.source else Path()
    is_here = folder.is_absolute() and not is_share(os.fsencode(folder))  # to ask another machine tells it who we are
    if not is_here or not folder.is_dir() or folder.resolve().is_relative_to(collection.resolve()):
        raise CheckpointError(f"there is no encoder {readable_path(record.source)!r}")
    return folder


def named_encoder(manifest: Manifest, name: str | os.PathLike[str], *, collection: Path) -> Encoder:
    """Open the encoder that a name means for a collection: one of its own, or whatever else goes by it.

    Raises:
        CheckpointError: If there is none.
        EncoderMismatchError: If what goes by the name of one of its own is another one.
    """
    from ..model.encoders.encoder import Encoder

    for record in (one.encoder for one in manifest.encodings.values()):
        if record.id == name:
            try:
                return open_encoder(record, collection=collection)
            except CheckpointError:  # who names it may have it fetched
                encoder = Encoder.from_pretrained(name)
                check_encoder(record, encoder, collection=collection)
                return encoder
    return Encoder.from_pretrained(name)


def encoding_of(manifest: Manifest, encoder: Encoder, *, collection: Path) -> str:
    """Find the encoding that an encoder made of a collection.

    Returns:
        The encoding's name.

    Raises:
        EncoderMismatchError: If it made none, with the names of those that did.
    """
    records = {name: one.encoder for name, one in manifest.encodings.items()}
    for name, record in records.items():
        if record.digest == encoder.digest:
            return name
    namesakes = [record for record in records.values() if record.id == encoder.id]
    if namesakes or len(records) == 1:
        check_encoder((*namesakes, manifest.encoding.encoder)[0], encoder, collection=collection)
    names = ", ".join(repr(record.id) for record in records.values())
    raise EncoderMismatchError(
        f"{readable_path(collection)}: was made by the encoders {names}, and cannot be used with {encoder.id!r}"
    )


def check_encoder(record: EncoderRecord, encoder: Encoder, *, collection: Path) -> None:
    """Refuse an encoder whose embeddings don't compare with a collection's.

    Raises:
        EncoderMismatchError: If it is another one, with both names.
    """
    if encoder.digest != record.digest:
        theirs, ours = repr(record.id), repr(encoder.id)
        if theirs == ours:
            theirs += f" ({record.digest[:_N_DIGEST_SHOWN]})"
            ours += f" ({encoder.digest[:_N_DIGEST_SHOWN]})"
        raise EncoderMismatchError(
            f"{readable_path(collection)}: was made by the encoder {theirs} and cannot be used with the encoder {ours}"
            "; give that one, or make a new collection"
        )
