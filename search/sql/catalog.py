"""Catalog: SQL over a collection's tables, which can read them and nothing else."""

import contextlib
import gc
import itertools
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.dataset as ds

from ...model.errors import QueryError
from ...model.system import memory_bytes
from .calls import DEFAULT_K, FUNCTION, ROWS, Call, find_calls
from .kinds import is_odd, readable_times
from .limits import FILTER_LIMIT_S, MEMORY_SHARE, SQL_LIMIT_S
from .views import normal_source, normal_text, quoted, view_statements, words_statement

# No files, no network, no extensions, no variables of the calling program, and no way to turn any of it on again.
_CONFINED: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
    "temp_directory": "",
}
_OPTIONS = (b"format", b"analyze")
_N_BATCH = 65_536
# What search() in SQL reads: the rows of every search that the statement names, made before it runs.
_SEARCHES = "searches0"
_CALL = pa.schema([("call_text", pa.string()), ("call_k", pa.int64()), ("call_filter", pa.string())])
_MACRO = (
    f"CREATE TEMP MACRO {FUNCTION}(text, k := {DEFAULT_K}, filter := NULL) AS TABLE "  # noqa: S608 - constants
    f"SELECT {', '.join(ROWS.names)} FROM {_SEARCHES} "
    "WHERE call_text = text AND call_k = k AND call_filter IS NOT DISTINCT FROM filter"
)

Values = Mapping[str, object]
Search = Callable[[Call], pa.Table]


class ExhaustedError(QueryError):
    """A statement that took all the memory it may have; what of that it leaves behind nobody knows."""


