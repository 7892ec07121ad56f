"""Render training clips of every synthesised kind: ``python data/corpus/synthesised.py CACHE_DIR [--each 12]``.

Writes ``CACHE_DIR/synthesis.npy`` and ``CACHE_DIR/synthesis.csv`` in the layout of ``fetch.py``, and
``CACHE_DIR/synthesis-captions.csv`` in that of ``captions.csv``. The seeds are none that the demo's sounds use.
"""

import argparse
import csv
import sys
from pathlib import Path

import numpy as np
import soxr

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from synthesis import KINDS, render

SAMPLING_RATE_HZ = 22_050
MAX_S = 10
FIRST_SEED = 1000


def clip(kind: str, seed: int) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """Render one clip to int16 ``[n_samples]`` at 22,050 Hz."""
    waveform, rate = render(kind, seed)
    played = soxr.resample(np.asarray(waveform[: MAX_S * rate], dtype=np.float32), rate, SAMPLING_RATE_HZ)
    return np.clip(np.round(played * 32767), -32768, 32767).astype(np.int16)


def main() -> None:
    """Render and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--each", type=int, default=12, help="variations of each kind")
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    clips, places, captions, offset = [], [], [], 0
    for name, kind in KINDS.items():
        for number in range(options.each):
            seed = FIRST_SEED + number
            samples = clip(name, seed)
            path = f"{name}/{seed}"
            clips.append(samples)
            places.append((path, offset, len(samples), SAMPLING_RATE_HZ))
            captions.append(
                ("synthesis", path, kind.captions[number % len(kind.captions)], kind.category, kind.concept)
            )
            offset += len(samples)
    np.save(options.cache / "synthesis.npy", np.concatenate(clips))
    for file_name, head, rows in (
        ("synthesis.csv", ("path", "offset", "n_samples", "source_sampling_rate_hz"), places),
        ("synthesis-captions.csv", ("package", "path", "caption", "category", "concept"), captions),
    ):
        with (options.cache / file_name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(head)
            writer.writerows(rows)
    print(f"{len(clips)} clips of {len(KINDS)} kinds")


if __name__ == "__main__":
    main()
