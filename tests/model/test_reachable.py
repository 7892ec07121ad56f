"""Reachability: who answers, who does not, and who leads to it."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from soundgrep.model.reachable import is_reachable


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_a_server_that_listens_is_reachable_and_a_closed_port_is_not(server: socket.socket) -> None:
    url = f"https://127.0.0.1:{server.getsockname()[1]}/some/path"
    assert is_reachable(url)
    server.close()
    assert not is_reachable(url)


def test_a_name_that_nobody_has_and_an_address_that_never_answers_are_not() -> None:
    assert not is_reachable("https://nobody.invalid")
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]  # the queue of a listener that accepts nobody
        try:
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(address)
            assert not is_reachable(f"http://127.0.0.1:{address[1]}", limit_s=0.5)
        finally:
            for one in waiting:
                one.close()


def test_the_proxy_that_leads_to_it_is_asked_in_its_place(
    server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.getsockname()[1]}")
    assert is_reachable("https://nobody.invalid")
    monkeypatch.setenv("no_proxy", "nobody.invalid")
    assert not is_reachable("https://nobody.invalid")