class Catalog:
    """The tables of a collection as views of a confined DuckDB.

    Threads can ask at the same time: each takes a connection that is idle, or opens one more.

    Args:
        tables: The tables "clips" and "segments", and the annexes by name.
        search: Gives the rows of one search, for search() in SQL: rank, score and the like, best first.
        memory_share: Of the machine's memory, a statement may take one part in so many.
        answer_bytes: How much it may give; None for as much as it may take.
    """

    def __init__(
        self,
        tables: Mapping[str, ds.Dataset],
        *,
        search: Search,
        memory_share: int = MEMORY_SHARE,
        answer_bytes: int | None = None,
    ) -> None:
        self._tables = dict(tables)
        self._sources = {name: f"{name}0" for name in tables}  # no annex has a digit in its name
        self._search = search
        self._connections = _Connections()
        weakref.finalize(self, self._connections.let_go)
        self._memory_limit = memory_bytes() // memory_share
        self._answer_limit = min(self._memory_limit, answer_bytes or self._memory_limit)

    def sql(
        self,
        query: str,
        *,
        values: Values | None = None,
        time_limit_s: float = SQL_LIMIT_S,
        max_rows: int | None = None,
    ) -> pa.Table:
        """Answer a SQL query.

        Args:
            query: One SELECT in DuckDB's dialect; WITH, FROM, VALUES, DESCRIBE, SHOW, SUMMARIZE and EXPLAIN work too.
            values: Values for the parameters in it, as `$name`.
            time_limit_s: When to stop it.
            max_rows: Rows after which the answer is not read further; None for all.

        Returns:
            The rows.

        Raises:
            QueryError: If the statement is malformed, is not one reading statement, names something unknown, or reaches
                for a file, the network or an extension; if it takes too long or its answer is too large.
        """
        _check_text(query, "the SQL query")
        if not time_limit_s > 0:
            raise QueryError(f"the time limit must be above 0, not {time_limit_s:g} s")
        is_kept = "setseed" not in query.lower()  # which no transaction takes back
        with _told("the SQL query", limit_s=time_limit_s), self._connected(is_kept=is_kept) as connection:
            statements = connection.extract_statements(query)
            if len(statements) != 1:
                raise QueryError(f"the SQL query must be one statement, not {len(statements)}")
            kind = statements[0].type
            if kind == duckdb.StatementType.EXPLAIN:
                kind = _explained(connection, statements[0].query)  # EXPLAIN ANALYZE runs what it explains
            if kind != duckdb.StatementType.SELECT:
                raise QueryError(f"the SQL query can only read: {kind.name} statements are refused, use SELECT")
            with (
                self._searches(connection, query, values or {}),
                _without_trace(connection),
                _stopped_after(connection, time_limit_s),
            ):
                result = _exportable(connection.sql(query, params=dict(values or {})))
                return readable_times(self._fetched(result, max_rows=max_rows), connection)

    def clip_ids_where(self, where: str, values: Values | None = None) -> npt.NDArray[np.int64]:
        """List the clips that a filter keeps.

        Args:
            where: A SQL expression over the columns of `clips`, as after WHERE.
            values: Values for the parameters in it, as `$name`.

        Returns:
            Ids [n], unordered.

        Raises:
            QueryError: If it is not one expression, names an unknown column, reaches for anything but the tables, or
                takes too long.
        """
        _check_text(where, "the filter")
        with _told("the filter", limit_s=FILTER_LIMIT_S), self._connected() as connection:
            source = "clips"
            if not _is_plain(where, values):
                described = connection.execute("DESCRIBE clips").fetchall()
                source = normal_source("clips", [(name, kind) for name, kind, *_ in described])
                where, values = normal_text(where), {name: normal_text(one) for name, one in (values or {}).items()}
            # Read alone first: what is one expression by itself cannot close the brackets around it below.
            duckdb.SQLExpression(where)
            statement = f"SELECT clip_id FROM {source} WHERE (\n{where}\n)"  # noqa: S608 - see above
            if len(connection.extract_statements(statement)) != 1:
                raise QueryError("the filter must be one SQL expression")
            with _stopped_after(connection, FILTER_LIMIT_S):
                ids: npt.NDArray[np.int64] = connection.execute(statement, dict(values or {})).fetchnumpy()["clip_id"]
            return ids

    def words(self) -> pa.Table:
        """Return what is written about each clip in paths, tags, metadata, labels and captions.

        Returns:
            Columns `clip_id`, int64, and `words`, string.

        Raises:
            QueryError: If the tables cannot be read.
        """
        with _told("what is written about the clips", limit_s=SQL_LIMIT_S), self._connected() as connection:
            return self._fetched(connection.sql(words_statement(self._tables, source=self._sources)))

    def _fetched(self, result: duckdb.DuckDBPyRelation | None, *, max_rows: int | None = None) -> pa.Table:
        """Fetch rows piece by piece, so that an endless answer is noticed before it fills the memory."""
        reader = None if result is None else result.to_arrow_reader(_N_BATCH)
        if reader is None:
            return pa.table({})
        batches: list[pa.RecordBatch] = []
        n_bytes = n_rows = 0
        with reader:  # closed, or an error's traceback would keep the connection from being used again
            for batch in reader:
                n_bytes += batch.nbytes
                if n_bytes > self._answer_limit:
                    raise QueryError(
                        f"it gives more than {self._answer_limit / 1e6:,.0f} MB of rows: narrow it down, or "
                        "read the tables directly"
                    )
                batches.append(batch)
                n_rows += batch.num_rows
                if max_rows is not None and n_rows >= max_rows:
                    break
            rows = pa.Table.from_batches(batches, reader.schema)[:max_rows]
            for column in rows.columns:  # texts of a table that somebody made up may be none
                if _is_checked(str(column.type)):
                    column.validate(full=True)
            return rows

    @contextlib.contextmanager
    def _searches(self, connection: duckdb.DuckDBPyConnection, query: str, values: Values) -> Iterator[None]:
        """Make the searches that a statement names, and hold their rows ready for it."""
        if FUNCTION not in query.lower():
            yield
            return
        tree = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [query]).fetchall()[0][0]
        tables = [_with_call(self._search(call), call) for call in find_calls(tree, values)]
        if tables:
            connection.register(_SEARCHES, pa.concat_tables(tables))
        try:
            yield
        finally:
            if tables:
                connection.unregister(_SEARCHES)

    @contextlib.contextmanager
    def _connected(self, *, is_kept: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
        connection = self._connections.take() or self._opened()
        try:
            yield connection
        except BaseException:
            self._connections.has_failed = True
            raise
        finally:
            if is_kept:
                self._connections.give_back(connection)

    def _opened(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(":memory:", config={**_CONFINED, "memory_limit": f"{self._memory_limit}B"})
        for name, table in self._tables.items():
            connection.register(self._sources[name], table)
        for statement in view_statements(self._tables, source=self._sources):
            connection.execute(statement)
        connection.register(_SEARCHES, pa.schema([*ROWS, *_CALL]).empty_table())
        connection.execute(_MACRO)
        connection.unregister(_SEARCHES)
        connection.execute("SET enable_progress_bar = false")  # nobody looks at this process's terminal
        connection.execute("SET lock_configuration = true")
        return connection


def _is_checked(kind: str) -> bool:
    """Return whether a type holds texts, and nothing that only Arrow takes for damage: 24:00:00, 39 digits."""
    return "string" in kind and "time" not in kind and "decimal" not in kind


def _explained(connection: duckdb.DuckDBPyConnection, query: str) -> duckdb.StatementType:
    """Return what an EXPLAIN explains."""
    text = query.encode()
    tokens = [*duckdb.tokenize(query), (len(text), None)]
    spans = [
        (start, end) for (start, kind), (end, _) in itertools.pairwise(tokens) if kind != duckdb.token_type.comment
    ]
    words = [text[start:end].strip().lower() for start, end in spans]
    n_before = 2 if words[1:2] == [b"analyze"] else 1
    if words[1:2] == [b"("] and words[2:3] and words[2] in _OPTIONS:
        n_before = words.index(b")") + 1
    statements = connection.extract_statements(text[spans[n_before][0] :].decode())
    return statements[0].type if len(statements) == 1 else duckdb.StatementType.MULTI


@contextlib.contextmanager
def _without_trace(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Take back whatever a statement does to its session: the next one is another visitor's."""
    connection.execute("BEGIN TRANSACTION READ ONLY")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


class _Connections:
    """Connections that nobody uses at the moment."""

    def __init__(self) -> None:
        self.has_failed = False
        self._idle: list[duckdb.DuckDBPyConnection] = []
        self._lock = threading.Lock()

    def take(self) -> duckdb.DuckDBPyConnection | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def give_back(self, connection: duckdb.DuckDBPyConnection) -> None:
        with self._lock:
            self._idle.append(connection)

    def let_go(self) -> None:
        """Drop them all: one that outlives the interpreter's end makes DuckDB complain at length on stderr."""
        self._idle.clear()
        if self.has_failed:
            gc.collect()  # the frames of an error's traceback may hold one


def _with_call(rows: pa.Table, call: Call) -> pa.Table:
    for field, asked in zip(_CALL, (call.text, call.k, call.filter), strict=True):
        rows = rows.append_column(field, pa.array([asked] * rows.num_rows, field.type))
    return rows


def _exportable(result: duckdb.DuckDBPyRelation | None) -> duckdb.DuckDBPyRelation | None:
    """Convert columns of types that only DuckDB knows to text."""
    if result is None or not any(is_odd(str(kind)) for kind in result.types):
        return result
    columns = [
        f"CAST(#{place} AS VARCHAR) AS {quoted(name or 'column')}" if is_odd(str(kind)) else f"#{place}"
        for place, (name, kind) in enumerate(zip(result.columns, result.types, strict=True), 1)
    ]
    return result.project(", ".join(columns))


def _is_plain(where: str, values: Values | None) -> bool:
    """Return whether a filter is the same however its letters are composed."""
    return where.isascii() and all(
        not isinstance(one, str | list) or str(one).isascii() for one in (values or {}).values()
    )


def _check_text(query: str, what: str) -> None:
    if not query.strip():
        raise QueryError(f"{what} is empty")
    try:
        query.encode()
    except UnicodeEncodeError:
        raise QueryError(f"{what} is not valid Unicode text") from None


@contextlib.contextmanager
def _stopped_after(connection: duckdb.DuckDBPyConnection, limit_s: float) -> Iterator[None]:
    timer = threading.Timer(min(limit_s, threading.TIMEOUT_MAX), connection.interrupt)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextlib.contextmanager
def _told(what: str, *, limit_s: float) -> Iterator[None]:
    """Turn DuckDB's errors, which quote the query over several lines, into one sentence."""
    try:
        yield
    except (duckdb.InterruptException, OSError) as error:  # while rows are fetched, Arrow passes DuckDB's on as its own
        if isinstance(error, OSError) and "Out of Memory" in str(error):
            raise ExhaustedError(f"{what} needs more memory than it may have") from error
        if isinstance(error, OSError) and "INTERRUPT" not in str(error):
            raise QueryError(f"{what} cannot be answered ({' '.join(str(error).split())})") from error
        raise QueryError(f"{what} was stopped after {limit_s:g} s: it takes too long") from error
    except pa.ArrowInvalid as error:
        raise QueryError(f"{what} cannot be answered ({' '.join(str(error).split())})") from error
    except duckdb.OutOfMemoryException as error:
        raise ExhaustedError(f"{what} needs more memory than it may have ({str(error).splitlines()[0]})") from error
    except duckdb.PermissionException as error:
        raise QueryError(f"{what} may read only the collection's tables, no files, network or extensions") from error
    except duckdb.Error as error:
        text = " ".join(str(error).split("\n\nLINE ")[0].split("\nLINE ")[0].split())
        if _SEARCHES in text:
            raise QueryError(f"{what} cannot be answered (search() works in SELECT statements only)") from error
        raise QueryError(f"{what} cannot be answered ({text})") from error
