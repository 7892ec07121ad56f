"""Child processes: Python functions of this package started in a process of their own, which can be killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from multiprocessing import Pipe
from multiprocessing.connection import Connection

# The package is imported from where this process imports it.
_BOOT = (
    "import importlib, json, sys; sys.path[:] = json.loads(sys.argv[2]); "
    "importlib.import_module(sys.argv[1]).main(int(sys.argv[3]))"
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
    connection, theirs = Pipe()
    # Until it has come to ignore a Ctrl-C it must not reach it, or it dies of it with a traceback.
    with theirs, _interrupts_held_back():
        search_path = json.dumps([str(entry) for entry in sys.path])
        process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-c", _BOOT, module, search_path, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=_stderr(),
            env=os.environ | dict(environment or {}),
        )
    return process, connection


@contextlib.contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Let Ctrl-C wait: this process gets it afterwards, processes started meanwhile never do."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _stderr() -> int:
    """Where a child's libraries may print."""
    try:
        os.fstat(2)
    except OSError:
        return subprocess.DEVNULL
    return 2
