"""Child processes: Python functions of this package started in a process of their own, which can be killed."""

from __future__ import annotations

import importlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection

from .system import received_descriptor, start_connected

# The package is imported from where this process imports it.
_BOOT = (
    "import importlib, json, sys; sys.path[:] = json.loads(sys.argv[3]); "
    "importlib.import_module(sys.argv[1]).run(sys.argv[2], sys.argv[4])"
)


def start_child(
    module: str, *, environment: Mapping[str, str] | None = None
) -> tuple[subprocess.Popen[bytes], Connection]:
    """Start a process that imports a module and calls its `main` with the number of an open connection.

    What its libraries print goes to stderr, so that it cannot get into a listing. It is to ignore Ctrl-C, which is for
    this process, and to end when the connection does.

    Args:
        module: Its full name.
        environment: Variables that it gets beside this process's.

    Returns:
        The process, and this end of the connection.

    Raises:
        OSError: If the system starts no more processes.
    """
    search_path = json.dumps([str(entry) for entry in sys.path])
    command = [sys.executable, "-c", _BOOT, __name__, module, search_path]
    return start_connected(command, environment=os.environ | dict(environment or {}))


def run(module: str, place: str) -> None:
    """Do the work of a child: a module's, over the connection that the parent left at a place."""
    descriptor = received_descriptor(place)
    importlib.import_module(module).main(descriptor)


class Inbox:
    """What the parent sends, taken by a thread of its own, which notices at once when the parent goes.

    Args:
        connection: To the parent; nobody else receives from it.
        on_end: Called in that thread when the parent is gone.
    """

    def __init__(self, connection: Connection, *, on_end: Callable[[], object]) -> None:
        self._connection = connection
        self._on_end = on_end
        self._messages: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._receive, name="soundgrep-inbox", daemon=True).start()

    def get(self, timeout_s: float | None = None) -> bytes | None:
        """Wait for the next message, pickled as it came; None if there was none for so long."""
        try:
            return self._messages.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def _receive(self) -> None:
        try:
            while True:
                self._messages.put(self._connection.recv_bytes())
        except (EOFError, OSError, MemoryError):  # it is gone, or sends more than there is room for
            self._on_end()
