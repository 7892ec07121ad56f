"""Small sounds for the indexer's tests: 16 kHz, made by numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

RATE_HZ = 16_000


def sound(number: int, *, duration_s: float = 0.5) -> npt.NDArray[np.float32]:
    """A tone and some noise [n_samples], another for each number."""
    rng = np.random.default_rng(number)
    times_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    tone = 0.3 * np.sin(2 * np.pi * rng.uniform(80, 4_000) * times_s)
    return (tone + 0.05 * rng.standard_normal(len(times_s))).astype(np.float32)


def write(path: Path, number: int, *, duration_s: float = 0.5) -> Path:
    """Write the sound of that number as a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:  # names need not be text
        soundfile.write(file, sound(number, duration_s=duration_s), RATE_HZ, subtype="PCM_16", format="WAV")
    return path


def write_numbered(folder: Path, n: int) -> Path:
    """Write the first `n` sounds as files called by their numbers, and give the folder."""
    for number in range(n):
        write(folder / f"{number:02d}.wav", number)
    return folder
