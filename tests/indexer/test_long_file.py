"""A long file: bounded memory whatever its length, and the embeddings that its pieces have."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from soundgrep.indexer.engines.worker import EmbeddedFile, Task, read_file

from .sounds import RATE_HZ, sound

PIECE_S = 60


def read(path: Path, checkpoint: Path) -> EmbeddedFile:
    file = read_file(Task(os.fsencode(path), str(checkpoint), hop_s=1.0))
    assert isinstance(file, EmbeddedFile)
    return file


def test_a_long_file_has_the_embeddings_of_its_pieces(tmp_path: Path, tiny_checkpoint: Path) -> None:
    whole = sound(1, duration_s=3 * PIECE_S)
    soundfile.write(tmp_path / "whole.flac", whole, RATE_HZ)
    pieces = []
    for number in range(3):
        path = tmp_path / f"{number}.flac"
        soundfile.write(path, whole[number * PIECE_S * RATE_HZ : (number + 1) * PIECE_S * RATE_HZ], RATE_HZ)
        pieces.append(read(path, tiny_checkpoint).embeddings)
    np.testing.assert_array_equal(read(tmp_path / "whole.flac", tiny_checkpoint).embeddings, np.concatenate(pieces))


def test_resampled_it_differs_only_at_the_cuts(tmp_path: Path, tiny_checkpoint: Path) -> None:
    rate_hz = 11_025
    whole = np.resize(sound(2, duration_s=5), 20 * rate_hz)
    soundfile.write(tmp_path / "whole.wav", whole, rate_hz)
    soundfile.write(tmp_path / "half.wav", whole[: 10 * rate_hz], rate_hz)
    found = read(tmp_path / "whole.wav", tiny_checkpoint).embeddings[:10]
    piece = read(tmp_path / "half.wav", tiny_checkpoint).embeddings
    np.testing.assert_array_equal(found[:9], piece[:9])
    assert (found[9] * piece[9]).sum() > 0.999


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_memory_does_not_grow_with_the_length(suffix: str, tmp_path: Path, tiny_checkpoint: Path) -> None:
    code = """
import resource, sys
from soundgrep.indexer.engines.worker import Task, read_file
peaks = []
for path in sys.argv[2:]:
    file = read_file(Task(path.encode(), sys.argv[1], hop_s=1.0))
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print(len(file.start_s), (peaks[1] - peaks[0]) // 1000)
"""
    for name, minutes in (("short", 1), ("long", 20)):
        with soundfile.SoundFile(tmp_path / f"{name}.{suffix}", "w", RATE_HZ, 2, "PCM_16") as file:
            for minute in range(minutes):
                file.write(np.stack([sound(minute, duration_s=60)] * 2, axis=1))
    paths = [str(tmp_path / f"{name}.{suffix}") for name in ("short", "long")]
    done = subprocess.run(
        [sys.executable, "-c", code, str(tiny_checkpoint), *paths], capture_output=True, text=True, check=True
    )
    n_segments, grown_mb = map(int, done.stdout.split())
    assert n_segments == 1_200
    assert grown_mb < 25  # decoded, the file is 77 MB
