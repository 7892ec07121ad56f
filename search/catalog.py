"""Catalog: SQL over a collection's tables, which can read them and nothing else."""

import contextlib
from collections.abc import Iterator

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.dataset as ds

from ..model.errors import QueryError

# No files, no network, no extensions, no variables of the calling program, and no way to turn any of it on again.
_CONFINED: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
    "lock_configuration": "true",
}
_READING = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)


class Catalog:
    """The tables of a collection as the views `clips` and `segments` of a confined DuckDB.

    Every question gets a database of its own in memory, so threads can ask at the same time and nothing is kept.
    """

    def __init__(self, *, clips: ds.Dataset, segments: ds.Dataset) -> None:
        self._clips = clips
        self._segments = segments

    def sql(self, query: str) -> pa.Table:
        """Answer a SQL query.

        Args:
            query: One SELECT in DuckDB's dialect; WITH, FROM, VALUES, DESCRIBE, SHOW, SUMMARIZE and EXPLAIN work too.

        Returns:
            The rows.

        Raises:
            QueryError: If the statement is malformed, is not one reading statement, names something unknown, or reaches
                for a file, the network or an extension.
        """
        _check_text(query, "the SQL query")
        with self._connected() as connection, _told("the SQL query"):
            statements = connection.extract_statements(query)
            if len(statements) != 1:
                raise QueryError(f"the SQL query must be one statement, not {len(statements)}")
            if statements[0].type not in _READING:
                raise QueryError(
                    f"the SQL query can only read: {statements[0].type.name} statements are refused, use SELECT"
                )
            rows = connection.sql(query)
            return pa.table({}) if rows is None else rows.to_arrow_table()

    def clip_ids_where(self, where: str) -> npt.NDArray[np.int64]:
        """List the clips that a filter keeps.

        Args:
            where: A SQL expression over the columns of `clips`, as after WHERE.

        Returns:
            Ids [n], unordered.

        Raises:
            QueryError: If it is not one expression, names an unknown column, or reaches for anything but the tables.
        """
        _check_text(where, "the filter")
        with self._connected() as connection, _told("the filter"):
            # Read alone first: what is one expression by itself cannot close the brackets around it below.
            duckdb.SQLExpression(where)
            statement = f"SELECT clip_id FROM clips WHERE (\n{where}\n)"  # noqa: S608 - see above
            if len(connection.extract_statements(statement)) != 1:
                raise QueryError("the filter must be one SQL expression")
            ids: npt.NDArray[np.int64] = connection.sql(statement).fetchnumpy()["clip_id"]
            return ids

    @contextlib.contextmanager
    def _connected(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with duckdb.connect(":memory:", config=_CONFINED) as connection:
            connection.register("clips", self._clips)
            connection.register("segments", self._segments)
            yield connection


def _check_text(query: str, what: str) -> None:
    if not query.strip():
        raise QueryError(f"{what} is empty")
    try:
        query.encode()
    except UnicodeEncodeError:
        raise QueryError(f"{what} is not valid Unicode text") from None


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """Turn DuckDB's errors, which quote the query over several lines, into one sentence."""
    try:
        yield
    except duckdb.PermissionException as error:
        raise QueryError(f"{what} may read only the collection's tables, no files, network or extensions") from error
    except duckdb.Error as error:
        text = str(error).split("\n\nLINE ")[0].split("\nLINE ")[0]
        raise QueryError(f"{what} cannot be answered ({' '.join(text.split())})") from error
