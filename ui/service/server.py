"""The server: the application in this process, or in several that share a port and the files in memory."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import tempfile
import threading
import time
import warnings
from collections.abc import Callable

import uvicorn

from ...model.encoders.runtime import THREADS_VARIABLE, usable_cores
from ...model.errors import SoundgrepWarning
from ...search.live import LiveCollections
from ..web.connection import SERVER_OPTIONS
from ..web.settings import Settings
from .metrics import FOLDER_VARIABLE

_OPTIONS = {**SERVER_OPTIONS, "timeout_graceful_shutdown": 5}


def serve_alone(settings: Settings, listener: socket.socket, *, ready: Callable[[], None]) -> None:
    """Serve in this process until a signal stops it.

    Args:
        settings: What is served.
        listener: Where, bound.
        ready: Called when the collections are open.

    Raises:
        CollectionError: If a collection cannot be opened, or was made by another encoder than the first.
        CheckpointError: If their encoder is not on this machine any more.
    """
    from .app import create_app

    warnings.simplefilter("ignore", SoundgrepWarning)  # what somebody asked is not for the log
    logging.getLogger("uvicorn.error").addFilter(_is_no_interruption)
    config = uvicorn.Config(create_app(settings), **_OPTIONS)
    listener.listen()  # who comes before the first line of the loop waits, and is not turned away
    ready()
    uvicorn.Server(config).run(sockets=[listener])


def serve_together(settings: Settings, listener: socket.socket, *, n_workers: int, ready: Callable[[], None]) -> None:
    """Serve in several processes until a signal stops them; one that dies is replaced.

    They share the cores, and by the system's page cache the tables and the index.

    Args:
        settings: What is served.
        listener: Where, bound.
        n_workers: Processes.
        ready: Called, in another thread, when the first of them answers.

    Raises:
        CollectionError, CheckpointError: As `serve_alone`.
    """
    LiveCollections(settings.collections)  # a mistake is told here, once, and not by each worker again and again
    settings.hand_on()
    os.environ.setdefault(THREADS_VARIABLE, str(max(1, usable_cores() // n_workers)))
    with tempfile.TemporaryDirectory(prefix="soundgrep-metrics-") as folder:
        os.environ[FOLDER_VARIABLE] = folder
        address, port = listener.getsockname()[:2]
        listener.close()  # uvicorn takes the same port for its workers itself
        threading.Thread(target=_call_when_open, args=(address, port, ready), daemon=True).start()
        uvicorn.run(
            "soundgrep.ui.service.app:from_environment",
            factory=True,
            host=address,
            port=port,
            workers=n_workers,
            **_OPTIONS,
        )


def _is_no_interruption(record: logging.LogRecord) -> bool:
    """Leave out the traceback of a Ctrl-C that comes while the application starts or ends."""
    return "KeyboardInterrupt" not in record.getMessage()


def _call_when_open(address: str, port: int, ready: Callable[[], None]) -> None:
    while True:
        with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1):
            break
        time.sleep(0.1)
    ready()
