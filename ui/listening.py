"""Listening: the port of a server, taken before anything is loaded."""

from __future__ import annotations

import socket

from ..model.errors import UsageError
from ..model.system import share_address


def listening(host: str, port: int) -> socket.socket:
    """Take a port now: what is wrong with it is then known before anything is loaded.

    Args:
        host: Address to listen at.
        port: The port; 0 for any that is free.

    Raises:
        UsageError: If it cannot be had.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        share_address(listener)
        listener.bind(address)
        listener.listen()  # only now is it nobody else's, and who comes before we are ready waits
        listener.set_inheritable(True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"cannot listen at {host}, port {port} ({reason}): choose others by --host, --port") from error
    return listener


def address_of(host: str, listener: socket.socket) -> str:
    """Return the address of a server, for a browser."""
    return f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
