"""Hits: the answer to a query, best first, with what there is to say about it as a whole."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex, overload

from ...model.audio.indexed_clip import IndexedClip
from ...model.errors import UsageError
from .hit import Hit

if TYPE_CHECKING:
    import pyarrow as pa

Files = Callable[[int], IndexedClip | None]
"""What returns the file of a clip as it was indexed, by the clip's id."""

NOTHING_BELOW = 5.0
"""Where the best hit's calibrated score is lower than this, nothing here sounds like the query."""


@dataclass(frozen=True)
class Plan:
    """How a search over the segments goes about it.

    Attributes:
        kind: "exact" compares every segment that is allowed; "index" visits the most promising cells.
        n_segments: Segments in the collection.
        n_allowed: Segments that the filter leaves; all of them where there is none.
        n_fresh: Of those, segments that the index does not hold yet; they are always compared.
        nlist: Cells of the index; None where there are none.
        nprobe: Cells to visit; None where the search is exact.
    """

    kind: Literal["exact", "index"]
    n_segments: int
    n_allowed: int
    n_fresh: int
    nlist: int | None = None
    nprobe: int | None = None

    @classmethod
    def joined(cls, plans: Sequence[Plan]) -> Plan:
        """Sum up the plans of searches that one answer is made of."""
        cells = [plan for plan in plans if plan.nlist is not None]
        visited = [plan.nprobe for plan in plans if plan.nprobe is not None]
        return cls(
            kind="index" if visited else "exact",
            n_segments=sum(plan.n_segments for plan in plans),
            n_allowed=sum(plan.n_allowed for plan in plans),
            n_fresh=sum(plan.n_fresh for plan in plans),
            nlist=sum(plan.nlist or 0 for plan in cells) if cells else None,
            nprobe=sum(visited) if visited else None,
        )


@dataclass(frozen=True)
class Explanation:
    """How a search went.

    Attributes:
        plan: How the nearest segments were looked for.
        query_ms: Time that the query, or all that were given at once, took to become an embedding.
        filter_ms: Time that the filter took; next to nothing if it was used before.
        ranking_ms: Time that finding, ordering and looking up the hits took.
        parts: Where several encoders or collections were searched, how each search went (of an encoder, the one that
            went deepest), by their names; the fields above are sums of these.
    """

    plan: Plan
    query_ms: float
    filter_ms: float
    ranking_ms: float
    parts: Mapping[str, Explanation] = field(default_factory=dict)

    @classmethod
    def joined(cls, parts: Mapping[str, Explanation]) -> Explanation | None:
        """Sum up the searches that one answer is made of; None if there are none."""
        some = parts.values()
        if not some:
            return None
        return cls(
            Plan.joined([part.plan for part in some]),
            query_ms=sum(part.query_ms for part in some),
            filter_ms=sum(part.filter_ms for part in some),
            ranking_ms=sum(part.ranking_ms for part in some),
            parts=parts,
        )


class Hits(list[Hit]):
    """The hits of one search, best first: a list, and a table; in a notebook, a table with players.

    Example:
        >>> hits = collection.search("a dog barking")  # doctest: +SKIP
        >>> hits[:3].to_pandas()[["score", "path", "start_s"]]  # doctest: +SKIP

    Attributes:
        explanation: How the search went, where the request wanted to know.
        files: What returns a clip's file as it was indexed, by its id; None where the collection is not at hand.
    """

    def __init__(
        self, hits: Iterable[Hit] = (), *, explanation: Explanation | None = None, files: Files | None = None
    ) -> None:
        super().__init__(hits)
        self.explanation = explanation
        self.files = files

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: the hits and their explanation, not the collection."""
        return vars(self) | {"files": None}

    @overload
    def __getitem__(self, index: SupportsIndex) -> Hit: ...
    @overload
    def __getitem__(self, index: slice) -> Hits: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Hit | Hits:
        """Return a hit, or some of them as `Hits`."""
        if isinstance(index, slice):
            return Hits(super().__getitem__(index), explanation=self.explanation, files=self.files)
        return super().__getitem__(index)

    def page(self, offset: int, k: int) -> Hits:
        """Return the `k` hits after the first `offset`, ranked by where they stand here."""
        page = self[offset : offset + k]
        ranked = (replace(hit, rank=rank) for rank, hit in enumerate(page, start=offset + 1))
        return Hits(ranked, explanation=self.explanation)

    def to_list(self) -> list[dict[str, Any]]:
        """Return the hits as plain values, a dictionary each, with the columns of `to_arrow`."""
        return [hit.to_row() for hit in self]

    def to_arrow(self) -> pa.Table:
        """Return the hits as an Arrow table, a row each.

        Returns:
            Columns `rank, score, calibrated, path, start_s, end_s, duration_s, clip_id, segment_id, spans, folded,
            text_rank, encoder`; ids are int64, and there are columns even where there are no hits.
        """
        import pyarrow as pa

        number, text = pa.float64(), pa.string()
        span = pa.struct([("start_s", number), ("end_s", number), ("score", number)])
        types = {
            **dict.fromkeys(("rank", "clip_id", "segment_id", "text_rank"), pa.int64()),
            **dict.fromkeys(("path", "encoder"), text),
            "spans": pa.list_(span),
            "folded": pa.list_(text),
        }
        schema = pa.schema([(name, types.get(name, number)) for name in Hit.COLUMNS])
        return pa.Table.from_pylist(self.to_list(), schema=schema)

    def to_pandas(self) -> Any:
        """Return the hits as a pandas DataFrame.

        Raises:
            UsageError: If pandas is not installed.
        """
        _imported("pandas")
        return self.to_arrow().to_pandas()

    def to_polars(self) -> Any:
        """Return the hits as a Polars DataFrame.

        Raises:
            UsageError: If Polars is not installed.
        """
        return _imported("polars").from_arrow(self.to_arrow())

    def _repr_html_(self) -> str:
        from .notebook import html_of

        return html_of(self, self.files)

    @property
    def nothing_like_it(self) -> bool:
        """Whether even the best hit is no better than what any description finds here; False where none can tell."""
        # A later page, or a hit that was found by its words, says nothing about the best sound.
        if not self or self[0].rank != 1 or any(hit.text_rank is not None for hit in self):
            return False
        best = max((hit.calibrated for hit in self if hit.calibrated is not None), default=None)
        return best is not None and best < NOTHING_BELOW


def _imported(library: str) -> Any:
    try:
        return importlib.import_module(library)
    except ImportError as error:
        raise UsageError(
            f"hits become a {library} table where {library} is installed: pip install {library}"
        ) from error
