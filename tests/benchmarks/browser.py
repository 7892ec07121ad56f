"""From a typed query to ten hits drawn in headless Chromium, over 10,000 clips, and memory over 500 searches.

make benchmark-browser

The rival is the page that Streamlit makes of the same search without a component of its own: a text box, and of each
hit its name and an `st.audio`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import soundfile
from playwright.sync_api import Page, sync_playwright

from soundgrep import build_collection
from soundgrep.indexer.phrases import PHRASES

ROOT = Path(__file__).parents[2]
RATE_HZ = 22_050

# From the key that sends the query to the frame in which ten hits are on the screen.
OURS = """query => new Promise((done, fail) => {
    const all = (root, what) => [...root.querySelectorAll("*")].flatMap(
        (node) => [...(node.matches(what) ? [node] : []), ...(node.shadowRoot ? all(node.shadowRoot, what) : [])]);
    const before = all(document, "ol.hits")[0]?.dataset.signature;
    const box = all(document, "input.text")[0];
    box.value = query;
    const started = performance.now();
    box.form.requestSubmit();
    const look = () => {
        const list = all(document, "ol.hits")[0];
        if (list && list.dataset.signature !== before && list.children.length >= 10) {
            return requestAnimationFrame(() => done(performance.now() - started));
        }
        if (performance.now() - started > 60000) return fail(new Error("no hits"));
        requestAnimationFrame(look);
    };
    look();
})"""
THEIRS = """query => new Promise((done, fail) => {
    const names = () => [...document.querySelectorAll(".stMarkdown")].map((node) => node.textContent).join("|");
    const box = document.querySelector("input[type=text]");
    const before = names();
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(box, query);
    box.dispatchEvent(new Event("input", { bubbles: true }));
    const started = performance.now();
    box.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    const look = () => {
        const app = document.querySelector("[data-testid=stApp]");
        const ended = app.dataset.testScriptState === "notRunning" && names() !== before;
        if (ended && document.querySelectorAll("audio").length >= 10) {
            return requestAnimationFrame(() => done(performance.now() - started));
        }
        if (performance.now() - started > 60000) return fail(new Error("no hits"));
        requestAnimationFrame(look);
    };
    look();
})"""
RIVAL = """\
import streamlit as st
from soundgrep import Collection

@st.cache_resource
def opened():
    return Collection.open({collection!r})

query = st.text_input("Describe a sound")
if query:
    for hit in opened().search(query, k=10):
        st.write(f"{{hit.rank}} {{hit.score:.3f}} {{hit.path}}")
        st.audio(str(hit.file), start_time=int(hit.start_s))
"""


def write_sounds(folder: Path, n_clips: int) -> None:
    """Half seconds of the demo sounds, each at another speed and in other noise."""
    sources = [soundfile.read(path, dtype="float32", always_2d=True)[0].mean(1) for path in sounds_of_demo()]
    for number in range(n_clips):
        made = np.random.default_rng(number)
        source = sources[number % len(sources)]
        start = made.integers(0, max(1, len(source) - RATE_HZ))
        steps = np.arange(RATE_HZ // 2) * made.uniform(0.7, 1.4)
        waveform = np.interp(start + steps, np.arange(len(source)), source) + made.normal(0, 0.003, len(steps))
        place = folder / f"{number % 100:02d}"
        place.mkdir(parents=True, exist_ok=True)
        soundfile.write(place / f"{number}.wav", waveform, RATE_HZ, subtype="PCM_16")


def sounds_of_demo() -> list[Path]:
    kinds = {".wav", ".flac", ".ogg"}
    return sorted(path for path in (ROOT / "data" / "demo").rglob("*") if path.suffix in kinds)


@contextlib.contextmanager
def served(*command: str | Path) -> Iterator[tuple[str, psutil.Process]]:
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    try:
        for line in process.stdout:
            found = re.search(r"(http://127\.0\.0\.1:\d+)", line)
            if found:
                yield found[1], psutil.Process(process.pid)
                return
        raise SystemExit(f"{command[0]} ended without an address")
    finally:
        process.terminate()
        process.communicate()


def times_ms(page: Page, script: str, queries: list[str]) -> list[float]:
    for query in queries[:3]:  # the first ones load what is loaded once
        page.evaluate(script, query)
    return [page.evaluate(script, query) for query in queries[3:]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=10_000)
    parser.add_argument("--queries", type=int, default=50)
    parser.add_argument("--searches", type=int, default=500)
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("this needs Chromium")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        write_sounds(folder / "sounds", options.clips)
        report = build_collection(folder / "sounds", folder / "c.soundgrep", encoder="mini")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        queries = PHRASES[: options.queries + 3]
        soundgrep = Path(sys.executable).with_name("soundgrep")
        with served(soundgrep, "ui", folder / "c.soundgrep", "--no-open", "--no-token", "--port", "0") as (
            address,
            server,
        ):
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(address)
            page.wait_for_selector("input.text", timeout=120_000)
            ours = times_ms(page, OURS, queries)
            memory = [(0, *memories(page, server))]
            for number in range(1, options.searches + 1):
                page.evaluate(OURS, f"{PHRASES[number % 2500]} {number}")
                if number % (options.searches // 5 or 1) == 0:
                    memory.append((number, *memories(page, server)))
            page.close()
        (folder / "plain.py").write_text(RIVAL.format(collection=str(folder / "c.soundgrep")))
        arguments = ("--server.port=8599", "--server.address=127.0.0.1", "--server.headless=true")
        streamlit = Path(sys.executable).with_name("streamlit")
        with served(streamlit, "run", folder / "plain.py", *arguments, "--browser.gatherUsageStats=false") as (
            address,
            _,
        ):
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(address)
            page.wait_for_selector("input[type=text]", timeout=120_000)
            theirs = times_ms(page, THEIRS, queries)
        browser.close()
    print(f"{report.n_clips:,} clips with mini; query to ten hits drawn, ms, {options.queries} queries")
    print("                                p50      p90")
    for label, times in (("soundgrep ui", ours), ("plain Streamlit, st.audio", theirs)):
        print(f"{label:28s} {statistics.median(times):7.0f}  {np.quantile(times, 0.9):7.0f}")
    print(f"ratio of the medians: {statistics.median(theirs) / statistics.median(ours):.1f} x")
    print("searches   server MB   page's scripts MB")
    for number, server_mb, page_mb in memory:
        print(f"{number:8d}   {server_mb:9.0f}   {page_mb:17.1f}")


def memories(page: Page, server: psutil.Process) -> tuple[float, float]:
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    heap = page.evaluate("() => performance.memory.usedJSHeapSize") / 1e6
    return server.memory_info().rss / 1e6, heap


if __name__ == "__main__":
    main()
