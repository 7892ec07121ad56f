"""Mapping: a two-dimensional map of a collection, made once and kept in it."""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...model.errors import CollectionError
from ...model.paths import readable_path
from ...search import Collection
from ...search.map import MAP_ANNEX
from ...search.store.annexes import read_annex
from ...search.store.schema import embedding_matrix
from ..writing.annexes import write_annex
from .layout import N_FITTED, Components, by_components, by_neighbourhoods, check_method, placed_among

Float = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]

_N_BATCH = 8_192
_N_SAMPLED = 50_000
# More than so many of a map's clips placed beside the others, and it is laid out anew.
_MAX_PLACED = 0.25

MAP = pa.schema(
    [
        pa.field("clip_id", pa.int64(), nullable=False),
        pa.field("x", pa.float32(), nullable=False),  # -1 to 1, as y
        pa.field("y", pa.float32(), nullable=False),
        pa.field("method", pa.string(), nullable=False),
        pa.field("is_placed", pa.bool_(), nullable=False),  # among the others, after the map was laid out
        pa.field("mapped_at", pa.timestamp("us", "UTC"), nullable=False),
    ]
)


@dataclass(frozen=True)
class MapReport:
    """What a map was made of.

    Attributes:
        collection: The collection's folder.
        method: How it is laid out: "pca" or "umap".
        n_clips: Clips on it.
        n_new: Clips that were not on it before, or that have changed since.
        n_placed: Clips that were placed among the others instead of being laid out with them.
        elapsed_s: Seconds it took.
    """

    collection: Path
    method: str
    n_clips: int
    n_new: int
    n_placed: int
    elapsed_s: float

    def to_json(self) -> dict[str, object]:
        """Return the report as plain values that JSON can hold."""
        return {
            "collection": readable_path(self.collection),
            "method": self.method,
            "n_clips": self.n_clips,
            "n_new": self.n_new,
            "n_placed": self.n_placed,
            "elapsed_s": round(self.elapsed_s, 3),
        }


def map_collection(
    collection: str | os.PathLike[str],
    *,
    method: str | None = None,
    again: bool = False,
    progress: Callable[[str, float], None] | None = None,
) -> MapReport:
    """Lay the clips of a collection out on a plane, those that sound alike together, and keep the map in it.

    A clip lies where the mean of its segments lies. The map is the annex `map`, a table in SQL: `clip_id, x, y` and how
    they came about. A map that is there gets what is new: by PCA all is computed again, which is quick and moves
    little; by UMAP new clips are placed among the old, which stay, until they are more than a quarter. Of a large
    collection, 20,000 clips are laid out by UMAP and the others placed among them.

    Args:
        collection: The collection's folder.
        method: "pca", or "umap" where umap-learn is installed; None for the method of the map that is there, or else
            for UMAP where it is installed and PCA where it is not.
        again: Whether to lay out everything anew.
        progress: Called with what is being done and what share of it is done.

    Returns:
        What was done.

    Raises:
        UsageError: If there is no such method, or it is not installed.
        CollectionError: If the collection cannot be read, is being written by another run, or cannot be written.
    """
    started_s = time.monotonic()
    opened = Collection.open(collection)
    old = _Old.read(opened)
    method = check_method(old.method if method is None and old is not None and _is_there(old.method) else method)
    progress = progress or (lambda _what, _share: None)
    if old is not None and (again or old.method != method):
        old = None
    clip_ids, is_new = _clips(opened, old)
    n_placed = 0 if old is None else int(np.count_nonzero(old.is_placed))
    if old is None or is_new.any():
        read = _Reading(opened, clip_ids, progress)
        if old is not None and method == "umap" and np.count_nonzero(is_new) + n_placed <= _MAX_PLACED * len(clip_ids):
            rows = _added_to(old, read.reduced(), clip_ids, is_new, progress)
        else:
            rows = _laid_out(method, read.reduced(), clip_ids, progress)
        n_placed = int(np.count_nonzero(rows.column("is_placed").to_numpy()))
        write_annex(opened.path, MAP_ANNEX, rows)
    progress("done", 1.0)
    return MapReport(
        collection=opened.path,
        method=method,
        n_clips=len(clip_ids),
        n_new=int(np.count_nonzero(is_new)),
        n_placed=n_placed,
        elapsed_s=time.monotonic() - started_s,
    )


@dataclass(frozen=True)
class _Old:
    """The map that is there: its clips, by id [n], and how it was made."""

    clip_ids: Int
    places: Float
    is_placed: npt.NDArray[np.bool_]
    method: str
    mapped_at: datetime.datetime

    @classmethod
    def read(cls, collection: Collection) -> _Old | None:
        table = read_annex(collection.path, collection.manifest, MAP_ANNEX)
        rows = None if table is None else table.read()
        if rows is None or not rows.num_rows or not set(MAP.names) <= set(rows.column_names):
            return None
        rows = rows.sort_by("clip_id")
        return cls(
            rows.column("clip_id").to_numpy(),
            np.stack([rows.column("x").to_numpy(), rows.column("y").to_numpy()], axis=1),
            rows.column("is_placed").to_numpy(),
            rows.column("method")[0].as_py(),
            max(rows.column("mapped_at").to_pylist()),
        )


def _is_there(method: str) -> bool:
    """Return whether a map can still be made as it was: where not, it is made as it can be."""
    return method == "pca" or check_method(None) == method


