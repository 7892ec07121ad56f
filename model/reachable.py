"""Reachability: whether anybody answers at an address, found out in seconds."""

from __future__ import annotations

import socket
import threading
import urllib.parse
import urllib.request

_LIMIT_S = 2.0
_PORTS = {"http": 80, "https": 443}


def is_reachable(url: str, *, limit_s: float = _LIMIT_S) -> bool:
    """Check that the server of an address, or the proxy that leads to it, accepts a connection.

    Args:
        url: The address, http or https.
        limit_s: When to give up; looking up a name can take longer without a network.
    """
    asked = urllib.parse.urlsplit(url)
    proxy = urllib.request.getproxies().get(asked.scheme)
    if proxy and not urllib.request.proxy_bypass(asked.netloc):
        asked = urllib.parse.urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    connected = threading.Event()

    def connect() -> None:
        try:
            socket.create_connection((asked.hostname, asked.port or _PORTS.get(asked.scheme, 80)), limit_s).close()
        except OSError:
            return
        connected.set()

    # In a thread, since nothing limits how long a name is looked up; it ends by itself.
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(limit_s)
    return connected.is_set()
