"""A sound is recorded on the page: Chromium plays a file as its microphone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from playwright.sync_api import Browser

from soundgrep.model.audio.excerpt import decode_excerpt

from ..sounds import RATE_HZ, write_wav
from .conftest import DEMO, LOOK_MS, chromium, hit_names, hits_change, opened


def test_what_the_microphone_hears_is_searched_by(browser: Browser, address: str, tmp_path: Path) -> None:
    heard = decode_excerpt(DEMO / "animals" / "dog.ogg", start_s=0, end_s=4, sampling_rate_hz=RATE_HZ)
    microphone = write_wav(tmp_path / "dog.wav", heard[np.newaxis])
    arguments = [
        "--no-sandbox",
        "--mute-audio",
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}",
    ]
    # The microphone is the whole browser's, so this one is started beside the others'.
    listening = browser.browser_type.launch(executable_path=chromium(), args=arguments)
    try:
        context = listening.new_context(permissions=["microphone"])
        context.set_default_timeout(LOOK_MS)
        page = opened(context.new_page(), address, q="rain")
        page.get_by_role("button", name="Sound", exact=False).first.click()
        page.get_by_role("button", name="Record").click()
        page.wait_for_timeout(4_000)
        with hits_change(page):
            page.get_by_role("button", name="Stop recording").click()
        assert "sound=" in page.url
        assert "dog.ogg" in hit_names(page)[:3]
    finally:
        listening.close()
