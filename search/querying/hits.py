"""Hits: the answer to a query, best first, with what there is to say about it as a whole."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

from ...model.audio.indexed_clip import IndexedClip
from ...model.errors import UsageError
from .hit import Hit
from .plan import Plan

if TYPE_CHECKING:
    import pyarrow as pa

Files = Callable[[int], IndexedClip | None]
"""What returns the file of a clip as it was indexed, by the clip's id."""

NOTHING_BELOW = 5.0
"""Where the best hit's calibrated score is lower than this, nothing here sounds like what was asked."""


@dataclass(frozen=True)
class Explanation:
    """How a search went.

    Attributes:
        plan: How the nearest segments were looked for.
        query_ms: Time that the query took to become an embedding.
        filter_ms: Time that the filter took; next to nothing if it was asked before.
        ranking_ms: Time that finding, ordering and looking up the hits took.
    """

    plan: Plan
    query_ms: float
    filter_ms: float
    ranking_ms: float


class Hits(list[Hit]):
    """The hits of one search, best first: a list, and a table; in a notebook, a table with players.

    Example:
        >>> hits = collection.search("a dog barking")  # doctest: +SKIP
        >>> hits[:3].to_pandas()[["score", "path", "start_s"]]  # doctest: +SKIP

    Attributes:
        explanation: How the search went, where that was asked for.
    """

    def __init__(
        self, hits: Iterable[Hit] = (), *, explanation: Explanation | None = None, files: Files | None = None
    ) -> None:
        super().__init__(hits)
        self.explanation = explanation
        self._files = files

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: the hits and their explanation, not the collection."""
        return vars(self) | {"_files": None}

    @overload
    def __getitem__(self, index: SupportsIndex) -> Hit: ...
    @overload
    def __getitem__(self, index: slice) -> Hits: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Hit | Hits:
        """Return a hit, or some of them as `Hits`."""
        if isinstance(index, slice):
            return Hits(super().__getitem__(index), explanation=self.explanation, files=self._files)
        return super().__getitem__(index)

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
        return _converted(self.to_arrow(), "pandas", lambda _pandas, table: table.to_pandas())

    def to_polars(self) -> Any:
        """Return the hits as a Polars DataFrame.

        Raises:
            UsageError: If Polars is not installed.
        """
        return _converted(self.to_arrow(), "polars", lambda polars, table: polars.from_arrow(table))

    def _repr_html_(self) -> str:
        from .notebook import html_of

        return html_of(self, self._files)

    @property
    def nothing_like_it(self) -> bool:
        """Whether even the best hit is no better than what any description finds here; False where none can tell."""
        # A later page, or a hit that was found by its words, says nothing about the best sound.
        if not self or self[0].rank != 1 or any(hit.text_rank is not None for hit in self):
            return False
        best = max((hit.calibrated for hit in self if hit.calibrated is not None), default=None)
        return best is not None and best < NOTHING_BELOW


def _converted(table: pa.Table, library: str, convert: Callable[[Any, pa.Table], Any]) -> Any:
    try:
        module = importlib.import_module(library)
    except ImportError as error:
        raise UsageError(
            f"hits become a {library} table where {library} is installed: pip install {library}"
        ) from error
    return convert(module, table)
