"""Metadata: what people know of their clips, kept beside them, a row a clip."""

import os
import posixpath
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...model.audio.stores import is_url
from ...model.errors import UsageError
from ...model.paths import exact_path, normal_name, readable_path, user_path
from ...search.store.annexes import METADATA_ANNEX, read_annex
from ...search.store.confined import check_confined
from ...search.store.identity import path_of
from ...search.store.manifest import CLIPS_FOLDER, Manifest, read_manifest
from ...search.store.tables import Table
from ..inputs.columns import beside_clip_id
from ..inputs.lists import resolved
from ..inputs.usertable import key_column, read_user_table
from ..writing.annexes import write_annex

_N_NAMED = 5


@dataclass(frozen=True)
class MetadataReport:
    """What came of joining a table.

    Attributes:
        collection: The collection's folder.
        columns: Columns that were added or replaced.
        n_rows: Rows of the table.
        n_matched: Rows that name a clip of the collection.
        n_clips: Clips that have a row now, of this table or an earlier one.
        unmatched: What the other rows name: no clip of the collection.
        ambiguous: What further rows name: several clips of the collection, so that none got the row.
    """

    collection: Path
    columns: tuple[str, ...]
    n_rows: int
    n_matched: int
    n_clips: int
    unmatched: tuple[str, ...]
    ambiguous: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """Return the report as plain values that JSON can hold."""
        return {
            "collection": readable_path(self.collection),
            "columns": list(self.columns),
            "n_rows": self.n_rows,
            "n_matched": self.n_matched,
            "n_clips": self.n_clips,
            "unmatched": list(self.unmatched),
            "ambiguous": list(self.ambiguous),
        }


def add_metadata(
    collection: str | os.PathLike[str],
    table: str | os.PathLike[str],
    *,
    key: str | None = None,
    replace: bool = False,
) -> MetadataReport:
    """Join a user's table to a collection's clips; its columns can be asked for in SQL and in filters from then on.

    A row belongs to the clip whose path it gives: absolute, relative to the table's folder, or the last parts of it, a
    file name alone if that is enough to tell the clip from all others, with its suffix or without. Where several rows
    name one clip, the last one counts. What is known of other clips, and other columns, stay.

    Args:
        collection: The collection's folder.
        table: A csv, tsv, Parquet or JSON lines file, or its URL.
        key: Column that names the clips; None for `path`, `file`, `file_name` or `filename`.
        replace: Whether all that was known before is dropped.

    Raises:
        UsageError: If the table cannot be read, has no such column or no other one, or names no clip of the collection;
            or if one of its columns is of another type than what is kept of it for other clips.
        CollectionError: If the collection is none, cannot be written, or is being written by another run.
    """
    folder = user_path(collection)
    check_confined(folder)
    manifest = read_manifest(folder)
    source = os.fspath(table)
    exact = os.fsencode(source) if is_url(os.fsencode(source)) else path_of(user_path(source))
    rows = read_user_table(exact)
    name = key_column(rows, key=key, path=exact)
    if rows.num_columns < 2:
        raise UsageError(f"{readable_path(exact)}: has no column beside {readable_path(name)!r}")
    clips = Table.open(folder / CLIPS_FOLDER, version=manifest.clips_version).read(["clip_id", "path", "path_bytes"])
    names = _Names(clips)
    found: dict[int, int] = {}
    unmatched: list[str] = []
    ambiguous: list[str] = []
    for place, text in enumerate(_texts(rows.column(name))):
        ids = names.clips_named(text, folder=exact.rpartition(b"/")[0]) if text else ()
        if len(ids) == 1:
            found[ids[0]] = place
        else:
            (ambiguous if ids else unmatched).append(readable_path(text))
    if not found:
        said = f"none of its {rows.num_rows} rows names a clip of the collection"
        raise UsageError(f"{readable_path(exact)}: {said}{_of_several(ambiguous)}")
    new = keyed(rows.drop_columns([name]), found)
    old = None if replace else known_metadata(folder, manifest)
    merged = merge_metadata(old, new, name=readable_path(exact))
    write_annex(folder, METADATA_ANNEX, merged)
    return MetadataReport(
        collection=folder,
        columns=tuple(new.column_names[1:]),
        n_rows=rows.num_rows,
        n_matched=rows.num_rows - len(unmatched) - len(ambiguous),
        n_clips=int(np.isin(merged.column("clip_id").to_numpy(), clips.column("clip_id").to_numpy()).sum()),
        unmatched=tuple(unmatched),
        ambiguous=tuple(ambiguous),
    )


def known_metadata(collection: Path, manifest: Manifest) -> pa.Table | None:
    """Read what a collection has; None where there is nothing.

    Raises:
        CollectionError: If the annex is damaged.
    """
    table = read_annex(collection, manifest, METADATA_ANNEX)
    return None if table is None else table.read()


def keyed(columns: pa.Table, places: Mapping[int, int]) -> pa.Table:
    """Return a user's columns the column `clip_id` in front; a column of theirs that is called so gets another name.

    Args:
        columns: The user's columns.
        places: Row of each clip in them.
    """
    rows = columns.rename_columns(beside_clip_id(columns.column_names)).take(
        pa.array(list(places.values()), pa.int64())
    )
    return rows.add_column(0, "clip_id", pa.array(list(places), pa.int64()))


