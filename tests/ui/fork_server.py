"""A process that has loaded what the command loads, and forks for each run: the start of Python is paid for once.

Every run is a process of its own all the same, which ends as the command ends. Only what starts no thread is loaded
ahead: no thread outlives a fork. `command.py` is the other end.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import pickle
import socket
import sys
from typing import TextIO

# In the order and the way in which the command loads them.
LIBRARIES = ("numpy", "faiss", "duckdb", "pyarrow.compute", "pyarrow.dataset", "pyarrow.parquet", "tokenizers", "av")
LIBRARIES += ("soundgrep.ui.program", "soundgrep.ui.table", "pydantic.type_adapter", "pydantic.json_schema", "filelock")
NAMES = {"search": ("Collection",), "indexer": ("build_collection", "verify_collection")}  # whose modules they load


def serve(channel: socket.socket) -> list[str] | None:
    """Fork for each request until nobody asks any more.

    Returns:
        In a forked process, what it is to run; None at the end.
    """
    while True:
        head, descriptors, _, _ = socket.recv_fds(channel, 8, 3)
        if not head:
            return None
        with channel.makefile("rb") as file:
            asked = pickle.loads(file.read(int.from_bytes(head)))
        process = os.fork()
        if not process:
            channel.close()
            for number, descriptor in enumerate(descriptors):
                os.dup2(descriptor, number)
                os.close(descriptor)
            for number in asked["closed"]:
                os.close(number)
            # The ones of the start may have been files, and know it.
            sys.stdout = None if 1 in asked["closed"] else reopened(1, sys.stdout)
            sys.stderr = None if 2 in asked["closed"] else reopened(2, sys.stderr)
            os.environ.update(asked["environment"])
            os.chdir(asked["cwd"])
            return [os.fsdecode(argument) for argument in asked["arguments"]]
        for descriptor in descriptors:
            os.close(descriptor)
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        channel.sendall(code.to_bytes(4, signed=True))


def reopened(number: int, like: TextIO) -> TextIO:
    """Open a standard stream as Python does it as it starts."""
    file = os.fdopen(number, "wb", 0 if number == 2 else -1, closefd=False)
    is_line_buffered = number == 2 or file.isatty()
    return io.TextIOWrapper(file, encoding=like.encoding, errors=like.errors, line_buffering=is_line_buffered)


def load() -> None:
    from soundgrep.ui import cli, lean  # noqa: F401

    lean.leave_out_pandas()
    for name in LIBRARIES:
        importlib.import_module(name)
    for floor, names in NAMES.items():
        for name in names:
            getattr(importlib.import_module(f"soundgrep.{floor}"), name)


if __name__ == "__main__":
    load()
    with contextlib.suppress(KeyboardInterrupt, ConnectionError):
        given = serve(socket.socket(fileno=int(sys.argv[1])))
        if given is None:
            sys.exit(0)
    from soundgrep.ui.cli import main

    sys.argv = given
    main()
