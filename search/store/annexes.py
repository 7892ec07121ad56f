"""Annexes: further tables of a collection, about its clips, that change together with the rest."""

from pathlib import Path

from .manifest import ANNEXES_FOLDER, Manifest
from .tables import Table

METADATA_ANNEX = "metadata"
"""The annex of what people know of their clips, a row a clip."""

LISTED_ANNEX = "listed"
"""The annex of which lists name which clips."""

ANNEXES_OF_SOUND = frozenset({"captions", "labels", "map"})
"""Annexes made from the sound itself: the same sound has the same rows, another sound none until they are made anew."""


def annex_folder(collection: Path, name: str) -> Path:
    """Return where a collection keeps an annex."""
    return collection / ANNEXES_FOLDER / name


def read_annex(collection: Path, manifest: Manifest, name: str) -> Table | None:
    """Open an annex as it belongs to a manifest.

    Its rows have a column `clip_id`, int64. Clips that are gone from the collection may still have rows in it: join
    with the clips table to leave them out.

    Args:
        collection: The collection's folder.
        manifest: The collection's manifest; its `annexes` names what there is.
        name: The annex.

    Returns:
        The table at the manifest's version, or None if the collection has no such annex.

    Raises:
        CollectionError: If the table is missing or damaged.
    """
    record = manifest.annexes.get(name)
    return None if record is None else Table.open(annex_folder(collection, name), version=record.version)
