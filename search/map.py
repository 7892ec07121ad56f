"""Map: a collection's clips on a plane, as the indexer laid them out, for looking at and for searching inside."""

from __future__ import annotations

import itertools
import posixpath
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..model.errors import QueryError
from .collection import Collection
from .querying.query import Query
from .sql.views import quoted

MAP_ANNEX: Final = "map"
MAX_CORNERS: Final = 64
OTHERS: Final = "others"
NOTHING: Final = "none"

Float = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]
Corner = tuple[float, float]

_N_GROUPS = 9
_N_TYPICAL = 16
_N_CELLS = 400
_FOLDER: Final = "folder"
# Columns of every collection that say something about a clip as a whole; the user's own come before them.
_OF_OURS = ("codec", "sampling_rate_hz", "n_channels", "duration_s", "rms_dbfs", "artist", "album", "genre")
_NOT_GROUPED = frozenset(
    {"clip_id", "path", "path_bytes", "size_bytes", "mtime_ns", "content_hash", "container", "peak_dbfs", "title"}
    | {"comment", "tags", "n_segments", "indexed_at"}
)


@dataclass(frozen=True)
class Group:
    """Clips that have a colour in common.

    Attributes:
        name: What they have in common, in words.
        n_clips: How many they are.
    """

    name: str
    n_clips: int


@dataclass(frozen=True)
class Plane:
    """Clips on the map of a collection.

    Attributes:
        clip_ids: The clips [n].
        places: Where they lie [n, 2], each coordinate from -1 to 1.
        group_of: The place of each one's group among the groups [n]; -1 where nothing is known of it.
        groups: The groups, the largest first or the smallest value first, the rest last.
        n_clips: Clips on the map; those that were thinned out included.
        n_missing: Clips of the collection that are not on the map yet.
        method: How it was laid out: "pca" or "umap".
        paths: Paths of the clips, as people read them.
        durations_s: Their lengths [n].
        is_scale: Whether the groups are steps of a scale, and not names.
    """

    clip_ids: Int
    places: Float
    group_of: npt.NDArray[np.int8]
    groups: tuple[Group, ...]
    n_clips: int
    n_missing: int
    method: str
    paths: tuple[str, ...]
    durations_s: Float
    is_scale: bool


def has_map(collection: Collection) -> bool:
    """Return whether a collection has a map."""
    return MAP_ANNEX in collection.manifest.annexes


def colour_columns(collection: Collection) -> list[str]:
    """List what the clips of a map can be coloured by: the label, the folder, the user's columns, and a few of ours.

    Raises:
        QueryError: If the collection's tables cannot be read.
    """
    names = collection.sql("FROM clips LIMIT 0").column_names
    label = ["label"] if "label" in names else []
    own = [name for name in names if name not in (*_OF_OURS, *_NOT_GROUPED, "label")]
    return [*label, _FOLDER, *own, *(name for name in _OF_OURS if name in names)]


def read_plane(
    collection: Collection, *, colour: str | None = None, most: int = 20_000, always: Sequence[int] = ()
) -> Plane:
    """Read the map of a collection.

    Args:
        collection: The collection.
        colour: One of `colour_columns`, by which clips are grouped; None for one group.
        most: How many clips to give at most; of more, the crowded places are thinned, and always alike.
        always: Ids of clips that are not thinned out.

    Raises:
        QueryError: If the collection has no map, or no such column.
    """
    if not has_map(collection):
        raise QueryError("the collection has no map yet: soundgrep map makes it")
    if colour is not None and colour not in colour_columns(collection):
        raise QueryError(f"there is no column {colour!r} to colour the map by")
    shown = "NULL" if colour is None else "path" if colour == _FOLDER else quoted(colour)
    rows = collection.sql(
        f"SELECT m.clip_id, m.x, m.y, m.method, path, duration_s, {shown} AS shown"  # noqa: S608 - a column's name
        " FROM map AS m JOIN clips USING (clip_id) ORDER BY m.clip_id"
    )
    clip_ids: Int = rows.column("clip_id").to_numpy()
    places = np.stack([rows.column("x").to_numpy(), rows.column("y").to_numpy()], axis=1).astype(np.float32)
    column = rows.column("shown")
    is_scale = colour != _FOLDER and _is_scale(column)
    if colour == _FOLDER:
        group_of, groups = _by_name(pa.chunked_array([_folders(column.to_pylist())], pa.string()))
    elif is_scale:
        group_of, groups = _by_size(column)
    else:
        group_of, groups = _by_name(column)
    kept = _thinned(clip_ids, places, most=most, always=always)
    return Plane(
        clip_ids=clip_ids[kept],
        places=places[kept],
        group_of=group_of[kept],
        groups=groups,
        n_clips=len(clip_ids),
        n_missing=collection.n_clips - len(clip_ids),
        method=rows.column("method")[0].as_py() if len(clip_ids) else "",
        paths=tuple(rows.column("path").take(pa.array(kept)).to_pylist()),
        durations_s=rows.column("duration_s").to_numpy()[kept].astype(np.float32),
        is_scale=is_scale,
    )


