"""Table view: a collection's table for reading."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds

    from ..store.tables import Table


class TableView:
    """A table of a collection, as it stood when the collection was opened; it can only be read.

    Example:
        >>> len(collection.clips)  # doctest: +SKIP
        >>> collection.clips.to_arrow(["path", "duration_s"]).to_pandas()  # doctest: +SKIP

    Args:
        table: The table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def __len__(self) -> int:
        return self._table.n_rows

    def __repr__(self) -> str:
        return f"TableView({', '.join(self.column_names)}; {len(self):,} rows)"

    @property
    def column_names(self) -> list[str]:
        """Names of its columns."""
        return self._table.column_names

    def dataset(self) -> ds.Dataset:
        """Return it as a PyArrow dataset, which reads only the rows and columns that are needed.

        Raises:
            CollectionError: If it cannot be read; so does `to_arrow`.
        """
        return self._table.dataset()

    def to_arrow(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Read some of its columns, or all, into an Arrow table, which turns into one of pandas or Polars."""
        return self._table.read(columns)
