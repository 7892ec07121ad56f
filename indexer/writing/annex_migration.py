"""The migration of annexes: their rows follow a clip whose file is moved, and go when its sound changes."""

import logging
from collections.abc import Iterable, Mapping, Set
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...model.errors import CollectionError
from ...search.store.annexes import ANNEXES_OF_SOUND, LISTED_ANNEX, METADATA_ANNEX, read_annex
from ...search.store.manifest import FAILURES_ANNEX, Manifest
from .annexes import put_annex

_ABOUT_FILES = (FAILURES_ANNEX, LISTED_ANNEX)

Ids = npt.NDArray[np.int64]

_log = logging.getLogger(__name__)


def migrate_annexes(
    folder: Path, manifest: Manifest, changed: Set[int], *, copied: Mapping[int, int], moved: Mapping[int, int]
) -> Manifest:
    """Write the annexes anew where clips came, moved or changed, for a manifest that is yet to be written.

    A user's rows go with a moved file; rows made from the sound go with the sound, to copies too.

    Args:
        folder: The collection, whose writer lock the caller holds.
        manifest: What it is now.
        changed: Clips whose sound is new, or another than before.
        copied: By clip, another one of the same sound.
        moved: By clip, the one that it was before its file was moved.

    Returns:
        The manifest that names them; the same one where there was nothing to write.

    Raises:
        CollectionError: If an annex cannot be written.
    """
    for name in set(manifest.annexes).difference(_ABOUT_FILES):
        is_of_sound = name in ANNEXES_OF_SOUND
        sources = {**copied, **moved} if is_of_sound else moved
        stale = changed | copied.keys() | moved.keys() if is_of_sound else frozenset[int]()
        if not sources and not stale:
            continue
        try:
            rows = _rows_of_any(folder, manifest, name, ids=_array({*stale, *sources.values()}))
        except CollectionError as error:
            _log.warning("%s; what it tells of clips that moved or changed stays as it is", error)
            continue
        if rows is not None:
            after = _migrated(
                rows, sources, stale=_array(stale), gone=_array(moved.values()), is_single=name == METADATA_ANNEX
            )
            manifest = put_annex(folder, manifest, name, after)
    return manifest


def _rows_of_any(folder: Path, manifest: Manifest, name: str, *, ids: Ids) -> pa.Table | None:
    """Read an annex whole, if it has rows of any of some clips."""
    table = read_annex(folder, manifest, name)
    if table is None or not np.isin(table.read(["clip_id"]).column("clip_id").to_numpy(), ids).any():
        return None
    return table.read()


def _migrated(rows: pa.Table, sources: Mapping[int, int], *, stale: Ids, gone: Ids, is_single: bool) -> pa.Table:
    """Take rows out and put rows in.

    Args:
        rows: The annex.
        sources: Clips that get the rows of others; but not rows about segments, whose ids are others too.
        stale: Clips whose rows are out of date.
        gone: Clips that have moved.
        is_single: Whether a clip has one row, so that what it has and what it gets become one.
    """
    fresh = rows.filter(pa.array(~np.isin(_ids(rows), stale)))
    if "segment_id" in rows.column_names:
        return fresh.filter(pa.array(~np.isin(_ids(fresh), gone)))
    given = _transferred(rows, sources)
    if is_single:
        fresh = _filled(fresh, given)
    given = given.filter(pa.array(~np.isin(_ids(given), _ids(fresh))))
    return pa.concat_tables([fresh.filter(pa.array(~np.isin(_ids(fresh), gone))), given]).combine_chunks()


def _transferred(rows: pa.Table, sources: Mapping[int, int]) -> pa.Table:
    """Return the rows of some clips as rows of others."""
    order = np.argsort(_ids(rows), kind="stable")
    ids = _ids(rows)[order]
    wanted = _array(sources.values())
    first, last = np.searchsorted(ids, wanted, side="left"), np.searchsorted(ids, wanted, side="right")
    places = [order[start:end] for start, end in zip(first, last, strict=True)]
    owners = np.repeat(_array(sources.keys()), last - first)
    given = rows.take(pa.array(np.concatenate(places) if places else [], pa.int64()))
    place = rows.column_names.index("clip_id")
    return given.set_column(place, rows.schema.field(place), pa.array(owners, pa.int64()))


def _filled(rows: pa.Table, given: pa.Table) -> pa.Table:
    """Fill what is not known of clips, in a table of one row each, with what others bring along."""
    at = dict(zip(_ids(given).tolist(), range(given.num_rows), strict=True))
    places = np.array([at.get(clip_id, -1) for clip_id in _ids(rows).tolist()], np.int64)
    if not (places >= 0).any():
        return rows
    both = pa.concat_tables([rows, given])
    own = np.arange(rows.num_rows)
    for number, name in enumerate(rows.column_names):
        is_free = pc.is_null(rows.column(name)).to_numpy() & (places >= 0)
        taken = both.column(name).take(pa.array(np.where(is_free, rows.num_rows + places, own)))
        rows = rows.set_column(number, rows.schema.field(number), taken)
    return rows


def _ids(rows: pa.Table) -> Ids:
    ids: Ids = rows.column("clip_id").to_numpy()
    return ids


def _array(ids: Iterable[int]) -> Ids:
    return np.fromiter(ids, np.int64)
