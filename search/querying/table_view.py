"""Table views: a collection's tables for reading, and Arrow tables as what people work with."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...model.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds

    from ..store.tables import Table


class TableView:
    """A table of a collection, as it stood when the collection was opened; it can only be read.

    Example:
        >>> len(collection.clips)  # doctest: +SKIP
        >>> collection.clips.to_pandas(["path", "duration_s"])  # doctest: +SKIP

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
            CollectionError: If it cannot be read; so do the methods below.
        """
        return self._table.dataset()

    def to_arrow(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Return some of its columns, or all, as an Arrow table."""
        return self._table.read(columns)

    def to_pandas(self, columns: Sequence[str] | None = None) -> Any:
        """Return some of its columns, or all, as a pandas DataFrame."""
        return as_pandas(self.to_arrow(columns))

    def to_polars(self, columns: Sequence[str] | None = None) -> Any:
        """Return some of its columns, or all, as a Polars DataFrame."""
        return as_polars(self.to_arrow(columns))


def as_pandas(table: pa.Table) -> Any:
    """Turn an Arrow table into a pandas DataFrame.

    Raises:
        UsageError: If pandas is not installed.
    """
    _imported("pandas")
    return table.to_pandas()


def as_polars(table: pa.Table) -> Any:
    """Turn an Arrow table into a Polars DataFrame.

    Raises:
        UsageError: If Polars is not installed.
    """
    return _imported("polars").from_arrow(table)


def _imported(library: str) -> Any:
    try:
        return importlib.import_module(library)
    except ImportError as error:
        raise UsageError(
            f"hits and tables become a {library} table where {library} is installed: pip install {library}"
        ) from error
