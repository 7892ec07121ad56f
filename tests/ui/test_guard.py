"""Who may ask the page and the service: names, pages of other addresses, tokens, other users, slow clients."""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import anyio.to_thread
import httpx2
import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from soundgrep.ui.access import served_settings, shown_address
from soundgrep.ui.web import connection
from soundgrep.ui.web.settings import Settings

from ..waiting import LONG_S
from .browser.conftest import bearer
from .browser.conftest import served as page_served
from .command import soundgrep
from .conftest import Indexed
from .service import served

TOKEN = "a-token-of-our-own"
NOBODY = 65_534


@pytest.fixture(scope="module")
def page(indexed: Indexed) -> Iterator[str]:
    with page_served(indexed.collection) as address:
        yield address


@pytest.fixture(scope="module")
def client(indexed: Indexed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """A client of a service that is also called sounds.example, and that knows no token."""
    file = tmp_path_factory.mktemp("secret") / "token"
    file.write_text(f"{TOKEN}\nand a remark\n")
    with served(indexed.collection, "--token-file", file, "--allow-host", "sounds.example") as client:
        yield client


def test_the_page_is_for_who_knows_its_token(page: str) -> None:
    token = bearer(page)["Authorization"].removeprefix("Bearer ")
    with httpx2.Client(base_url=page) as browser:
        for path in ("/", "/search?q=a", "/_stcore/health", "/soundgrep/maps/0", "/static/index.js", "/nothing"):
            assert browser.get(path).status_code == 401, path
        asked = browser.get("/?token=wrong", headers={"Accept": "text/html"})
        assert (asked.status_code, asked.headers["content-type"]) == (401, "text/html; charset=utf-8")
        assert 'name="token"' in asked.text
        known = browser.get("/search", params={"q": "rain & wind", "token": token})
        assert (known.status_code, known.headers["location"]) == (303, "./search?q=rain+%26+wind")
        cookie = known.headers["set-cookie"]
        assert "httponly" in cookie.lower()
        assert "samesite=lax" in cookie.lower()
        assert token not in cookie
        assert "<title>" in browser.get("/").text
        assert browser.get("/", headers={"Cookie": cookie.partition("=")[0] + "=wrong"}).status_code == 401


def _socket_status(page: str, **headers: str) -> int:
    """How the page's socket answers: 101 if it is opened."""
    origin = headers.pop("Origin", page)
    url = page.replace("http", "ws") + "/_stcore/stream"
    try:
        with connect(url, origin=origin, additional_headers=headers, open_timeout=LONG_S):  # type: ignore[arg-type]
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


def test_sockets_are_for_the_page_s_own_address_and_port(page: str) -> None:
    known, port = bearer(page), page.rpartition(":")[2]
    assert _socket_status(page, **known) == 101
    assert _socket_status(page) == 403
    for origin in (
        "http://evil.example",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        f"http://localhost:{port}",
        f"http://127.0.0.1:{port}.evil.example",
        "null",
    ):
        assert _socket_status(page, **known, Origin=origin) == 403, origin
        assert httpx2.get(page, headers={**known, "Origin": origin}).status_code == 403


def test_pages_of_other_addresses_may_only_link(page: str) -> None:
    """What browsers say of a request that a page makes in the background, and of a link that is followed."""
    for site in ("cross-site", "same-site"):
        behind = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
        assert httpx2.get(page, headers=bearer(page) | behind).status_code == 403
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert httpx2.get(page, headers=bearer(page) | followed).status_code == 200


def test_a_service_takes_its_token_and_its_names(client: httpx2.Client) -> None:
    known = {"Authorization": f"Bearer {TOKEN}"}
    assert client.get("/search", params={"q": "a"}, headers=known).status_code == 200
    assert client.get("/health", headers={**known, "Host": "sounds.example"}).json()["collections"]
    assert client.get("/health", headers={**known, "Host": "evil.example"}).status_code == 421
    for wrong in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Cookie": "soundgrep=1"},
    ):
        told = client.get("/search", params={"q": "a"}, headers={"X-Forwarded-For": "203.0.113.7", **wrong})
        assert told.status_code == 401
        assert "token" in told.json()["error"]
    assert client.get("/health", headers={"X-Forwarded-For": "203.0.113.7"}).json() == {"status": "ok"}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to become somebody else")
