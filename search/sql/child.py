"""The child: a process that computes the statements of an `IsolatedCatalog`, and may be killed at any time."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ...model.child_process import Inbox
from ...model.errors import QueryError, SoundgrepError
from ...model.system import limit_memory, memory_bytes
from ..store.tables import Table
from .calls import Call
from .catalog import Catalog, ExhaustedError
from .limits import ISOLATED_ANSWER_BYTES, ISOLATED_MEMORY_SHARE

if TYPE_CHECKING:
    from .isolated import TablePlace

# What Python, the libraries and the stacks of their threads take beside the statement.
_BESIDE_BYTES = 1 << 30
_IDLE_S = 300.0


class Child:
    """Computes statements, and asks the parent for the searches in them.

    Args:
        connection: To the parent.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        # Whatever DuckDB is computing, nobody waits for it any more when the parent is gone.
        self._inbox = Inbox(connection, on_end=lambda: os._exit(1))
        tables = {
            name: Table.open(place.folder, version=place.version).dataset() for name, place in self._places().items()
        }
        self._catalog = Catalog(
            tables,
            search=self._search,
            memory_share=ISOLATED_MEMORY_SHARE,
            answer_bytes=ISOLATED_ANSWER_BYTES,
        )

    def run(self) -> None:
        """Answer until the parent goes, or has nothing to ask for a while."""
        self._connection.send(("ready", None))
        while (message := self._received(_IDLE_S)) is not None:
            self._answer(message)

    def _places(self) -> Mapping[str, TablePlace]:
        places: Mapping[str, TablePlace] = pickle.loads(self._inbox.get() or b"")  # noqa: S301 - the parent's
        return places

    def _answer(self, message: tuple[Any, ...]) -> None:
        _, method, arguments, given = message
        self._connection.send(("begun", None))
        try:
            answer: tuple[str, object] = ("answer", getattr(self._catalog, method)(*arguments, **given))
        except ExhaustedError as error:
            answer = ("exhausted", QueryError(str(error)))
        except SoundgrepError as error:
            answer = ("error", error)
        except MemoryError:
            answer = ("exhausted", QueryError("SQL needs more memory than it may have"))
        self._connection.send(answer)

    def _received(self, timeout_s: float | None = None) -> tuple[Any, ...] | None:
        """Take the next message; None if there was none for so long."""
        while True:
            content = self._inbox.get(timeout_s)
            if content is None:
                return None
            try:
                message: tuple[Any, ...] = pickle.loads(content)  # noqa: S301 - the parent's
                return message
            except Exception:  # noqa: BLE001 - whatever the caller bound
                self._connection.send(("begun", None))
                self._connection.send(("error", QueryError("a value in the query is of no type that SQL has")))

    def _search(self, call: Call) -> pa.Table:
        self._connection.send(("search", call))
        while True:
            message = self._received()
            if message is None:
                raise EOFError
            if message[0] == "rows":
                return message[1]
            if message[0] == "error":
                raise message[1]
            self._answer(message)  # the filter of the search, which the parent wants to be computed


def main(descriptor: int) -> None:
    """Work for the parent at the other end of a connection, until it goes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    connection = Connection(descriptor)
    limit_memory(memory_bytes() // ISOLATED_MEMORY_SHARE + _BESIDE_BYTES)
    with contextlib.suppress(EOFError, OSError):
        try:
            Child(connection).run()
        except SoundgrepError as error:
            connection.send(("error", error))
    os._exit(0)  # of an orderly end DuckDB complains at length on stderr
