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

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

import soundgrep

from ..command import ENVIRONMENT, SOUNDGREP
from ..command import soundgrep as run

ROOT = Path(soundgrep.__file__).parent
DEMO = ROOT / "data" / "demo"
SHOTS = ROOT / "build" / "screenshots"
START_S = 300.0
LOOK_MS = 60_000
"""How long the page may take on a busy machine."""

expect.set_options(timeout=LOOK_MS)


class Visit(Protocol):
    """Opens an address of the page."""

    def __call__(self, path: str = "", **parameters: str | list[str]) -> Page: ...


@contextlib.contextmanager
def served(*arguments: str | Path) -> Iterator[str]:
    """Serves collections with `soundgrep ui`, and gives the address."""
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
        told, _, _ = select.select([process.stdout], [], [], START_S)
        line = process.stdout.readline() if told else ""
        found = re.search(r" at (http://\S+) ", line)
        if found is None:
            process.kill()
            pytest.fail(f"soundgrep ui said {line!r} and {process.stderr.read()!r}")
        yield found[1]
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def chromium() -> str:
    """Where Chromium is; `make test` installs it where it is missing."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
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
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        started = playwright.chromium.launch(executable_path=chromium(), args=[*arguments, "--mute-audio"])
        yield started
        started.close()


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Makes visitors; at the end, none of their pages had an error of its scripts or asked another host."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []
    foreign: list[str] = []

    def make(**options: Any) -> BrowserContext:
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 800}} | options))
        context.set_default_timeout(LOOK_MS)
        context.on("weberror", lambda error: errors.append(str(error.error)))
        context.on("request", lambda request: foreign.append(request.url) if is_foreign(request.url) else None)
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()
    assert errors == []
    assert foreign == []


@pytest.fixture
def visit(visitor: Callable[..., BrowserContext], address: str) -> Visit:
    """Opens an address of the page over the demo sounds, for one visitor of 1280 by 800."""
    context = visitor()

    def go(path: str = "", **parameters: str | list[str]) -> Page:
        return opened(context.new_page(), address, path, **parameters)

    return go


def opened(page: Page, address: str, path: str = "", **parameters: str | list[str]) -> Page:
    """Opens an address and waits until the page is drawn."""
    query = urlencode(parameters, doseq=True)
    page.goto(f"{address}/{path}{'?' if query else ''}{query}")
    settled(page)
    return page


def settled(page: Page) -> None:
    """Waits until the page's script has run to its end."""
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")


def hit_names(page: Page) -> list[str]:
    """The names of the hits, best first."""
    return page.locator(".hit .name").all_inner_texts()


def ask(page: Page, text: str) -> None:
    """Types a query and waits for its hits."""
    box = page.get_by_label("Describe a sound")
    before = page.locator(".hits").get_attribute("data-signature") if page.locator(".hits").count() else None
    box.fill(text)
    box.press("Enter")
    page.wait_for_function(
        "before => { const find = (root) => { for (const node of root.querySelectorAll('*')) {"
        " if (node.matches('.hits') && node.dataset.signature !== before) return true;"
        " if (node.shadowRoot && find(node.shadowRoot)) return true; } return false; }; return find(document); }",
        arg=before,
    )


def shot(page: Page, name: str) -> None:
    """Takes a picture of the page into the build folder, for people to look at."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    time.sleep(0.3)  # what fades has faded
    page.screenshot(path=SHOTS / f"{name}.png")


def is_foreign(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in ("127.0.0.1", "localhost")