def inside(corners: Sequence[Corner]) -> str:
    """Write the filter that keeps the clips inside a polygon on the map, for `where`.

    A clip is inside if a line from it to the right crosses the outline an odd number of times (the even-odd rule).

    Args:
        corners: The corners in order, 3 to 64.

    Raises:
        QueryError: If they are fewer or more, or not numbers.
    """
    if not 3 <= len(corners) <= MAX_CORNERS:
        raise QueryError(f"an area of the map has 3 to {MAX_CORNERS} corners, not {len(corners)}")
    numbers = np.array(corners, np.float64)
    if numbers.shape != (len(corners), 2) or not np.isfinite(numbers).all():
        raise QueryError("the corners of an area of the map are pairs of numbers")
    crossings = []
    for (x1, y1), (x2, y2) in zip(numbers.tolist(), [*numbers.tolist()[1:], numbers.tolist()[0]], strict=True):
        if y1 != y2:
            slope = (x2 - x1) / (y2 - y1)
            crossings.append(f"CAST(({y1!r} > y) <> ({y2!r} > y) AND x < {slope!r} * (y - {y1!r}) + {x1!r} AS INTEGER)")
    left, low = numbers.min(axis=0).tolist()
    right, high = numbers.max(axis=0).tolist()
    return (
        f"clip_id IN (SELECT clip_id FROM map WHERE x BETWEEN {left!r} AND {right!r}"  # noqa: S608 - numbers
        f" AND y BETWEEN {low!r} AND {high!r} AND ({' + '.join(crossings) or '0'}) % 2 = 1)"
    )


def centre_of(collection: Collection, corners: Sequence[Corner]) -> Query:
    """Make a query of what lies in the middle of an area of the map, so that what is typical of it comes first.

    Raises:
        QueryError: If nothing lies in it, or it is no area.
    """
    middle = np.array(corners, np.float64).mean(axis=0).tolist()
    rows = collection.sql(
        f"SELECT clip_id FROM clips JOIN map USING (clip_id) WHERE {inside(corners)}"  # noqa: S608 - numbers
        f" ORDER BY (x - $x) ** 2 + (y - $y) ** 2, clip_id LIMIT {_N_TYPICAL}",
        values={"x": middle[0], "y": middle[1]},
    )
    clips = rows.column("clip_id").to_pylist()
    if not clips:
        raise QueryError("there is no clip in this area of the map")
    # By their sum: each by itself would be left out of the hits.
    embeddings = [one.embedding for one in collection.encoding.embed([Query.like(clip) for clip in clips])]
    return Query.embedding(np.sum(embeddings, axis=0))


def _is_scale(column: pa.ChunkedArray) -> bool:
    """Return whether a column is of numbers that are many, which are grouped by size."""
    is_number = (
        pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_decimal(column.type)
    )
    return is_number and len(column.unique()) > _N_GROUPS


def _folders(paths: Sequence[str]) -> list[str]:
    """Return the folder of each path, from where the paths begin to differ, one level of it."""
    folders = [posixpath.dirname(path) for path in paths]
    common = posixpath.commonpath(folders) if folders and all(one[:1] == "/" for one in folders) else ""
    below = [folder.removeprefix(common).lstrip("/").partition("/")[0] for folder in folders]
    return [name or f"{posixpath.basename(common) or '/'} itself" for name in below]


def _by_name(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.int8], tuple[Group, ...]]:
    names = [None if value is None else str(value) for value in column.to_pylist()]
    counts = Counter(name for name in names if name is not None and name.strip())
    common = sorted(counts, key=lambda name: (-counts[name], name))
    if len(common) > _N_GROUPS:
        common = common[: _N_GROUPS - 1]
    place = {name: number for number, name in enumerate(common)}
    n_others = sum(counts.values()) - sum(counts[name] for name in common)
    groups = [Group(name, counts[name]) for name in common]
    if n_others:
        groups.append(Group(OTHERS, n_others))
    of = [-1 if name is None or name not in counts else place.get(name, len(common)) for name in names]
    return np.array(of, np.int8), tuple(groups)


def _by_size(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.int8], tuple[Group, ...]]:
    """Group by size, as many clips in each group."""
    values = np.array([np.nan if value is None else float(value) for value in column.to_pylist()])
    known = np.isfinite(values)
    edges = np.unique(np.quantile(values[known], np.linspace(0, 1, _N_GROUPS - 1)))
    of = np.where(known, np.clip(np.searchsorted(edges, values, side="right") - 1, 0, max(len(edges) - 2, 0)), -1)
    names = [f"{low:.4g} to {high:.4g}" for low, high in itertools.pairwise(edges.tolist())]
    counts = np.bincount(of[known].astype(np.int64), minlength=len(names))
    groups = tuple(Group(name, int(n)) for name, n in zip(names, counts.tolist(), strict=True))
    return of.astype(np.int8), groups


def _thinned(clip_ids: Int, places: Float, *, most: int, always: Sequence[int]) -> Int:
    """Choose clips [m] so that what stands alone stays and crowds are thinned."""
    n = len(clip_ids)
    if n <= most:
        return np.arange(n)
    cells = np.clip(((places + 1) * (_N_CELLS / 2)).astype(np.int64), 0, _N_CELLS - 1)
    cell = cells[:, 0] * _N_CELLS + cells[:, 1]
    # Ids are hashes: by them the order within a cell is as good as drawn. The first of every cell come before the
    # second of any.
    order = np.lexsort((clip_ids, cell))
    first = np.flatnonzero(np.concatenate([[True], cell[order][1:] != cell[order][:-1]]))
    turn = np.arange(n) - np.repeat(first, np.diff(np.append(first, n)))
    chosen = order[np.lexsort((clip_ids[order], turn))[:most]]
    return np.unique(np.concatenate([chosen, np.flatnonzero(np.isin(clip_ids, np.array(always, np.int64)))]))
