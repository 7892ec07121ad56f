"""The isolated catalog: SQL computed in processes of their own, which can be killed."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...model.askers import Places
from ...model.children import Child, Children
from ...model.encoders.runtime import usable_cores
from ...model.errors import CollectionError, QueryError, SoundgrepError
from .calls import Call
from .limits import FILTER_LIMIT_S, SQL_LIMIT_S

_CHILD = f"{__package__}.child"
_START_LIMIT_S = 120.0
# A statement is first interrupted at its limit; what does not listen to that, like one call of a function over a huge
# value, is killed so much later.
_GRACE_S = 1.0
_N_TRIES = 3

Values = Mapping[str, object]


@dataclass(frozen=True)
class TablePlace:
    """Where a child finds a table.

    Attributes:
        folder: Its folder.
        version: The version to read.
    """

    folder: Path
    version: int


class IsolatedCatalog:
    """What `Catalog` is, with every statement in another process: for those who answer strangers, or must never stop.

    DuckDB looks for an interruption only between blocks of rows, and does not count all that functions allocate. So one
    call like list_sum(range(1000000000)) outlasts every limit and fills the memory; here it costs a process of a
    limited size, which is then replaced. Processes start when they are needed, and stay for the next statement.

    Threads can ask at the same time, as many of them as there are cores, but at least three; the others wait. No one
    asker takes all of these places, however much it asks at once.

    Args:
        tables: Where the tables "clips" and "segments" are, and the annexes by name.
        search: Gives the rows of one search, for search() in SQL; called in this process, in the thread that asks.
    """

    def __init__(self, tables: Mapping[str, TablePlace], *, search: Callable[[Call], pa.Table]) -> None:
        self._tables = dict(tables)
        self._search = search
        self._places = Places(max(3, usable_cores()))
        self._children = Children(_CHILD)
        self._asking = threading.local()

    def sql(
        self,
        query: str,
        *,
        values: Values | None = None,
        time_limit_s: float = SQL_LIMIT_S,
        max_rows: int | None = None,
    ) -> pa.Table:
        """Answer a SQL query, as `Catalog.sql`.

        Raises:
            QueryError: As there.
            CollectionError: If the tables cannot be opened.
        """
        given = {"values": values, "time_limit_s": time_limit_s, "max_rows": max_rows}
        rows: pa.Table = self._ask("sql", (query,), given, what="the SQL query", limit_s=time_limit_s)
        return rows

    def clip_ids_where(self, where: str, values: Values | None = None) -> npt.NDArray[np.int64]:
        """List the clips that a filter keeps, as `Catalog.clip_ids_where`.

        Raises:
            QueryError: As there.
            CollectionError: If the tables cannot be opened.
        """
        ids: npt.NDArray[np.int64] = self._ask(
            "clip_ids_where", (where, values), {}, what="the filter", limit_s=FILTER_LIMIT_S
        )
        return ids

    def words(self) -> pa.Table:
        """Return what is written about each clip, as `Catalog.words`.

        Raises:
            QueryError: As there.
            CollectionError: If the tables cannot be opened.
        """
        rows: pa.Table = self._ask("words", (), {}, what="what is written about the clips", limit_s=SQL_LIMIT_S)
        return rows

    def _ask(self, method: str, arguments: tuple[Any, ...], given: dict[str, Any], *, what: str, limit_s: float) -> Any:
        message = ("ask", method, arguments, given)
        outer: Child | None = getattr(self._asking, "child", None)
        if outer is not None:  # the filter of a search() in the statement that it is just computing
            return self._answer(outer, message, what=what, limit_s=limit_s)
        if not self._places.take(wait_s=limit_s):
            raise QueryError(f"{what} was not begun within {limit_s:g} s: others take too long")
        try:
            for _ in range(_N_TRIES):
                child = self._taken()
                self._asking.child = child
                try:
                    return self._answer(child, message, what=what, limit_s=limit_s)
                except _LostError:
                    continue  # somebody killed it while it waited
                finally:
                    self._asking.child = None
                    self._children.give_back(child)
            raise QueryError(f"{what} cannot be answered (the process that computes it ends again and again)")
        finally:
            self._places.give_back()

    def _taken(self) -> Child:
        try:
            child = self._children.take()
        except OSError as error:
            raise QueryError(f"no process can be started for SQL ({(error.strerror or str(error)).lower()})") from error
        if child.n_asked == 1:
            self._begin(child)
        return child

    def _begin(self, child: Child) -> None:
        """Tell a new process where the tables are."""
        try:
            child.connection.send(self._tables)
            kind, content = child.receive(_START_LIMIT_S)
        except (EOFError, OSError):
            kind, content = "dead", None
        if kind == "ready":
            return
        child.end()
        if isinstance(content, SoundgrepError):
            raise content
        raise CollectionError("the process for SQL could not be started; the log says why")

    def _answer(self, child: Child, message: tuple[object, ...], *, what: str, limit_s: float) -> Any:
        child.is_ready = has_begun = False
        deadline_s = time.monotonic() + limit_s + _GRACE_S
        try:
            child.connection.send(message)
        except OSError:
            pass  # it is dead, which is found out below
        except Exception as error:
            child.is_ready = True  # nothing was sent: a value was none that can be
            raise QueryError(f"{what} cannot be answered (a value is of no type that SQL has)") from error
        while True:
            try:
                kind, content = child.receive(deadline_s - time.monotonic())
            except TimeoutError as error:
                raise QueryError(f"{what} was stopped after {limit_s:g} s: it takes too long") from error
            except EOFError as error:
                if not has_begun:
                    raise _LostError from error
                raise QueryError(f"{what} needs more memory than it may have") from error
            if kind == "begun":
                has_begun = True
                continue
            if kind == "search":
                deadline_s += self._reply(child, content)
                continue
            child.is_ready = kind != "exhausted"  # of memory: what it still holds nobody knows
            if kind in ("error", "exhausted"):
                raise content
            return content

    def _reply(self, child: Child, call: Call) -> float:
        """Make a search that a statement names, and say how long it took."""
        started_s = time.monotonic()
        answer: tuple[str, object]
        try:
            answer = ("rows", self._search(call))
        except SoundgrepError as error:
            if child.connection.closed:  # it was computing the search's filter, and was killed for that
                raise
            answer = ("error", error)
        with contextlib.suppress(OSError):  # it is dead, which is found out next
            child.connection.send(answer)
        child.is_ready = False  # the filter was answered, the statement was not yet
        return time.monotonic() - started_s


class _LostError(Exception):
    """A child died before it began."""
