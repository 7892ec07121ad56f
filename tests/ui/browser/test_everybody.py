"""The page for everybody: screen readers, phones, night, and a hundred at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, expect

from ...waiting import LONG_S
from .conftest import bearer, opened, shot


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_screen_readers_are_not_stopped(visitor: Callable[..., BrowserContext], address: str, scheme: str) -> None:
    page = opened(visitor(color_scheme=scheme).new_page(), address, q="rain", plus="wind")
    expect(page.locator(".drawing.drawn").nth(5)).to_be_visible()
    page.locator(".hit .play").nth(1).click()
    expect(page.locator(".hit.playing")).to_have_count(1)
    page.keyboard.press("k")
    shot(page, f"main-{scheme}")
    found = Axe().run(page).response["violations"]
    serious = [
        (violation["id"], [node["html"][:200] for node in violation["nodes"]])
        for violation in found
        if violation["impact"] in ("serious", "critical")
    ]
    assert serious == []


def test_a_phone_is_wide_enough(visitor: Callable[..., BrowserContext], address: str) -> None:
    phone = visitor(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2)
    page = opened(phone.new_page(), address, q="a bell", plus="rain")
    expect(page.locator(".drawing.drawn").first).to_be_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    for row in (page.locator(".hit").nth(0), page.locator(".hit").nth(1)):
        box = row.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    page.locator(".hit .play").first.tap()
    page.wait_for_function("() => window.soundgrepAudio && window.soundgrepAudio.currentTime > 0")
    shot(page, "phone")
    page.locator(".hit .act.keep").first.tap()
    expect(page.locator(".hit.kept")).to_have_count(1)


def test_a_hundred_tabs_at_once(address: str) -> None:
    """As many visitors as their browsers would be, each asking something, none turned away."""
    queries = [f"q=sound+{n}" for n in range(100)]
    with ThreadPoolExecutor(1) as beside:  # Playwright's loop runs in this thread
        finished = beside.submit(lambda: asyncio.run(_visits(address, queries))).result()
    assert finished == [True] * 100


async def _visits(address: str, queries: list[str]) -> list[bool]:
    return list(await asyncio.gather(*(_visit(address, query) for query in queries)))


async def _visit(address: str, query: str) -> bool:
    """Speaks as the page's own scripts do; whether the answer held hits."""
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
    from websockets.asyncio.client import connect
    from websockets.typing import Origin, Subprotocol

    asked = BackMsg()
    asked.rerun_script.query_string = query
    hits = False
    async with connect(
        address.replace("http", "ws") + "/_stcore/stream",
        subprotocols=[Subprotocol("streamlit")],
        origin=Origin(address),
        additional_headers=bearer(address),
        max_size=None,
        open_timeout=LONG_S,
    ) as socket:
        await socket.send(asked.SerializeToString())
        async with asyncio.timeout(LONG_S):
            async for message in socket:
                told = ForwardMsg()
                told.ParseFromString(message if isinstance(message, bytes) else message.encode())
                element = told.delta.new_element
                hits |= element.WhichOneof("type") == "bidi_component" and '"segment"' in element.bidi_component.json
                if told.WhichOneof("type") == "script_finished":
                    return hits and told.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
    return False