def merge_metadata(old: pa.Table | None, new: pa.Table, *, name: str) -> pa.Table:
    """Put new rows and columns over old ones: what `new` has of a clip counts, what it has not stays.

    Args:
        old: Rows so far, with a column `clip_id`; None for none.
        new: Further ones, likewise.
        name: Where they come from, for the message.

    Raises:
        UsageError: If a column has values of two types that no common one holds.
    """
    if old is None:
        old = pa.table({"clip_id": pa.array([], pa.int64())})
    spelled: dict[str, str] = {}
    for column in (*old.column_names, *new.column_names):
        spelled.setdefault(column.lower(), column)
    ids = np.union1d(old.column("clip_id").to_numpy(), new.column("clip_id").to_numpy())
    old_places, new_places = _places(old, ids), _places(new, ids)
    merged: dict[str, pa.ChunkedArray] = {"clip_id": pa.chunked_array([pa.array(ids, pa.int64())])}
    for lower, column in spelled.items():
        if lower == "clip_id":
            continue
        before, after = _column(old, lower), _column(new, lower)
        if after is None or before is None:
            present, places = (before, old_places) if after is None else (after, new_places)
            merged[column] = _taken(present, places)
            continue
        if not (old_places[new_places < 0] >= 0).any():
            before = pa.chunked_array([pa.nulls(len(before), after.type)])  # all its values are replaced
        try:
            both = pa.concat_tables(
                [pa.table({column: before}), pa.table({column: after})], promote_options="permissive"
            ).column(column)
        except (pa.ArrowTypeError, pa.ArrowInvalid):
            raise UsageError(
                f"{name}: its column {readable_path(column)!r} holds {after.type} values, but {before.type} values of "
                "other clips are known: rename it, or join all of it anew with --replace"
            ) from None
        merged[column] = _taken(both, np.where(new_places >= 0, new_places + len(before), old_places))
    return pa.table(merged)


def _of_several(ambiguous: Sequence[str]) -> str:
    """Return which rows name more than one clip, where no row names just one."""
    if not ambiguous:
        return ""
    named = ", ".join(ambiguous[:_N_NAMED]) + (", ..." if len(ambiguous) > _N_NAMED else "")
    verb = "names" if len(ambiguous) == 1 else "name"
    return f" alone; {len(ambiguous)} {verb} several, and need more of the path ({named})"


class _Names:
    """The clips of a collection by whatever people call them."""

    def __init__(self, clips: pa.Table) -> None:
        self._ids: dict[bytes, int] = {}
        self._spelled: defaultdict[bytes, list[bytes]] = defaultdict(list)
        self._by_last: defaultdict[bytes, list[bytes]] = defaultdict(list)
        self._by_stem: defaultdict[bytes, list[bytes]] = defaultdict(list)
        for row in clips.to_pylist():
            path = exact_path(row["path"], row["path_bytes"])
            last = normal_name(path).rpartition(b"/")[2]
            self._ids[path] = row["clip_id"]
            self._spelled[normal_name(path)].append(path)
            self._by_last[last].append(path)
            self._by_stem[last.rpartition(b".")[0]].append(path)

    def clips_named(self, text: bytes, *, folder: bytes) -> tuple[int, ...]:
        """Find the clips that a text may mean: one if it is clear, however its letters are composed."""
        if text.startswith(b"~/"):
            text = os.fsencode(os.path.expanduser(os.fsdecode(text)))  # noqa: PTH111 - bytes
        whole = self._ids.get(text, self._ids.get(resolved(text, folder=folder)))
        if whole is not None:
            return (whole,)
        for other in (text, resolved(text, folder=folder)):
            if alike := self._spelled.get(normal_name(other)):
                return tuple(self._ids[path] for path in alike)
        if not os.path.isabs(text) and not is_url(text):  # noqa: PTH117 - bytes
            ids = self._ending_in(posixpath.normpath(text.replace(os.fsencode(os.sep), b"/")))
            if ids or b"\\" not in text:
                return ids
            # Written on Windows, where the sounds may lie in other folders: the last ones and the name count.
            parts = text.replace(b"\\", b"/").split(b"/")
            return next((ids for n in range(len(parts)) if (ids := self._ending_in(b"/".join(parts[n:])))), ())
        return ()

    def _ending_in(self, parts: bytes) -> tuple[int, ...]:
        parts = normal_name(parts)
        last = parts.rpartition(b"/")[2]
        ends = [path for path in self._by_last.get(last, ()) if normal_name(path).endswith(b"/" + parts)]
        if not ends:
            by_stem = self._by_stem.get(last, ())
            ends = [path for path in by_stem if normal_name(path).rpartition(b".")[0].endswith(b"/" + parts)]
        return tuple(self._ids[path] for path in ends)


def _texts(column: pa.ChunkedArray) -> Iterable[bytes]:
    for value in column.to_pylist():
        yield b"" if value is None else value.strip() if isinstance(value, bytes) else str(value).strip().encode()


def _places(rows: pa.Table, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the last row [n] of each of `ids` [n], -1 for those that have none."""
    places = dict(zip(rows.column("clip_id").to_pylist(), range(rows.num_rows), strict=True))
    return np.array([places.get(clip_id, -1) for clip_id in ids.tolist()], np.int64)


def _column(rows: pa.Table, lower: str) -> pa.ChunkedArray | None:
    names = [name for name in rows.column_names if name.lower() == lower]
    return rows.column(names[-1]) if names else None


def _taken(column: pa.ChunkedArray | None, places: npt.NDArray[np.int64]) -> pa.ChunkedArray:
    """Take values [n] of a column, null where the place is negative."""
    if column is None:
        return pa.chunked_array([pa.nulls(len(places))])
    return column.take(pa.array(places, pa.int64(), mask=places < 0))
