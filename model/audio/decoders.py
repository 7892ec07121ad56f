"""Decoders: processes of their own in which sound is decoded for somebody who waits for it.

What a file can do to a native library (crash it, keep it busy for ever, have it fill the memory) costs one such process
and is one sentence to who asked; this process lives on.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from ..children import Child, Children
from ..errors import AudioError

Item = TypeVar("Item")

SILENCE_LIMIT_S = 120.0
"""How long a process may give no sign of life."""

_N_TRIES = 3
_MAX_REQUESTS = 500  # after which a process is replaced, with what its libraries have not given back
# One thread is enough for what is slow here, and libraries take no memory for more.
_THREADS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1")

_children = Children(f"{__package__}.decoder_child", environment=_THREADS, max_asked=_MAX_REQUESTS)


def prepare_decoder() -> None:
    """Start a process to decode in ahead of the need; that takes a moment, and the caller need not wait for it."""
    _children.prepare()


def decode_apart(
    function: Callable[..., Iterable[Item | None]], *arguments: object, name: str, limit_s: float | None = None
) -> Iterator[Item]:
    """Call a generator function in a process of its own.

    Args:
        function: A function of a module; it yields None as a sign of life.
        arguments: What it takes; they and what it yields must be picklable.
        name: What messages call the file.
        limit_s: Time that may be spent waiting for it altogether; None for any, as long as it gives signs of life.

    Yields:
        What it yields, as it comes; little is computed ahead.

    Raises:
        AudioError: If the process crashes, hangs, takes too long or needs too much memory, or the function raises it.
        OSError: If the function raises it.
    """
    request = pickle.dumps((function, arguments))
    for _ in range(_N_TRIES):
        try:
            child = _children.take()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise AudioError(f"{name}: no process can be started to decode it ({reason})") from error
        try:
            yield from _Request(child, name, limit_s).items(request)
            return
        except _LostError:
            continue  # somebody ended it while nobody needed it
        finally:
            _children.give_back(child)
    raise AudioError(f"{name}: the process that decodes it ends again and again; the log says why")


class _LostError(Exception):
    """A process ended before it began."""


class _Request:
    """What one process is asked."""

    def __init__(self, child: Child, name: str, limit_s: float | None) -> None:
        self._child, self._name, self._limit_s = child, name, limit_s
        self._left_s = limit_s

    def items(self, request: bytes) -> Iterator[Any]:
        self._child.is_ready = False
        try:
            self._child.connection.send_bytes(request)
            self._received()  # it has begun
        except (EOFError, OSError) as error:
            raise _LostError from error
        while True:
            try:
                kind, content = self._received()
            except EOFError as error:
                cause = self._child.cause_of_death()
                raise AudioError(f"{self._name}: its decoder crashed ({cause})") from error
            if kind == "item":
                yield content
                continue
            self._child.is_ready = kind != "exhausted"  # of memory: what it still holds nobody knows
            if kind == "error":
                raise content
            if kind == "exhausted":
                raise AudioError(f"{self._name}: decoding it needs more memory than it may have")
            return

    def _received(self) -> tuple[str, Any]:
        """Take the next message that is more than a sign of life."""
        while True:
            patience_s = SILENCE_LIMIT_S if self._left_s is None else min(SILENCE_LIMIT_S, self._left_s)
            started_s = time.monotonic()
            try:
                kind, content = self._child.receive(patience_s)
            except TimeoutError as error:
                raise AudioError(f"{self._name}: decoding it was stopped: {self._too_slow()}") from error
            if self._left_s is not None:
                self._left_s -= time.monotonic() - started_s
            if kind != "alive":
                return kind, content

    def _too_slow(self) -> str:
        if self._limit_s is None or (self._left_s is not None and self._left_s > SILENCE_LIMIT_S):
            return f"its decoder gave no sign of life for {SILENCE_LIMIT_S:g} s"
        return f"it takes longer than {self._limit_s:g} s"
