"""The real page in a real browser: one server over the demo sounds, one Chromium, a fresh visitor a test."""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

import numpy as np
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    Request,
    WebError,
    expect,
    sync_playwright,
)

import soundgrep

from ...waiting import LONG_S
from ..command import ENVIRONMENT, SOUNDGREP
from ..command import soundgrep as run
from ..sounds import RATE_HZ, write_wav

ROOT = Path(soundgrep.__file__).parent
DEMO = ROOT / "data" / "demo"
SHOTS = ROOT / "build" / "screenshots"
LONG = "20 s, glass at 15 s.wav"
MOVED = "moved.ogg"
HOSTILE = (
    "<img src=x onerror=alert(1)>.ogg",
    "'\"><script>alert(1)<&lt;.ogg",
    "\N{BELL} колокол **bold** $x$ :red[x].ogg",
    "\N{RIGHT-TO-LEFT OVERRIDE}צליל.ogg",
    "é" * 125 + ".ogg",
)
"""Names of clips: HTML, Markdown, from right to left, and 254 bytes."""
LOOK_MS = 1_000 * LONG_S

expect.set_options(timeout=LOOK_MS)


_tokens: dict[str, str] = {}


def bearer(address: str) -> dict[str, str]:
    """The headers by which a program shows the token of the page at an address."""
    return {"Authorization": f"Bearer {_tokens[address]}"}


class Visit(Protocol):
    """Opens an address of the page."""

    def __call__(self, path: str = "", **parameters: str | list[str]) -> Page: ...


