"""Connections: closed where a client takes too long to ask, to send its body or to take its answer."""

from __future__ import annotations

import asyncio
from functools import cached_property
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from ...model.system import connection_owner

CALLER = "caller"
"""Name in a request's state under which its `Caller` is found."""

HEADERS_S = 10.0
"""The headers of a request must have come after so long, however they come."""

BODY_S = 40.0
"""A body must have come after so long, and may take longer as it grows: a second for each `LEAST_BYTES_PER_S`."""

LEAST_BYTES_PER_S = 16 << 10

_HEADERS, _BODY = "IDLE", "SEND_BODY"  # what h11 calls a client that sends these

READER_S = 120.0
"""A client that takes nothing of its answer for so long is left."""


class Caller:
    """Who is at the other end of a connection.

    Args:
        ours: Address and port at this end.
        theirs: Address and port at the other end.
    """

    def __init__(self, ours: tuple[str, int | None] | None, theirs: tuple[str, int] | None) -> None:
        self._ours, self._theirs = ours, theirs

    @cached_property
    def owner(self) -> int | None:
        """Number of the user of this machine whose program it is; None if that cannot be known."""
        if self._ours is None or self._theirs is None or self._ours[1] is None:
            return None
        return connection_owner(self._theirs, (self._ours[0], self._ours[1]))


class Connection(H11Protocol):
    """A connection that a client can hold open only as long as it uses it.

    uvicorn limits the time between requests, but neither that of a request's headers nor that of its body.
    """

    _timer: asyncio.TimerHandle | None = None
    _reader_timer: asyncio.TimerHandle | None = None
    _phase = ""
    _since_s = 0.0
    _n_bytes = 0
    _is_upgraded = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, CALLER: Caller(self.server, self.client)}
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        self._n_bytes += len(data)
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._forget()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: Any) -> None:
        """Hand the connection over to who speaks with sockets, and asks them for signs of life."""
        self._is_upgraded = True
        self._forget()
        super().handle_websocket_upgrade(event)

    def pause_writing(self) -> None:
        """Begin to wait for a client that does not take its answer."""
        super().pause_writing()
        self._reader_timer = self.loop.call_later(READER_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on with the answer."""
        _cancel(self._reader_timer)
        super().resume_writing()

    def _watch(self) -> None:
        """Note what is waited for, and since when."""
        phase = "" if self._is_upgraded or self.transport.is_closing() else str(self.conn.their_state)
        if phase == self._phase and self._timer is not None:
            return  # more of the same
        _cancel(self._timer)
        self._timer = None
        self._phase, self._since_s, self._n_bytes = phase, self.loop.time(), 0
        if phase in (_HEADERS, _BODY):
            self._timer = self.loop.call_at(self._deadline_s(), self._look)

    def _deadline_s(self) -> float:
        if self._phase == _HEADERS:
            return self._since_s + HEADERS_S
        return self._since_s + BODY_S + self._n_bytes / LEAST_BYTES_PER_S

    def _look(self) -> None:
        """Close the connection, unless what came meanwhile allows it more time, or it is we who do not read."""
        deadline_s = self._deadline_s()
        if self.flow.read_paused:
            deadline_s = max(deadline_s, self.loop.time() + HEADERS_S)
        if self.loop.time() < deadline_s:
            self._timer = self.loop.call_at(deadline_s, self._look)
        else:
            self.transport.abort()

    def _forget(self) -> None:
        _cancel(self._timer)
        _cancel(self._reader_timer)


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


SERVER_OPTIONS: dict[str, Any] = {
    "lifespan": "on",
    "log_config": None,
    "access_log": False,
    "server_header": False,
    "proxy_headers": False,  # who a request is from is not what it says itself
    "http": Connection,
}
"""What the page's server and the service's have in common, as uvicorn takes it."""
