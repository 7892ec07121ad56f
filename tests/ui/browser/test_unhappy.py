"""What goes wrong on the page is said in a sentence, and the rest goes on."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import httpx2
import numpy as np
from playwright.sync_api import BrowserContext, expect

from soundgrep.model.paths import readable_path

from ..command import soundgrep
from ..sounds import write_wav
from .conftest import HOSTILE, MOVED, Visit, alert, ask, bearer, hit_names, opened, served, settled, shot


def test_files_that_cannot_be_searched_by(visit: Visit, tmp_path: Path) -> None:
    text, silent, hours = tmp_path / "poem.wav", tmp_path / "silent.wav", tmp_path / "two hours.wav"
    text.write_text("this is not a sound\n" * 100)
    write_wav(silent, np.zeros((1, 32_000), np.float32))
    rate = 4_000
    noise = np.random.default_rng(0).integers(0, 255, rate * 60, np.uint8).tobytes() * 120
    layout = struct.pack("<HHIIHH", 1, 1, rate, rate, 1, 8)
    body = b"WAVEfmt " + struct.pack("<I", len(layout)) + layout + b"data" + struct.pack("<I", len(noise)) + noise
    hours.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    page = visit(q="rain")
    for file, sentence in (
        (text, "poem.wav: it is not audio in a known format"),
        (silent, "silent.wav: nothing can be heard in it"),
        (hours, "two hours.wav is long: the search goes by its first 120 s"),
    ):
        if not page.locator("input[type=file]").count():
            page.get_by_role("button", name="Sound").click()
        expect(page.locator("input[type=file]")).to_have_count(1)  # the one before has been emptied and replaced
        page.locator("input[type=file]").set_input_files(file)
        expect(page.get_by_text(sentence.partition(":")[2].strip() or sentence)).to_be_visible()
        expect(page.get_by_text(file.name).first).to_be_visible()
        expect(page.locator(".hit").first).to_be_visible()
    shot(page, "problem")


def test_names_are_text_whatever_they_hold(visit_odd: Visit) -> None:
    page = visit_odd(q="a sound")
    page.on("dialog", lambda dialog: page.evaluate("() => { document.title = 'a script ran'; }"))
    expect(page.locator(".hit")).to_have_count(len(HOSTILE) + 2)
    names = hit_names(page)
    for name in HOSTILE:
        assert readable_path(name) in names, name
    assert page.locator(".hit img, .hit script").count() == 0
    row = page.locator(".hit").nth(names.index(HOSTILE[0]))
    row.locator(".act.more").click()
    expect(page.locator(".chip")).to_contain_text("<img src=x")
    assert page.title() == "soundgrep"
    shot(page, "hostile-names")


def test_a_clip_whose_file_has_gone_is_a_hit_that_says_so(visit_odd: Visit) -> None:
    page = visit_odd(q="a sound")
    row = page.locator(".hit", has_text=MOVED)
    expect(row.locator(".drawing.none")).to_be_visible()
    row.locator(".play").click()
    expect(page.locator(".player .note")).to_contain_text("moved.ogg: there is no such file")
    expect(page.locator(".hit.playing")).to_have_count(0)


def test_a_question_that_cannot_be_answered(visit: Visit) -> None:
    page = visit(q="rain", where="no_such_column = 1")
    expect(alert(page)).to_contain_text("no_such_column")
    page = visit(q="rain", where="duration_s < 0")
    expect(alert(page)).to_contain_text("No clip passes the filters")
    page = visit(q="rain", like="999")
    expect(alert(page)).to_contain_text("999")
    page = visit(sound="0123456789abcdef")
    expect(alert(page)).to_contain_text("is not here any more: give it again")
    # What cannot be is passed over, as from a link that was cut off.
    page = visit(q="rain", like="x", by="moon", view="sphere", fold="perhaps", sound="../x")
    expect(page.locator(".hit").first).to_be_visible()


def test_a_collection_changes_vanishes_and_comes_back(
    visitor: Callable[..., BrowserContext], odd_collection: Path, demo_sounds: Path, tmp_path: Path
) -> None:
    collection = shutil.copytree(odd_collection, tmp_path / "changing.soundgrep")
    manifest = collection / "manifest.json"
    with served(collection) as address:
        page = opened(visitor().new_page(), address, q="a dog barking")
        n = page.locator(".hit").count()
        assert "dog.ogg" not in hit_names(page)
        added = soundgrep("index", demo_sounds / "animals" / "dog.ogg", collection, "--workers", "1")
        assert added.code == 0, added.err
        expect_soon(page, lambda: hit_names(page)[0] == "dog.ogg")
        assert page.locator(".hit").count() == n + 1

        written = manifest.read_text()
        manifest.write_text(json.dumps(json.loads(written) | {"format_version": 999}))
        expect_soon(page, lambda: page.get_by_text("999").count() == 1)
        assert hit_names(page)[0] == "dog.ogg"
        collection.rename(tmp_path / "away.soundgrep")
        expect_soon(page, lambda: alert(page).count() == 1)
        ask(page, "glass")
        assert page.locator(".hit").count() == n + 1
        (tmp_path / "away.soundgrep").rename(collection)
        manifest.write_text(written)
        expect_soon(page, lambda: alert(page).count() == 0)


def test_a_collection_without_clips(visitor: Callable[..., BrowserContext], tmp_path: Path) -> None:
    sounds = tmp_path / "sounds"
    write_wav(sounds / "tone.wav", np.full((1, 16_000), 0.1, np.float32))
    assert soundgrep("index", sounds, tmp_path / "empty.soundgrep", "--workers", "1").code == 0
    (sounds / "tone.wav").unlink()
    assert soundgrep("index", sounds, tmp_path / "empty.soundgrep", "--prune").code == 0
    with served(tmp_path / "empty.soundgrep") as address:
        page = opened(visitor().new_page(), address)
        expect(alert(page)).to_contain_text("empty.soundgrep holds no sounds yet")
        page = opened(visitor().new_page(), address, q="rain")
        expect(alert(page)).to_contain_text("holds no sounds yet")


def test_nothing_else_can_be_fetched(address: str, odd_address: str) -> None:
    with httpx2.Client(base_url=address, headers=bearer(address)) as client:
        found = client.get("/soundgrep/clips/12345/audio")
        assert (found.status_code, found.json()) == (404, {"error": "there is no clip '12345'"})
        for path in ("clips/-1/audio", "clips/..%2f..%2fetc%2fpasswd/audio", "clips/1/picture", "clips/x/preview"):
            assert client.get(f"/soundgrep/{path}").status_code in (400, 404), path
        for path in ("x/..%2fapp.py", "x/app.py", "x/..%2f..%2fcli.py"):
            assert client.get(f"/soundgrep/assets/{path}").status_code in (400, 404), path
        other = client.get("/soundgrep/clips/12345/audio", headers={"Host": "evil.example"})
        assert other.status_code == 421
        assert client.get("/", headers={"Host": "evil.example:80"}).status_code == 421
        assert client.get("/app/static/../../etc/passwd").text.find("root:") == -1


def expect_soon(page: object, holds: Callable[[], bool]) -> None:
    """Opens the page again until something holds: it is told of changes when it runs."""
    from playwright.sync_api import Page

    assert isinstance(page, Page)
    for _ in range(30):
        page.reload()
        settled(page)
        page.wait_for_selector(".hit")
        if holds():
            return
    assert holds()
