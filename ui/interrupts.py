"""Interruptions: Ctrl-C ends the command soon, with 130 and one line, whatever it is doing."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from sys import UnraisableHookArgs
    from types import FrameType

EXIT_STOPPED = 130
_PATIENCE_S = 0.6
"""So long may a command take to come to its end after a Ctrl-C before the process is ended over its head."""

_n_heard = 0
_saves = False


def run_interruptibly(command: Callable[[], int]) -> int:
    """Run a command and give its exit code; after Ctrl-C the process ends instead."""
    try:
        _listen()
        code = command()
    except KeyboardInterrupt:
        stop_now()
    except BaseException:
        # What a library makes of an interruption is still one, whatever it calls it.
        if _n_heard:
            stop_now()
        raise
    if code == EXIT_STOPPED:  # what Typer makes of it
        stop_now()
    _hear_no_more()
    return code


def let_it_save() -> None:
    """Give this command all the time that it wants after a first Ctrl-C: it saves what it has done."""
    global _saves
    _saves = True


def stop_now(*, is_told: bool = False) -> NoReturn:
    """End the process at once: what libraries do as they end may take long.

    Args:
        is_told: Whether the user has been told of it already.
    """
    line = b"" if is_told else b"soundgrep: stopped.\n"
    with contextlib.suppress(OSError):  # stderr may be closed
        os.write(2, b"\r\x1b[K\x1b[?25h" + line if os.isatty(2) else line)  # a bar hides the cursor
    os._exit(EXIT_STOPPED)


def _listen() -> None:
    """Have Ctrl-C raise KeyboardInterrupt, and end the process where that does not come through.

    Python hears of a signal between two steps of the main thread; a query in DuckDB or the training of an index is one
    step, of minutes, and even what hears of it may wait for threads that do not. Whatever a collection's writer is
    doing may be cut off at any point, as by a kill.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        return  # in the background of a shell without job control
    signal.signal(signal.SIGINT, _interrupt)
    import socket  # from here on nothing is too early

    ours, theirs = socket.socketpair()  # what is woken up on Windows must be a socket
    theirs.setblocking(False)
    signal.set_wakeup_fd(theirs.detach(), warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(ours,), daemon=True, name="soundgrep-interrupts").start()
    sys.unraisablehook = _show_unraisable


def _hear_no_more() -> None:
    """Ignore Ctrl-C from now on: the command has done its work, and Python's end would answer with a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _show_unraisable(unraisable: UnraisableHookArgs) -> None:
    """Show an error that cannot be raised where it happens, but no interruption: the process is about to end of it."""
    if unraisable.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(unraisable)


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    global _n_heard
    _n_heard += 1
    raise KeyboardInterrupt


def _watch(ours: socket.socket) -> None:
    n_signals = 0
    while piece := ours.recv(64):
        for number in piece:
            if number != signal.SIGINT or signal.getsignal(signal.SIGINT) is not _interrupt:
                continue  # a server listens itself
            n_signals += 1
            if n_signals == 1:
                time.sleep(_PATIENCE_S)
            if n_signals > 1 or not (_saves and _n_heard):
                stop_now()
