"""The map, learning from marks, and saved searches, on the real page."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Locator, Page, expect

from ..command import soundgrep
from .conftest import Visit, bearer, hit_names, hits_change, opened, served, shot


@pytest.fixture(scope="module")
def mapped(demo_collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the demo collection of our own, with a map."""
    collection = shutil.copytree(demo_collection, tmp_path_factory.mktemp("mapped") / "mapped.soundgrep")
    assert soundgrep("map", collection, "--method", "pca").code == 0
    return collection


@pytest.fixture(scope="module")
def mapped_address(mapped: Path) -> Iterator[str]:
    with served(mapped) as found:
        yield found


@pytest.fixture
def go(visitor: Callable[..., BrowserContext], mapped_address: str) -> Visit:
    context = visitor()

    def visit(path: str = "", **parameters: str | list[str]) -> Page:
        return opened(context.new_page(), mapped_address, path, **parameters)

    return visit


def canvas(page: Page) -> Locator:
    """The map, drawn."""
    drawn = page.locator(".plot canvas[data-n]")
    expect(drawn).to_be_visible()
    return drawn


def lasso(page: Page, *corners: tuple[float, float]) -> None:
    """Draws round a part of the map; corners as shares of its width and height."""
    box = canvas(page).bounding_box()
    assert box is not None
    page.get_by_role("button", name="Draw round").click()
    for number, (x, y) in enumerate(corners):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
        if number == 0:
            page.mouse.down()
    page.mouse.up()


def test_the_map_is_gone_through_by_ear(go: Visit) -> None:
    page = go("map", q="a dog barking")
    assert canvas(page).get_attribute("data-n") == "71"
    assert page.locator(".legend bdi").all_inner_texts()[:3] == ["home", "music", "animals"]
    expect(page.locator(".hit").first).to_be_visible()
    shot(page, "map")
    canvas(page).focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowUp")
    expect(page.locator(".tip")).to_be_visible()
    page.keyboard.press(" ")
    page.wait_for_function("() => window.soundgrepAudio && window.soundgrepAudio.currentTime > 0.1")
    name = page.locator(".tip .name").inner_text()
    expect(page.get_by_text(f"{name} plays")).to_have_count(1)
    page.locator(".hit .play").first.click()
    page.wait_for_function("() => [...document.querySelectorAll('*')].length > 0 && !window.soundgrepAudio.paused")
    violations = Axe().run(page).response["violations"]
    assert [one["id"] for one in violations if one["impact"] in ("serious", "critical")] == []


def test_colours_are_chosen(go: Visit) -> None:
    page = go("map")
    canvas(page)
    page.get_by_role("combobox").first.click()
    page.get_by_role("option", name="category").click()
    expect(page.locator(".legend bdi").first).to_have_text("music")
    page.get_by_role("button", name="animals 10").click()
    expect(page.get_by_role("button", name="animals 10")).to_have_attribute("aria-pressed", "true")


def test_an_area_is_searched_inside(go: Visit) -> None:
    page = go("map")
    lasso(page, (0.02, 0.02), (0.5, 0.02), (0.5, 0.98), (0.02, 0.98))
    expect(page.locator(".chip bdi")).to_have_text(["inside an area of the map"])
    expect(page.locator(".hit").first).to_be_visible()
    assert "area=" in page.url
    shot(page, "map-area")
    inside = set(hit_names(page))
    with hits_change(page):
        page.get_by_label("Describe a sound").fill("rain")
        page.keyboard.press("Enter")
    linked = opened(
        page.context.new_page(), page.url.partition("/map")[0], "", q="rain", area=page.url.split("area=")[1]
    )
    assert hit_names(linked)[:3] == hit_names(page)[:3]
    assert inside
    page.get_by_role("button", name="Search everywhere").click()
    expect(page.locator(".chip bdi")).to_have_count(0)
    assert "area=" not in page.url


def test_marks_rank_at_once_and_are_saved(go: Visit, mapped: Path) -> None:
    page = go(q="a bell")
    names = hit_names(page)
    page.locator(".hit").nth(0).get_by_role("button", name="Reject").click()
    page.locator(".hit").nth(2).get_by_role("button", name="Keep").click()
    expect(page.get_by_text("1 kept, 1 rejected")).to_be_visible()
    with hits_change(page):
        page.get_by_text("Learn from marks").click()
    assert names[0] not in hit_names(page)
    assert names[2] in hit_names(page)[:3]
    assert "keep=" in page.url
    assert "drop=" in page.url
    with hits_change(page):  # another mark counts at once
        page.locator(".hit").nth(4).get_by_role("button", name="Keep").click()
    shot(page, "learning")
    best = hit_names(page)[:5]
    page.get_by_role("button", name="Save search").click()
    page.get_by_label("Name", exact=True).fill("my <b>bells</b>")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved as my <b>bells</b>")).to_be_visible()
    said = soundgrep("search", mapped, "--saved", "my <b>bells</b>", "--fold", "-k", "5")
    assert [Path(line).name for line in said.lines] == best
    again = go("")
    again.get_by_role("button", name="my <b>bells</b>").click()
    expect(again.locator(".chip bdi")).to_have_text(["saved query my <b>bells</b>"])
    expect(again.locator(".hit .name").first).to_have_text(best[0])
    assert hit_names(again)[:5] == best
    linked = go(saved="my <b>bells</b>")
    assert hit_names(linked)[:5] == best
    linked.get_by_role("button", name="1 saved search").click()
    linked.get_by_role("button", name="delete").click()
    expect(linked.get_by_role("button", name="1 saved search")).to_have_count(0)
    assert "no queries are saved" in soundgrep("queries", mapped).err


def test_a_saved_search_that_is_not_there(go: Visit) -> None:
    page = go(saved="nothing")
    expect(page.get_by_test_id("stAlertContainer")).to_contain_text("has no saved query 'nothing'")


def test_a_phone_has_room_for_the_map(visitor: Callable[..., BrowserContext], mapped_address: str) -> None:
    phone = visitor(
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
        device_scale_factor=2,
        color_scheme="dark",
    )
    page = opened(phone.new_page(), mapped_address, "map")
    canvas(page)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    shot(page, "map-phone")


def test_the_map_is_laid_out_anew_from_the_page(go: Visit) -> None:
    page = go("map")
    canvas(page)
    page.get_by_role("button", name="Lay out anew").click()
    page.get_by_role("radio", name="main differences (PCA)").check(force=True)
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text("The map is being made")).to_be_visible()
    canvas(page)
    assert canvas(page).get_attribute("data-n") == "71"


def test_points_are_of_open_collections_only(mapped_address: str, visitor: Callable[..., BrowserContext]) -> None:
    asked = visitor(extra_http_headers=bearer(mapped_address)).request
    assert asked.get(f"{mapped_address}/soundgrep/maps/0").ok
    for path in ("maps/1", "maps/x", "maps/-1", "maps/0?colour=no_such"):
        answer = asked.get(f"{mapped_address}/soundgrep/{path}")
        assert answer.status in (404, 422, 400), path
        assert answer.json()["error"]