def _clips(collection: Collection, old: _Old | None) -> tuple[Int, npt.NDArray[np.bool_]]:
    """Return the ids of the collection's clips in order [n], and whether each is new to the map or has changed [n]."""
    rows = collection.clips.to_arrow(["clip_id", "indexed_at"]).sort_by("clip_id")
    clip_ids: Int = rows.column("clip_id").to_numpy()
    if old is None:
        return clip_ids, np.ones(len(clip_ids), np.bool_)
    # Rounded up: what was indexed in the second of the map may be newer than it.
    indexed_at = rows.column("indexed_at").to_numpy()
    mapped_at = np.datetime64(old.mapped_at.replace(tzinfo=None), "us")
    return clip_ids, ~np.isin(clip_ids, old.clip_ids) | (indexed_at > mapped_at)


class _Reading:
    """The segments of a collection, read in bounded memory: what is kept of a clip are 32 numbers."""

    def __init__(self, collection: Collection, clip_ids: Int, progress: Callable[[str, float], None]) -> None:
        manifest = collection.manifest
        self._table = collection.encoding.table
        self._embedding_dim, self._n_segments = manifest.encoding.embedding_dim, manifest.encoding.n_segments
        self._clip_ids, self._progress = clip_ids, progress

    def reduced(self) -> Float:
        """Return the mean of each clip's segments in the principal components [n_clips, n_components]."""
        components = Components(self._sample(), embedding_dim=self._embedding_dim)
        total = np.zeros((len(self._clip_ids), components.axes.shape[1]), np.float32)
        n_segments = np.zeros(len(self._clip_ids), np.int32)
        for of, embeddings in self._batches("reading"):
            places = np.searchsorted(self._clip_ids, of)
            if (self._clip_ids[np.minimum(places, len(self._clip_ids) - 1)] != of).any():
                raise CollectionError("the collection is damaged: it has segments of clips that it does not have")
            np.add.at(total, places, components(embeddings))
            np.add.at(n_segments, places, 1)
        total /= np.maximum(n_segments, 1)[:, None]
        return total

    def _sample(self) -> Iterator[Float]:
        """Take every so manieth segment, so that they are at most some 50,000."""
        step = -(-self._n_segments // _N_SAMPLED) if self._n_segments else 1
        first = 0
        for _, embeddings in self._batches("comparing"):
            yield embeddings[(-first) % step :: step]
            first += len(embeddings)

    def _batches(self, what: str) -> Iterator[tuple[Int, Float]]:
        n_read = 0
        for batch in self._table.batches(["clip_id", "embedding"], n_batch=_N_BATCH):
            self._progress(what, n_read / max(self._n_segments, 1))
            n_read += batch.num_rows
            column = pa.chunked_array([batch.column("embedding")])
            yield batch.column("clip_id").to_numpy(), embedding_matrix(column, embedding_dim=self._embedding_dim)


def _laid_out(method: str, reduced: Float, clip_ids: Int, progress: Callable[[str, float], None]) -> pa.Table:
    """Lay all clips out."""
    is_placed = np.zeros(len(clip_ids), np.bool_)
    progress("laying out", 0.0)
    if method == "pca":
        return _rows(clip_ids, by_components(reduced), is_placed, method)
    is_placed[:] = True
    is_placed[:: -(-len(clip_ids) // N_FITTED) if len(clip_ids) else 1] = False  # ids are hashes: a fair sample
    places = np.empty((len(clip_ids), 2), np.float32)
    places[~is_placed] = by_neighbourhoods(reduced[~is_placed])
    places[is_placed] = _placed(reduced[is_placed], reduced[~is_placed], places[~is_placed], progress)
    # Placed as part of the layout: only what comes later counts against it.
    return _rows(clip_ids, places, np.zeros(len(clip_ids), np.bool_), method)


def _added_to(
    old: _Old, reduced: Float, clip_ids: Int, is_new: npt.NDArray[np.bool_], progress: Callable[[str, float], None]
) -> pa.Table:
    """Keep the places of the clips that are on the map, and place the others among them."""
    at = np.minimum(np.searchsorted(old.clip_ids, clip_ids), len(old.clip_ids) - 1)
    places = old.places[at]
    is_placed = np.where(is_new, True, old.is_placed[at])
    known = np.flatnonzero(~is_new)
    known = known[:: -(-len(known) // N_FITTED)]
    places[is_new] = _placed(reduced[is_new], reduced[known], places[known], progress)
    return _rows(clip_ids, places, is_placed, old.method)


def _placed(reduced: Float, fitted: Float, places: Float, progress: Callable[[str, float], None]) -> Float:
    found = [np.empty((0, 2), np.float32)]
    n = 0
    for part in placed_among(reduced, fitted, places):
        found.append(part)
        n += len(part)
        progress("placing", n / len(reduced))
    return np.concatenate(found)


def _rows(clip_ids: Int, places: Float, is_placed: npt.NDArray[np.bool_], method: str) -> pa.Table:
    n = len(clip_ids)
    columns = [
        pa.array(clip_ids),
        pa.array(places[:, 0]),
        pa.array(places[:, 1]),
        pa.array([method] * n, pa.string()),
        pa.array(is_placed),
        pa.array([datetime.datetime.now(datetime.UTC)] * n, pa.timestamp("us", "UTC")),
    ]
    return pa.Table.from_arrays(columns, schema=MAP)