def test_other_users_of_the_machine_need_the_token(client: httpx2.Client, page: str) -> None:
    """The user who runs the service needs none; somebody else on the same machine does, and for the page both do."""
    assert client.get("/search", params={"q": "a"}).status_code == 200
    code = (
        "import http.client, sys\n"
        "asked = http.client.HTTPConnection(*sys.argv[1].split(':'), timeout=60)\n"
        "asked.request('GET', '/search?q=a')\n"
        "print(asked.getresponse().status)"
    )
    for address in (f"{client.base_url.host}:{client.base_url.port}", page.removeprefix("http://")):
        done = subprocess.run(
            ["/usr/bin/env", "python3", "-c", code, address],
            user=NOBODY,
            group=NOBODY,
            cwd="/",
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout == "401\n", done


def test_beyond_the_loopback_what_visitors_may_is_said(tmp_path: Path) -> None:
    """Said before anything is opened, so that no collection is needed here."""
    for command, deed in (("serve", "listen to their clips"), ("ui", "store labels in them, save and delete queries")):
        for options, who in (
            ((), "whoever reaches 0.0.0.0 and knows the token"),
            (("--no-token",), "whoever reaches 0.0.0.0"),
        ):
            said = soundgrep(command, tmp_path, "--host", "0.0.0.0", "--port", "0", *options).err
            assert f"note: {who} can search" in said
            assert deed in said


def test_a_token_is_made_where_strangers_come_or_something_is_written() -> None:
    def settings(host: str, *, writes: bool, no_token: bool = False) -> tuple[Settings, str]:
        made = served_settings(
            [Path("c")], host=host, token_file=None, no_token=no_token, allow_hosts=None, writes=writes
        )
        return made, shown_address(made, f"http://{host}:1", token_file=None)

    tokens = set()
    for host, writes in (("0.0.0.0", False), ("0.0.0.0", True), ("127.0.0.1", True)):
        made, shown = settings(host, writes=writes)
        assert not made.admits_owner
        assert made.token is not None
        assert shown == f"http://{host}:1/?token={made.token}"
        assert made.token not in repr(made)
        tokens.add(made.token)
    assert len(tokens) == 3
    made, shown = settings("127.0.0.1", writes=False)
    assert made.token is not None
    assert (made.admits_owner, shown) == (True, "http://127.0.0.1:1")
    assert settings("0.0.0.0", writes=True, no_token=True)[0].token is None


@pytest.mark.parametrize("content", [b"", b"short\n", b"\n" + b"a" * 40, "ключ от всех дверей".encode(), None])
def test_what_is_no_token_is_refused(indexed: Indexed, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "token"
    if content is None:
        os.mkfifo(file)
    else:
        file.write_bytes(content)
    assert "token" in soundgrep("serve", indexed.collection, "--token-file", file).mistake()


def test_a_token_file_that_is_missing_is_a_sentence(indexed: Indexed, tmp_path: Path) -> None:
    assert "cannot be read" in soundgrep("ui", indexed.collection, "--token-file", tmp_path / "none").mistake()
    both = soundgrep("ui", indexed.collection, "--token-file", tmp_path / "none", "--no-token")
    assert "exclude each other" in both.mistake()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a server with our connections, which wait only a moment, and an application that counts."""
    for limit_s in ("HEADERS_S", "BODY_S", "READER_S"):
        monkeypatch.setattr(connection, limit_s, 0.2)
    left = threading.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/endless":
            answer: Response = StreamingResponse(itertools.repeat(bytes(1 << 20)))
            try:
                await answer(scope, receive, send)
            finally:
                left.set()
            return
        if scope["path"] == "/left":
            text = str(await anyio.to_thread.run_sync(left.wait, LONG_S))
        else:
            text = str(len(await Request(scope, receive).body()))
        await Response(text)(scope, receive, send)

    options = connection.SERVER_OPTIONS | {"lifespan": "off"}
    server = uvicorn.Server(uvicorn.Config(app, **options, timeout_graceful_shutdown=1))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize("first", [b"GET /health HT", b"POST / HTTP/1.1\r\nHost: localhost\r\nX: y\r\n", b""])
def test_headers_that_come_slowly_are_not_waited_for(impatient: int, first: bytes) -> None:
    """Slowloris: a letter now and then, and never the end."""
    with socket.create_connection(("127.0.0.1", impatient), timeout=LONG_S) as slow:
        slow.sendall(first)
        assert _dripped_until_closed(slow, b"a" if first else b"")


def test_bodies_that_come_slowly_are_not_waited_for_and_others_are_answered(impatient: int) -> None:
    with socket.create_connection(("127.0.0.1", impatient), timeout=LONG_S) as slow:
        slow.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n")
        assert _dripped_until_closed(slow, b"a")
    with httpx2.Client(base_url=f"http://127.0.0.1:{impatient}", timeout=LONG_S) as client:
        for size in (0, 1_000_000, 10):
            assert client.post("/", content=bytes(size)).text == str(size)


def test_who_takes_no_answer_is_left(impatient: int) -> None:
    with socket.create_connection(("127.0.0.1", impatient), timeout=LONG_S) as slow:
        slow.sendall(b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert httpx2.get(f"http://127.0.0.1:{impatient}/left", timeout=LONG_S).text == "True"


def _dripped_until_closed(slow: socket.socket, drop: bytes) -> bool:
    """Send a byte again and again, until the other end closes the connection."""
    slow.settimeout(0.05)
    for _ in range(20 * int(LONG_S)):
        try:
            if drop:
                slow.sendall(drop)
            if slow.recv(1) == b"":
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
    return False
