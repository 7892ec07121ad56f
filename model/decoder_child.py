"""The decoder's child: a process that decodes what it is asked to, and may be killed at any time."""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import resource
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection
from typing import Any

from . import decoding, excerpt  # noqa: F401 - while nobody waits yet
from .errors import SoundgrepError

_IDLE_S = 300.0
_ALIVE_EVERY_S = 1.0
_LEAST_MEMORY_BYTES, _MOST_MEMORY_BYTES = 1 << 29, 1 << 30
_AT_ONCE = 16  # as many as a service answers requests, they must fit into the memory


def main(descriptor: int) -> None:
    """Work for the parent at the other end of a connection, until it goes or has nothing to ask for a while."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    connection = Connection(descriptor)
    requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(connection, requests), daemon=True).start()
    _limit_memory()
    with contextlib.suppress(queue.Empty, OSError):
        while True:
            _answer(connection, requests.get(timeout=_IDLE_S))
    os._exit(0)


def _answer(connection: Connection, request: bytes) -> None:
    connection.send(("begun", None))
    try:
        function, arguments = pickle.loads(request)  # noqa: S301 - the parent's
        last = _send_items(connection, function, arguments)
    except MemoryError:
        last = ("exhausted", None)
    except Exception as error:  # noqa: BLE001 - the parent judges it
        last = ("error", _portable(error))
    connection.send(last)


def _send_items(
    connection: Connection, function: Callable[..., Iterable[Any]], arguments: tuple[Any, ...]
) -> tuple[str, object]:
    told_s = 0.0
    for item in function(*arguments):
        if item is not None:
            connection.send(("item", item))
        elif time.monotonic() - told_s >= _ALIVE_EVERY_S:
            connection.send(("alive", None))
            told_s = time.monotonic()
    return "end", None


def _listen(connection: Connection, requests: queue.SimpleQueue[bytes]) -> None:
    """Take what the parent sends, and end the process when it goes, whatever a library is doing, or sends too much."""
    try:
        while True:
            requests.put(connection.recv_bytes())
    except (EOFError, OSError, MemoryError):
        os._exit(1)


def _limit_memory() -> None:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = min(_MOST_MEMORY_BYTES, max(_LEAST_MEMORY_BYTES, total // _AT_ONCE))
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    with contextlib.suppress(ValueError, OSError):  # there may be a lower limit already
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


def _portable(error: Exception) -> Exception:
    """An error that can be sent, with where it was raised if it is none of ours."""
    if not isinstance(error, SoundgrepError | OSError):
        error.add_note("".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    except Exception:  # noqa: BLE001 - anything may be in it
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
