"""The decoder's child: a process that decodes what it is asked to, and may be killed at any time."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import time
import traceback
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection
from typing import Any

from ..child_process import Inbox
from ..errors import SoundgrepError
from ..system import limit_memory, memory_bytes
from . import decoding, excerpt  # noqa: F401 - while nobody waits yet

_IDLE_S = 300.0
_ALIVE_EVERY_S = 1.0
_LEAST_MEMORY_BYTES, _MOST_MEMORY_BYTES = 1 << 29, 1 << 30
_AT_ONCE = 16  # as many as a service answers requests, they must fit into the memory


def main(descriptor: int) -> None:
    """Work for the parent at the other end of a connection, until it goes or has nothing to ask for a while."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    connection = Connection(descriptor)
    inbox = Inbox(connection, on_end=lambda: os._exit(1))  # whatever a library is doing
    limit_memory(min(_MOST_MEMORY_BYTES, max(_LEAST_MEMORY_BYTES, memory_bytes() // _AT_ONCE)))
    with contextlib.suppress(OSError):
        while (request := inbox.get(_IDLE_S)) is not None:
            _answer(connection, request)
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


def _portable(error: Exception) -> Exception:
    """Return an error that can be sent, with where it was raised if it is none of ours."""
    if not isinstance(error, SoundgrepError | OSError):
        error.add_note("".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    except Exception:  # noqa: BLE001 - anything may be in it
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
