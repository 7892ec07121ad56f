"""Takes the pictures of the page that stand in the README: of the demo sounds, at a size of their own.

make pictures
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from soundgrep.ui.screen import say
from tests.ui.browser.conftest import ROOT, chromium, opened, served

WIDTH, HEIGHT = 1200, 720


def listing(page: Page, address: str) -> None:
    """A search, a sound that is playing, and one that is kept."""
    opened(page, address, q="birds singing", plus="wind in the trees", minus="music")
    for number in range(5):
        page.locator(".hit .drawing.drawn").nth(number).wait_for()
    page.locator(".hit .keep").nth(1).click()
    page.locator(".hit .play").nth(0).click()
    page.wait_for_function("() => window.soundgrepAudio && window.soundgrepAudio.currentTime > 1.5")
    page.locator(".hit .play").nth(0).click()


def grid(page: Page, address: str) -> None:
    """The same by night, as a grid."""
    opened(page, address, q="a bell", view="grid")
    for number in range(3):
        page.locator(".hit .drawing.drawn").nth(number).wait_for()


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    soundgrep = Path(sys.executable).with_name("soundgrep")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        collection = Path(name) / "demo.soundgrep"
        subprocess.run([soundgrep, "index", ROOT / "data" / "demo", collection], check=True)
        subprocess.run([soundgrep, "metadata", collection, ROOT / "data" / "demo" / "captions.csv"], check=True)
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox"] if os.geteuid() == 0 else []
        )
        with served(collection) as address:
            for scheme, draw in (("light", listing), ("dark", grid)):
                size = {"width": WIDTH, "height": HEIGHT}
                page = browser.new_page(viewport=size, color_scheme=scheme, reduced_motion="reduce")
                page.set_default_timeout(60_000)
                draw(page, address)
                page.mouse.move(0, 0)
                page.wait_for_timeout(500)
                place = folder / f"{draw.__name__}.png"
                shown = Image.open(io.BytesIO(page.screenshot()))
                shown.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(place, optimize=True)
                say(f"{place}: {place.stat().st_size:,} bytes")
        browser.close()


if __name__ == "__main__":
    main()
