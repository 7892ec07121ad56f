"""Sixteen threads ask one collection for a minute while an indexing run adds to it again and again.

    make benchmark-threads

The sounds are synthesised, `mini` listens to them, the indexer is the real command in a process of its own. Threads ask
by texts, by embeddings that they know the answer to, and with filters. Every hit is checked: its id is its path's,
and its score is the cosine of the query and what was embedded for that very segment. One error or wrong id ends it.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as `soundgrep serve` has it: here threads are in the asking

import argparse
import subprocess
import sys
import tempfile
import threading
import time
import wave
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from soundgrep.search import Collection, Query
from soundgrep.search.live import LiveCollections
from soundgrep.search.store.identity import clip_id_of

RATE_HZ = 22_050
N_FIRST, N_ADDED = 100, 10
K = 10
WORDS = ("dog", "rain", "glass", "engine", "bell", "wind", "door", "bird", "train", "water", "horn", "crowd")
SCORE_TOLERANCE = 2e-3  # the index may keep its numbers in half precision


def write_sound(path: Path, number: int) -> None:
    """Noise through a resonance, in bursts: no two alike."""
    rng = np.random.default_rng(number)
    times_s = np.arange(2 * RATE_HZ) / RATE_HZ
    tone = np.sin(2 * np.pi * rng.uniform(80, 4_000) * times_s * (1 + rng.uniform(-0.2, 0.2) * times_s))
    bursts = np.sin(2 * np.pi * rng.uniform(0.5, 12) * times_s) > rng.uniform(-0.8, 0.8)
    sound = (0.5 * tone + rng.uniform(0, 0.4) * rng.standard_normal(len(times_s))) * bursts
    with wave.open(str(path), "wb") as writer:
        writer.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        writer.writeframes((8_000 * sound).astype("<i2").tobytes())


def index(sounds: Path, place: Path) -> None:
    command = [str(Path(sys.executable).with_name("soundgrep")), "index", str(sounds), str(place), "--workers", "1"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


@dataclass
class Count:
    """What one thread saw."""

    took_ms: list[float] = field(default_factory=list)
    n_hits: int = 0
    n_checked_scores: int = 0


class Asker:
    """What every thread asks and checks.

    Args:
        live: The collection.
        known: It as it stood at first: its segments keep their embeddings.
    """

    def __init__(self, live: LiveCollections, known: Collection) -> None:
        self._live = live
        rows = known.sql("SELECT segment_id, embedding FROM segments").to_pydict()
        embeddings = np.array(rows["embedding"], np.float32)
        self._known = dict(
            zip(rows["segment_id"], embeddings / np.linalg.norm(embeddings, axis=1)[:, None], strict=True)
        )
        self._encoder = known.encoder

    def ask(self, rng: np.random.Generator, count: Count) -> None:
        kind = rng.integers(4)
        own = None
        if kind == 0:
            own = list(self._known)[rng.integers(len(self._known))]
            embedding = self._known[own]
            query = Query.embedding(embedding)
        else:
            text = " ".join(rng.choice(WORDS, 4))
            embedding = self._encoder.embed_text([text])[0]
            query = Query.text(text)
        opened = self._live.current
        started = time.perf_counter()
        hits = opened.search(query, k=K, where="duration_s < 3" if kind == 3 else None)
        count.took_ms.append(1e3 * (time.perf_counter() - started))
        if len(hits) != K:
            raise AssertionError(f"{len(hits)} hits instead of {K}")
        for hit in hits:
            if hit.clip_id != clip_id_of(str(hit.file).encode()):
                raise AssertionError(f"clip {hit.clip_id} is not {hit.path}")
            if hit.segment_id in self._known:
                count.n_checked_scores += 1
                if abs(hit.score - float(self._known[hit.segment_id] @ embedding)) > SCORE_TOLERANCE:
                    raise AssertionError(f"segment {hit.segment_id} of {hit.path} has another score")
        if own is not None and hits[0].score < 1 - SCORE_TOLERANCE:
            raise AssertionError(f"segment {own} does not find itself")
        count.n_hits += len(hits)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=60)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sounds, place = Path(folder) / "sounds", Path(folder) / "sounds.soundgrep"
        sounds.mkdir()
        for number in range(N_FIRST):
            write_sound(sounds / f"{number}.wav", number)
        index(sounds, place)
        live = LiveCollections([place])
        asker = Asker(live, live.current.members[0])
        counts = [Count() for _ in range(asked.threads)]
        until = time.monotonic() + asked.seconds

        def work(number: int) -> None:
            rng = np.random.default_rng(number)
            while time.monotonic() < until:
                asker.ask(rng, counts[number])

        n_refreshes, over = 0, threading.Event()

        def watch() -> None:
            nonlocal n_refreshes
            while not over.wait(0.5):
                n_refreshes += live.refresh()

        with ThreadPoolExecutor(asked.threads + 1) as threads:
            watching = threads.submit(watch)
            working = [threads.submit(work, number) for number in range(asked.threads)]
            n_runs = 0
            try:
                while time.monotonic() < until and not any(one.done() for one in working):
                    for _ in range(N_ADDED):
                        write_sound(sounds / f"{len(list(sounds.iterdir()))}.wav", len(list(sounds.iterdir())))
                    index(sounds, place)
                    n_runs += 1
                for one in working:
                    one.result()  # raises what the thread raised
            finally:
                over.set()
            watching.result()
        took_ms = np.sort(np.concatenate([count.took_ms for count in counts]))
        print(f"{asked.threads} threads, {asked.seconds:g} s, {n_runs} indexing runs, opened again {n_refreshes} times")
        print(f"{live.current.members[0].manifest.n_clips:,} clips at the end, {N_FIRST} at first")
        print(f"{len(took_ms):,} searches, {len(took_ms) / asked.seconds:,.0f} a second")
        late_ms = took_ms[int(0.99 * len(took_ms))]
        print(f"median {np.median(took_ms):.1f} ms, 99 % under {late_ms:.1f} ms, the text tower apart")
        n_hits, n_scores = sum(count.n_hits for count in counts), sum(count.n_checked_scores for count in counts)
        print(f"0 errors; {n_hits:,} ids and {n_scores:,} scores checked, none wrong")


if __name__ == "__main__":
    main()
