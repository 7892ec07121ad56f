"""Render the demo's sounds: ``python data/demo/synthesise.py [FOLDER]``, beside this script if no folder is given.

`sounds.csv` lists them: path, kind and seed of the synthesis, sampling rate and the title written into the file.
"""

import csv
import sys
from pathlib import Path

import numpy as np
import soundfile
import soxr

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from synthesis import render  # noqa: E402 - the synthesis lies beside this folder, in no package

SUBTYPES = {".wav": "PCM_16", ".flac": "PCM_16", ".ogg": "VORBIS", ".opus": "OPUS", ".mp3": "MPEG_LAYER_III"}
MAX_PEAK = 0.7  # lossy codecs overshoot on sounds that are all clicks


def write_sound(path: Path, *, kind: str, seed: int, sampling_rate_hz: int, title: str) -> None:
    """Render one sound and encode it as its suffix says."""
    waveform, rendered_rate_hz = render(kind, seed)
    waveform = soxr.resample(waveform, rendered_rate_hz, sampling_rate_hz, quality="HQ")
    waveform = waveform * min(1.0, MAX_PEAK / float(np.abs(waveform).max()))
    path.parent.mkdir(parents=True, exist_ok=True)
    with soundfile.SoundFile(
        path,
        "w",
        sampling_rate_hz,
        1,
        subtype=SUBTYPES[path.suffix],
        format="OGG" if path.suffix == ".opus" else None,
        compression_level=None if path.suffix in {".wav", ".flac"} else 0.7,
    ) as file:
        file.title = title
        file.write(waveform)


def main() -> None:
    """Render every sound of `sounds.csv`."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    with (HERE / "sounds.csv").open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table):
            write_sound(
                folder / row["path"],
                kind=row["kind"],
                seed=int(row["seed"]),
                sampling_rate_hz=int(row["sampling_rate_hz"]),
                title=row["title"],
            )


if __name__ == "__main__":
    main()
