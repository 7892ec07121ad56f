"""The child: a process that computes the statements of an `IsolatedCatalog`, and may be killed at any time."""

from __future__ import annotations

import contextlib
import os
import pickle
import resource
import signal
import threading
import time
from multiprocessing.connection import Connection
from typing import Any

import pyarrow as pa

from ...model.errors import QueryError, SoundgrepError
from ..store.tables import Table
from .calls import Call
from .catalog import Catalog
from .limits import ISOLATED_MEMORY_SHARE

# What Python, the libraries and the stacks of their threads take beside the statement.
_BESIDE_BYTES = 1 << 30
_LOOK_FOR_PARENT_S = 1.0
_IDLE_S = 300.0


class Child:
    """Computes statements, and asks the parent for the searches in them.

    Args:
        connection: To the parent.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        tables = {
            name: Table.open(place.folder, version=place.version).dataset() for name, place in connection.recv().items()
        }
        self._catalog = Catalog(tables, search=self._search, memory_share=ISOLATED_MEMORY_SHARE)

    def run(self) -> None:
        """Answer until the parent goes, or has nothing to ask for a while."""
        self._connection.send(("ready", None))
        while self._connection.poll(_IDLE_S):
            self._answer(self._received())

    def _answer(self, message: tuple[Any, ...]) -> None:
        _, method, arguments, given = message
        self._connection.send(("begun", None))
        try:
            answer: tuple[str, object] = ("answer", getattr(self._catalog, method)(*arguments, **given))
        except SoundgrepError as error:
            answer = ("error", error)
        except MemoryError:
            answer = ("error", QueryError("SQL needs more memory than it may have"))
        self._connection.send(answer)

    def _received(self) -> tuple[Any, ...]:
        """Take the next message."""
        while True:
            content = self._connection.recv_bytes()
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
            if message[0] == "rows":
                return message[1]
            if message[0] == "error":
                raise message[1]
            self._answer(message)  # the filter of the search, which the parent wants to be computed


def main(descriptor: int) -> None:
    """Work for the parent at the other end of a connection, until it goes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    threading.Thread(target=_leave_with, args=(os.getppid(),), daemon=True).start()
    connection = Connection(descriptor)
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // ISOLATED_MEMORY_SHARE + _BESIDE_BYTES
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    with contextlib.suppress(ValueError, OSError):  # there may be a lower limit already
        resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, hard))
    with contextlib.suppress(EOFError, OSError):
        try:
            Child(connection).run()
        except SoundgrepError as error:
            connection.send(("error", error))
    os._exit(0)  # of an orderly end DuckDB complains at length on stderr


def _leave_with(parent: int) -> None:
    """End the process when its parent is gone, whatever DuckDB is computing."""
    while os.getppid() == parent:
        time.sleep(_LOOK_FOR_PARENT_S)
    os._exit(1)
