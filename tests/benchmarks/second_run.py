"""How long a second run over 10,000 unchanged files takes, beside the first one.

make benchmark-second_run
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from soundgrep import build_collection

N_FILES, N_FOLDERS, RATE_HZ = 10_000, 100, 8_000


def write_sounds(folder: Path) -> None:
    for number in range(N_FILES):
        place = folder / f"{number % N_FOLDERS:02d}"
        place.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).normal(0, 0.1, RATE_HZ // 20)
        soundfile.write(place / f"{number}.wav", noise, RATE_HZ, subtype="PCM_16")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        sounds, collection = Path(name) / "sounds", Path(name) / "c"
        write_sounds(sounds)
        times_s = []
        for _ in range(4):
            started_s = time.perf_counter()
            report = build_collection(sounds, collection, encoder="mini")
            times_s.append(time.perf_counter() - started_s)
        if report.n_unchanged != N_FILES:
            raise SystemExit(f"only {report.n_unchanged} files were unchanged")
        print(f"first run over {N_FILES:,} files  {times_s[0]:7.1f} s")
        print(f"second run, nothing changed  {statistics.median(times_s[1:]):7.2f} s (median of 3)")


if __name__ == "__main__":
    main()
