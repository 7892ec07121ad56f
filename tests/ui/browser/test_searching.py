"""Searching on the page: text, hits, sound."""

from __future__ import annotations

from playwright.sync_api import expect

from .conftest import Visit, ask, hit_names, shot


def test_a_text_is_typed_and_its_sounds_are_listed(visit: Visit) -> None:
    page = visit()
    ask(page, "glass breaking in a kitchen")
    assert hit_names(page)[0] == "glass_breaking.ogg"
    assert "q=glass+breaking+in+a+kitchen" in page.url
    expect(page.locator(".hit .drawing.drawn").first).to_be_visible()
    shot(page, "search-list")


def test_a_link_repeats_a_search(visit: Visit) -> None:
    page = visit(q="rain", plus="thunder", minus="a bell", view="grid")
    expect(page.locator(".root.grid .hit").first).to_be_visible()
    assert page.locator(".chip bdi").all_inner_texts() == ["thunder", "a bell"]
    assert hit_names(page)[0] in ("thunderstorm.ogg", "rain.ogg")
    assert page.get_by_label("Describe a sound").input_value() == "rain"


def test_a_hit_is_heard_from_where_it_was_found(visit: Visit) -> None:
    page = visit(q="a dog barking")
    page.locator(".hit .play").first.click()
    page.wait_for_function("() => window.soundgrepAudio && window.soundgrepAudio.currentTime > 0.2")
    assert page.evaluate("() => window.soundgrepAudio.paused") is False
