"""What a 3-hour file costs: peak memory of all processes, and whether its embeddings are those of its pieces.

    make benchmark-long_file

The full-size tower with random weights; FLAC, 44,100 Hz, stereo. Memory is told apart while the file is read, and after
it, when the index has the text tower embed its bank of texts, which costs the same whatever the files are.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import soundfile
from pipeline import full_size

from soundgrep import Encoder, build_collection
from soundgrep.search import Collection

RATE_HZ, SEGMENT_S, N_SEGMENTS = 44_100, 7, 1_543  # three hours and a second
N_SEGMENTS_OF_PIECE = 24
PIECES = (0, 700, N_SEGMENTS - N_SEGMENTS_OF_PIECE)


def write_sound(path: Path, segments: range) -> None:
    """Write some segments of an endless sound."""
    with soundfile.SoundFile(path, "w", RATE_HZ, 2, "PCM_16", format="FLAC") as file:
        for number in segments:
            random = np.random.default_rng(number)
            times_s = np.arange(RATE_HZ * SEGMENT_S) / RATE_HZ
            tone = 0.2 * np.sin(2 * np.pi * random.uniform(100, 4_000) * times_s)
            file.write(tone[:, None] + random.normal(0, 0.02, (len(times_s), 2)))


def make_checkpoint(folder: Path) -> None:
    full_size(folder)
    Encoder.from_pretrained(folder).check_text_tower()  # as it is once a machine, before anything is indexed


class PeakMemory:
    """Most memory that this process and its children had at once, in MB, until now."""

    def __init__(self) -> None:
        self.together_mb = self.worker_mb = 0.0
        self.said: list[str] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join()

    def say(self, when: str) -> None:
        """Note the peak since the last time."""
        self.said.append(f"{when}: {self.worker_mb:.0f} MB in the worker, {self.together_mb:.0f} MB in all together")
        self.together_mb = self.worker_mb = 0.0

    def _watch(self) -> None:
        while not self._done.wait(0.1):
            try:
                children = [child.memory_info().rss / 1e6 for child in psutil.Process().children(recursive=True)]
            except psutil.NoSuchProcess:
                continue
            self.worker_mb = max([self.worker_mb, *children])
            self.together_mb = max(self.together_mb, sum(children) + psutil.Process().memory_info().rss / 1e6)


def embeddings(collection: Path) -> np.ndarray:
    table = Collection.open(collection).sql("SELECT start_s, embedding FROM segments ORDER BY start_s")
    return np.array(table.column("embedding").to_pylist(), np.float32)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        maker = multiprocessing.get_context("spawn").Process(target=make_checkpoint, args=(folder / "full",))
        maker.start()  # torch would stay in this process's memory
        maker.join()
        (folder / "long").mkdir()
        write_sound(folder / "long" / "long.flac", range(N_SEGMENTS))
        with PeakMemory() as peak:
            started_s = time.perf_counter()
            report = build_collection(
                folder / "long",
                folder / "c",
                encoder=folder / "full",
                progress=lambda progress: (
                    peak.say("while it was read") if progress.n_done and not progress.index_step else None
                ),
            )
            taken_s = time.perf_counter() - started_s
            peak.say("while it was indexed")
        whole = embeddings(folder / "c")
        alike = []
        for first in PIECES:
            (folder / f"piece {first}").mkdir()
            write_sound(folder / f"piece {first}" / "piece.flac", range(first, first + N_SEGMENTS_OF_PIECE))
            build_collection(folder / f"piece {first}", folder / f"c {first}", encoder=folder / "full")
            alike.append(bool((embeddings(folder / f"c {first}") == whole[first : first + N_SEGMENTS_OF_PIECE]).all()))
    print(f"{report.audio_s / 3600:.2f} hours in {taken_s:.0f} s: {report.n_segments / taken_s:.1f} segments/s")
    print(*(f"peak memory {line}" for line in peak.said), sep="\n")
    print(f"embeddings of {len(alike)} pieces equal to the last bit: {'yes' if all(alike) else 'NO'}")


if __name__ == "__main__":
    main()
