"""Ranking: the best segment of each of the best clips, whether the index has it already or not."""

import threading
from collections import OrderedDict
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ..index.opening import Index
from ..index.scan import dots
from ..store.schema import embedding_matrix
from ..store.tables import Table
from .hits import Plan
from .rows import SegmentRows

Float = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

# Segments fetched for each clip wanted, at first: most clips have few that come near one query.
_FETCHED_PER_CLIP = 4
_N_KEPT = 16


class Ranking:
    """The segments of an encoding as one searchable whole.

    What the index holds is found by the index, less what has left the table since; what it does not hold yet is
    compared one by one. So nothing is missing, nothing is stale, and without an index everything is exact.

    Attributes:
        rows: The segments.
    """

    def __init__(self, rows: SegmentRows, index: Index | None, *, table: Table, embedding_dim: int) -> None:
        self.rows = rows
        self._index = index
        indexed = np.empty(0, np.int64) if index is None else rows.find(index.segment_ids)
        self._row_at_position = indexed
        self._is_live: Bool = indexed >= 0
        self._all_live = bool(np.all(self._is_live))
        self._positions: OrderedDict[int, tuple[Bool, Bool]] = OrderedDict()
        self._lock = threading.Lock()
        is_fresh = np.ones(len(rows), np.bool_)
        is_fresh[indexed[indexed >= 0]] = False
        self._fresh = np.empty((0, embedding_dim), np.float32)
        self._fresh_rows = np.empty(0, np.int64)
        if not is_fresh.any():
            return
        fresh = table.read_of("segment_id", rows.segment_ids[is_fresh], columns=["segment_id", "embedding"])
        fresh = fresh.sort_by("segment_id")  # of equals at the end of a list, not the one that was written first
        self._fresh = embedding_matrix(fresh.column("embedding"), embedding_dim=embedding_dim)
        self._fresh_rows = rows.find(fresh.column("segment_id").to_numpy())

    def best_of_clips(self, embedding: Float, k: int, *, allowed: Bool | None = None) -> tuple[Float, Int]:
        """Find the clips nearest to a query by their best segments.

        Args:
            embedding: The query [embedding_dim], unit length.
            k: Clips wanted, at least 1.
            allowed: Whether each row may be returned [n_segments]; None for all.

        Returns:
            Scores and rows [m], best first, one row a clip, m the smaller of `k` and the number of clips allowed.
        """
        n_allowed = len(self.rows) if allowed is None else int(np.count_nonzero(allowed))
        n = min(n_allowed, k * _FETCHED_PER_CLIP)
        while True:
            scores, rows = self._nearest(embedding, n, allowed, n_sure=min(k, n))
            order = self._ordered(scores, rows)
            firsts = np.sort(np.unique(self.rows.clip_ids[rows[order]], return_index=True)[1])
            if len(firsts) >= k or n >= n_allowed:
                best = order[firsts[:k]]
                return scores[best], rows[best]
            n = min(n_allowed, n * _FETCHED_PER_CLIP)

    def best_segments(self, embedding: Float, n: int, *, allowed: Bool | None = None) -> tuple[Float, Int]:
        """Find the segments nearest to a query, however many of one clip.

        Args:
            embedding: The query [embedding_dim], unit length.
            n: Segments wanted, at least 1.
            allowed: Whether each row may be returned [n_segments]; None for all.

        Returns:
            Scores and rows [m], best first, m the smaller of `n` and the number of segments allowed.
        """
        scores, rows = self._nearest(embedding, n, allowed, n_sure=n)
        order = self._ordered(scores, rows)
        return scores[order], rows[order]

    def plan(self, n: int, *, allowed: Bool | None = None) -> Plan:
        """Return how a search would go about it.

        Args:
            n: Segments wanted, at least 1.
            allowed: Whether each row may be returned [n_segments]; None for all.
        """
        n_allowed = len(self.rows) if allowed is None else int(np.count_nonzero(allowed))
        fresh = self._fresh_rows if allowed is None else self._fresh_rows[allowed[self._fresh_rows]]
        nlist, nprobe = None, None
        if self._index is not None:
            nlist, nprobe = self._index.nlist, self._index.nprobe(n, n_allowed=n_allowed - len(fresh))
        return Plan(
            kind="exact" if nprobe is None else "index",
            n_segments=len(self.rows),
            n_allowed=n_allowed,
            n_fresh=len(fresh),
            nlist=nlist,
            nprobe=nprobe,
        )

    def embeddings(self, rows: Int) -> Float:
        """Return the embeddings [m, embedding_dim] of rows [m]."""
        places = self._place_of_row[rows]
        found = np.empty((len(rows), self._fresh.shape[1]), np.float32)
        is_fresh = places < 0
        found[is_fresh] = self._fresh[-1 - places[is_fresh]]
        if self._index is not None:
            found[~is_fresh] = self._index.embeddings(places[~is_fresh])
        return found

    @cached_property
    def _place_of_row(self) -> Int:
        """Position in the index of each row [n_segments]; of a fresh one, -1 less its place among the fresh."""
        places = np.empty(len(self.rows), np.int64)
        is_live = self._row_at_position >= 0
        places[self._row_at_position[is_live]] = np.flatnonzero(is_live)
        places[self._fresh_rows] = -1 - np.arange(len(self._fresh_rows))
        return places

    def _ordered(self, scores: Float, rows: Int) -> Int:
        """Order best first; ties in a fixed order, by clip, then by time."""
        order: Int = np.lexsort((self.rows.start_s[rows], self.rows.clip_ids[rows], -scores))
        return order

    def _nearest(self, embedding: Float, n: int, allowed: Bool | None, *, n_sure: int) -> tuple[Float, Int]:
        """Return scores and rows [m] of the nearest segments, unordered between index and fresh ones."""
        fresh = np.arange(len(self._fresh_rows)) if allowed is None else np.flatnonzero(allowed[self._fresh_rows])
        scores = dots(self._fresh if allowed is None else self._fresh[fresh], embedding)
        rows = self._fresh_rows[fresh]
        if self._index is not None:
            found, positions = self._index.search(embedding, n, n_sure=n_sure, allowed=self._allowed_positions(allowed))
            scores, rows = np.concatenate([scores, found]), np.concatenate([rows, self._row_at_position[positions]])
        if len(scores) > n:
            nearest = np.argpartition(-scores, n - 1)[:n]
            scores, rows = scores[nearest], rows[nearest]
        return scores, rows

    def _allowed_positions(self, allowed: Bool | None) -> Bool | None:
        """Carry a filter over to the positions of the index; those of the last few filters are remembered."""
        if allowed is None:
            return None if self._all_live else self._is_live
        with self._lock:
            kept = self._positions.get(id(allowed))
        if kept is not None:
            return kept[1]
        positions = self._is_live & allowed[self._row_at_position]
        if not allowed.flags.writeable:  # as long as it is held here, its id is no other's
            with self._lock:
                self._positions[id(allowed)] = (allowed, positions)
                while len(self._positions) > _N_KEPT:
                    self._positions.popitem(last=False)
        return positions