@contextlib.contextmanager
def served(*arguments: str | Path) -> Iterator[str]:
    """Serves collections with `soundgrep ui`, and gives the address without its token."""
    process = subprocess.Popen(
        [SOUNDGREP, "ui", *arguments, "--no-open", "--port", "0"],
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        told, _, _ = select.select([process.stdout], [], [], LONG_S)
        line = process.stdout.readline() if told else ""
        found = re.search(r" at (http://\S+)/\?token=(\S+) ", line)
        if found is None:
            process.kill()
            pytest.fail(f"soundgrep ui said {line!r} and {process.stderr.read()!r}")
        _tokens[found[1]] = found[2]
        yield found[1]
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=LONG_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def chromium() -> str:
    """Where Chromium is; `make test` installs it where it is missing."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    assert found is not None, "the browser tests need Chromium: apt-get install chromium"
    return found


@pytest.fixture(scope="session")
def demo_sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the demo sounds."""
    return shutil.copytree(DEMO, tmp_path_factory.mktemp("sounds") / "demo")


@pytest.fixture(scope="session")
def demo_collection(demo_sounds: Path) -> Path:
    """The demo sounds, indexed with mini, with their captions and categories as metadata. Only looked at."""
    collection = demo_sounds.with_name("demo.soundgrep")
    done = run("index", demo_sounds, collection, "--workers", "1")
    assert done.code == 0, done.err
    assert run("metadata", collection, demo_sounds / "captions.csv").code == 0
    return collection


@pytest.fixture(scope="session")
def address(demo_collection: Path) -> Iterator[str]:
    """Where the page over the demo sounds is."""
    with served(demo_collection) as found:
        yield found


@pytest.fixture(scope="session")
def odd_collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips with odd names, one that has gone since, and a long one with glass breaking near its end."""
    from soundgrep.model.audio.excerpt import decode_excerpt

    folder = tmp_path_factory.mktemp("odd")
    sounds = folder / "sounds"
    sounds.mkdir()
    for name, source in zip((*HOSTILE, MOVED), sorted((DEMO / "music").iterdir()), strict=False):
        shutil.copy(source, sounds / name)
    glass = decode_excerpt(DEMO / "kitchen" / "glass_breaking.ogg", start_s=0, end_s=4, sampling_rate_hz=RATE_HZ)
    long = np.random.default_rng(0).normal(0, 0.002, 20 * RATE_HZ).astype(np.float32)
    long[15 * RATE_HZ + 3_000 :][: len(glass)] += glass
    write_wav(sounds / LONG, long[np.newaxis])
    done = run("index", sounds, folder / "odd.soundgrep", "--workers", "1")
    assert done.code == 0, done.err
    (sounds / MOVED).unlink()
    return folder / "odd.soundgrep"


@pytest.fixture(scope="session")
def odd_address(odd_collection: Path) -> Iterator[str]:
    """Where the page over the odd clips is."""
    with served(odd_collection) as found:
        yield found


@pytest.fixture
def visit_odd(visitor: Callable[..., BrowserContext], odd_address: str) -> Visit:
    """Opens an address of the page over the odd clips."""
    context = visitor()

    def go(path: str = "", **parameters: str | list[str]) -> Page:
        return opened(context.new_page(), odd_address, path, **parameters)

    return go


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        arguments = ["--mute-audio"]
        arguments += ["--no-sandbox"] if os.geteuid() == 0 else []
        started = playwright.chromium.launch(executable_path=chromium(), args=arguments)
        yield started
        started.close()


WINDOW: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"}


@pytest.fixture(scope="session")
def usual(browser: Browser) -> BrowserContext:
    """A visitor with the usual window, whose browser need not load and compile the page's scripts for each test."""
    context = browser.new_context(**WINDOW)
    context.set_default_timeout(LOOK_MS)
    return context


@pytest.fixture
def visitor(browser: Browser, usual: BrowserContext) -> Iterator[Callable[..., BrowserContext]]:
    """Makes visitors; at the end, none of their pages had an error of its scripts or asked another host."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []
    foreign: list[str] = []

    def note_error(error: WebError) -> None:
        errors.append(str(error.error))

    def note_foreign(request: Request) -> None:
        if is_foreign(request.url):
            foreign.append(request.url)

    def make(**options: Any) -> BrowserContext:
        if not options and usual in contexts:
            return usual
        context = browser.new_context(**(WINDOW | options)) if options else usual
        context.set_default_timeout(LOOK_MS)
        context.on("weberror", note_error)
        context.on("request", note_foreign)
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        if context is usual:
            forget(context)
            context.remove_listener("weberror", note_error)
            context.remove_listener("request", note_foreign)
        else:
            context.close()
    assert errors == []
    assert foreign == []


def forget(context: BrowserContext) -> None:
    """Closes a visitor's pages, and what they keep in the browser is kept no more."""
    for page in context.pages:
        if page.url.startswith("http"):
            page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
        page.close()
    context.clear_cookies()


@pytest.fixture
def visit(visitor: Callable[..., BrowserContext], address: str) -> Visit:
    """Opens an address of the page over the demo sounds, for one visitor of 1280 by 800."""
    context = visitor()

    def go(path: str = "", **parameters: str | list[str]) -> Page:
        return opened(context.new_page(), address, path, **parameters)

    return go


def opened(page: Page, address: str, path: str = "", **parameters: str | list[str]) -> Page:
    """Opens an address and waits until the page is drawn."""
    query = urlencode(parameters | {"token": _tokens[address]}, doseq=True)
    page.goto(f"{address}/{path}{'&' if '?' in path else '?'}{query}")
    settled(page)
    return page


def settled(page: Page) -> None:
    """Waits until the page's script has drawn something of its own, and has run to its end."""
    page.locator("input.text, .stMainBlockContainer h1, .stMainBlockContainer h2, .stAlert").first.wait_for()
    asks = any(f"{name}=" in page.url for name in ("q", "plus", "minus", "like", "unlike", "sound", "saved"))
    if asks and "/?" in page.url:
        page.locator(".hit, .stAlert").first.wait_for()
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")


def alert(page: Page) -> Locator:
    """What the page says in a box of its own."""
    return page.get_by_test_id("stAlertContainer")


def hit_names(page: Page) -> list[str]:
    """The names of the hits, best first, as soon as there are any."""
    page.locator(".hit").first.wait_for()
    return page.locator(".hit .name").all_inner_texts()


_SIGNATURE = """() => {
    const find = (root) => {
        for (const node of root.querySelectorAll("*")) {
            if (node.matches("ol.hits")) return node.dataset.signature;
            const inside = node.shadowRoot && find(node.shadowRoot);
            if (inside) return inside;
        }
        return null;
    };
    return find(document);
}"""


@contextlib.contextmanager
def hits_change(page: Page) -> Iterator[None]:
    """Waits at its end until there is another list of hits than at its start."""
    before = page.evaluate(_SIGNATURE)
    yield
    page.wait_for_function(f"before => {{ const now = ({_SIGNATURE})(); return now && now !== before; }}", arg=before)


def ask(page: Page, text: str) -> None:
    """Types a query and waits for its hits."""
    box = page.get_by_label("Describe a sound")
    with hits_change(page):
        box.fill(text)
        box.press("Enter")


def shot(page: Page, name: str) -> None:
    """Takes a picture of the page into the build folder, for people to look at."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    time.sleep(0.3)  # what fades has faded
    page.screenshot(path=SHOTS / f"{name}.png")


def is_foreign(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in ("127.0.0.1", "localhost")
