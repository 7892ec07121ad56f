"""Indexing from the page: a collection that is new, filled, searched and mapped there."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
from playwright.sync_api import BrowserContext, Page, expect

from soundgrep import Collection

from ...waiting import wait_until
from ..sounds import RATE_HZ, write_wav
from .conftest import DEMO, opened, served, settled, shot


def choose(page: Page, folder: str) -> None:
    box = page.get_by_role("textbox", name="Folder")
    box.fill(folder)
    box.press("Enter")


def test_a_new_collection_is_filled_from_the_page(visitor: Callable[..., BrowserContext], tmp_path: Path) -> None:
    sounds = shutil.copytree(DEMO / "animals", tmp_path / "my sounds" / "animals")
    (sounds / "<b>broken.wav").write_bytes(b"RIFF\x00\x00\x00\x00WAVE")
    collection = tmp_path / "new.soundgrep"
    with served(collection) as address:
        page = opened(visitor().new_page(), address, "index")
        choose(page, str(tmp_path / "none"))
        page.get_by_role("button", name="Start listening").click()
        expect(page.get_by_text("there is no such folder")).to_be_visible()
        choose(page, str(tmp_path / "my"))
        page.get_by_role("button", name="my sounds").click()
        expect(page.get_by_role("button", name="animals")).to_be_visible()
        shot(page, "index-choice")
        page.get_by_role("button", name="Start listening").click()
        expect(page.get_by_role("button", name="Stop")).to_be_visible()
        expect(page.get_by_role("button", name="Start listening")).to_be_disabled()
        expect(page.get_by_text("10 clips are here now (10 added, 1 failed)")).to_be_visible()
        expect(page.get_by_text("1 file could not be heard")).to_be_visible()
        shot(page, "index-done")
        page.get_by_role("link", name="Search").click()
        box = page.get_by_label("Describe a sound")
        box.fill("a cow mooing")
        box.press("Enter")
        expect(page.locator(".hit .name").first).to_have_text("cow.flac")
        page.get_by_role("link", name="Map").click()
        expect(page.get_by_text("No map yet")).to_be_visible()
        page.get_by_role("radio", name="main differences (PCA)").check(force=True)
        page.get_by_role("button", name="Make the map").click()
        expect(page.locator(".plot canvas[data-n='10']")).to_be_visible()
        expect(page.locator(".hit .name").first).to_have_text("cow.flac")
    assert (collection / "manifest.json").exists()


def test_a_collection_that_stays_empty_leaves_nothing(visitor: Callable[..., BrowserContext], tmp_path: Path) -> None:
    with served(tmp_path / "typo.soundgrep") as address:
        page = opened(visitor().new_page(), address)
        expect(page.get_by_text("holds no sounds yet")).to_be_visible()
    assert list(tmp_path.iterdir()) == []


@contextlib.contextmanager
def halted() -> Iterator[None]:
    """Halt the processes of the jobs that pages have started, and let them go on at the end."""
    processes = [process for process in psutil.Process().children(recursive=True) if _is_of_a_job(process)]
    assert processes
    for process in processes:
        process.suspend()
    yield
    for process in processes:
        process.resume()


def _is_of_a_job(process: psutil.Process) -> bool:
    try:
        return "SOUNDGREP_NICE" in process.environ()
    except psutil.Error:  # it has ended meanwhile
        return False


def test_what_is_done_so_far_is_searched_and_the_rest_can_be_stopped(
    visitor: Callable[..., BrowserContext], tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    for number in range(4_000):
        write_wav(tmp_path / "sounds" / f"{number}.wav", rng.normal(0, 0.1, (1, RATE_HZ // 4)).astype(np.float32))
    collection = tmp_path / "new.soundgrep"
    with served(collection) as address:
        page = opened(visitor().new_page(), address, "index")
        choose(page, str(tmp_path / "sounds"))
        page.get_by_role("button", name="Start listening").click()
        wait_until(lambda: Collection.open(collection).n_clips)
        with halted():  # or all of it is done by the time that the page is drawn
            expect(page.get_by_role("button", name="Stop")).to_be_visible()
            other = opened(page.context.new_page(), address)
            while other.get_by_text("holds no sounds yet").is_visible():
                other.reload()
                settled(other)
            box = other.get_by_label("Describe a sound")
            box.fill("noise")
            box.press("Enter")
            other.locator(".hit").first.wait_for()
            expect(page.get_by_role("button", name="Stop")).to_be_visible()
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_role("button", name="Start listening")).to_be_enabled()
    assert 0 < Collection.open(collection).n_clips < 4_000
