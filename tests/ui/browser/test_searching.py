"""Searching on the page: texts, sounds, links, lists that grow, and a player that starts where the sound is."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from .conftest import LONG, MOVED, Visit, ask, hit_names, hits_change, shot


def playing(page: Page, *, from_s: float) -> None:
    """Waits until the media element plays on from a position."""
    page.wait_for_function(
        "s => { const a = window.soundgrepAudio; return a && !a.paused && a.currentTime > s; }", arg=from_s
    )


def chips(page: Page) -> list[str]:
    return page.locator(".chip").all_inner_texts()


def test_a_text_finds_its_sounds_and_the_address_repeats_the_search(visit: Visit) -> None:
    page = visit()
    expect(page.locator(".idea").first).to_be_visible()
    shot(page, "start")
    ask(page, "glass breaking in a kitchen")
    assert hit_names(page)[0] == "glass_breaking.ogg"
    first = page.locator(".hit").first
    expect(first).to_contain_text("kitchen")
    expect(first).to_contain_text("2.3 s")
    expect(first.locator(".drawing.drawn")).to_be_visible()
    ask(page, "- music")
    assert "q=glass+breaking+in+a+kitchen&minus=music" in page.url
    names = hit_names(page)

    again = visit(page.url.rpartition("/")[2])
    expect(again.locator(".hit").first).to_be_visible()
    assert hit_names(again) == names
    assert again.get_by_label("Describe a sound").input_value() == "glass breaking in a kitchen"
    assert [text.split() for text in chips(again)] == [["not", "music"]]

    with hits_change(page):
        page.get_by_role("button", name="Take away music").click()
    assert chips(page) == []
    assert "minus" not in page.url
    with hits_change(page):
        page.go_back()
    assert [text.split() for text in chips(page)] == [["not", "music"]]
    assert hit_names(page) == names


def test_a_text_in_other_letters_than_the_encoders_know_gets_a_note(visit: Visit) -> None:
    page = visit()
    ask(page, "dog")
    expect(page.get_by_text("The encoders learned English")).to_have_count(0)
    ask(page, "- 犬の鳴き声")
    expect(page.get_by_text("The encoders learned English")).to_be_visible()


def test_an_idea_drawn_from_the_collection_is_a_search(visit: Visit) -> None:
    page = visit()
    idea = page.locator(".idea").first
    text = idea.inner_text()
    idea.click()
    expect(page.locator(".hit").first).to_be_visible()
    assert page.get_by_label("Describe a sound").input_value() == text
    assert page.locator("datalist option").first.get_attribute("value") == text  # and history


def test_one_sound_plays_at_a_time_from_where_it_was_found(visit_odd: Visit) -> None:
    page = visit_odd(q="glass breaking")
    row = page.locator(".hit", has_text=LONG)
    expect(row.locator(".span")).to_have_text(re.compile(r"15\.0 s . 20\.0 s"))
    row.locator(".play").click()
    playing(page, from_s=15.1)
    assert page.evaluate("() => window.soundgrepAudio.currentTime") < 20
    expect(row.locator(".needle")).to_be_visible()
    shot(page, "player")
    page.keyboard.press("l")  # or a short clip would be over before it is looked at
    other = page.locator(".hit").filter(has_not_text=LONG).filter(has_not_text=MOVED).first
    other.locator(".play").click()
    expect(other).to_have_class("hit playing")
    expect(page.locator(".hit.playing")).to_have_count(1)
    playing(page, from_s=0.05)
    other.locator(".play").click()
    expect(page.locator(".hit.playing")).to_have_count(0)
    assert page.evaluate("() => window.soundgrepAudio.paused")


def test_the_keyboard_walks_plays_and_keeps(visit: Visit) -> None:
    page = visit(q="rain")
    current = page.locator(".hit[aria-current]")
    expect(current).to_have_count(1)
    names = hit_names(page)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    expect(current.locator(".name")).to_have_text(names[1])
    page.keyboard.press("k")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("x")
    page.keyboard.press("Space")
    playing(page, from_s=0.0)
    expect(page.locator(".hit.playing .name")).to_have_text(names[2])
    page.keyboard.press("Space")
    expect(page.locator(".hit.playing")).to_have_count(0)
    expect(page.locator(".hit.kept .name")).to_have_text(names[1])
    expect(page.locator(".hit.dropped .name")).to_have_text(names[2])
    # What is typed into the box is text.
    page.keyboard.press("/")
    page.keyboard.type(" k")
    assert page.get_by_label("Describe a sound").input_value() == " k"
    expect(page.locator(".hit.kept")).to_have_count(1)
    # Marks outlast a visit to another page and another search.
    page.get_by_role("link", name="SQL").click()
    expect(page.locator(".hit")).to_have_count(0)
    page.get_by_role("link", name="Search").click()
    expect(page.locator(".hit.kept .name")).to_have_text(names[1])
    assert "q=rain" in page.url


def test_more_like_this_less_like_this_and_only_similar(visit: Visit) -> None:
    page = visit(q="a bell", where="duration_s > 2")
    names = hit_names(page)
    with hits_change(page):
        page.get_by_role("button", name=f"More like this: {names[1]}").click()
    assert [text.split() for text in chips(page)] == [["and", "like", names[1]], ["and", "duration_s", ">", "2"]]
    assert names[1] not in hit_names(page)
    assert "&like=" in page.url
    with hits_change(page):
        page.get_by_role("button", name=f"Less like this: {names[0]}").click()
    assert [text.split()[0] for text in chips(page)] == ["and", "not", "and"]
    assert names[0] not in hit_names(page)
    similar = hit_names(page)[0]
    with hits_change(page):
        page.get_by_role("button", name=f"Only what is similar to this: {similar}").click()
    assert page.get_by_label("Describe a sound").input_value() == ""
    assert "where=duration_s" in page.url  # in what is filtered
    assert "q=" not in page.url


def test_the_list_grows_and_keeps_what_is_there(visit: Visit) -> None:
    page = visit(q="music", fold="no")
    rows = page.locator(".hit")
    expect(rows.nth(19)).to_be_attached()
    rows.first.evaluate("row => { row.seenBefore = true; }")
    first = hit_names(page)[:20]
    while (n := rows.count()) < 71:
        page.keyboard.press("End")
        expect(rows.nth(n)).to_be_attached()
    names = hit_names(page)
    assert names[:20] == first
    assert len(set(names)) == 71
    assert rows.first.evaluate("row => row.seenBefore") is True
    expect(page.get_by_text("71 hits in 71 clips")).to_be_visible()


def test_hits_as_a_grid_by_segment_and_by_words(visit: Visit) -> None:
    page = visit(q="bell", view="grid")
    expect(page.locator(".root.grid .hit").first).to_be_visible()
    expect(page.locator(".drawing.drawn").first).to_be_visible()
    shot(page, "grid")
    page.get_by_label("Listing: how hits are listed").click()
    with hits_change(page):
        page.get_by_label("Only words, not sound").check()
    assert sorted(hit_names(page)) == ["bicycle_bell.flac", "church_bell.ogg"]
    with hits_change(page):
        page.get_by_label("Every segment by itself").check()
    assert "by=segment" in page.url
    assert "words" not in page.url
    page.get_by_role("button", name="As a list").click()
    expect(page.locator(".root:not(.grid) .hit").first).to_be_visible()
    assert "view" not in page.url


def test_a_sound_is_what_is_searched_by(visit: Visit, demo_sounds: Path) -> None:
    page = visit()
    page.get_by_role("button", name="Sound").click()
    expect(page.get_by_text("Record a sound")).to_be_visible()
    page.locator("input[type=file]").set_input_files(demo_sounds / "weather" / "thunder.ogg")
    expect(page.locator(".chip")).to_contain_text("like thunder.ogg")
    assert hit_names(page)[0] == "thunder.ogg"
    assert "sound=" in page.url
    # The link holds as long as the page is served; somebody else's page too.
    again = visit(page.url.rpartition("/")[2])
    expect(again.locator(".hit .name").first).to_have_text("thunder.ogg")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Take away like thunder.ogg").click()
    expect(page.locator(".hit")).to_have_count(0)
