"""The demo's sounds: all there, audible, and what their script renders."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from soundgrep.model.audio.decoding import decode

DEMO = Path(__file__).resolve().parents[2] / "data" / "demo"
RATE_HZ = 22_050


def listed() -> list[dict[str, str]]:
    with (DEMO / "sounds.csv").open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))


def loudness(waveform: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Level in dB of 24 bands in frames of 46 ms [n_frames, 24], nothing under -70 dB."""
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(waveform, (0, 1024)), 1024)[::1024]
    spectra = np.square(np.abs(np.fft.rfft(frames * np.hanning(1024)) / 256))
    edges = np.unique(np.geomspace(1, 512, 25).astype(int))
    return 10 * np.log10(np.maximum(np.add.reduceat(spectra, edges[:-1], axis=1), 1e-7))


def test_every_listed_sound_is_there_and_nothing_else() -> None:
    files = {
        path.relative_to(DEMO).as_posix() for folder in DEMO.iterdir() if folder.is_dir() for path in folder.iterdir()
    }
    assert files == {row["path"] for row in listed()}
    assert sum((DEMO / name).stat().st_size for name in files) < 3_000_000


@pytest.mark.parametrize("row", listed(), ids=lambda row: str(row["path"]))
def test_a_sound_is_short_audible_and_titled(row: dict[str, str]) -> None:
    decoded = decode(DEMO / row["path"], sampling_rate_hz=RATE_HZ)
    assert decoded.info.tags["title"] == row["title"]
    assert 1.0 < decoded.info.duration_s < 6.1
    assert decoded.rms_dbfs is not None
    assert -32 < decoded.rms_dbfs < -13
    assert decoded.peak_dbfs is not None
    assert decoded.peak_dbfs < 0


def test_the_script_renders_the_sounds_again(tmp_path: Path) -> None:
    subprocess.run([sys.executable, DEMO / "synthesise.py", tmp_path], check=True)
    for row in listed():
        kept, rendered = (decode(folder / row["path"], sampling_rate_hz=RATE_HZ) for folder in (DEMO, tmp_path))
        assert rendered.info.codec == kept.info.codec
        assert rendered.info.duration_s == pytest.approx(kept.info.duration_s, abs=0.05)
        n_samples = min(len(kept.waveform), len(rendered.waveform))
        difference = loudness(kept.waveform[:n_samples]) - loudness(rendered.waveform[:n_samples])
        assert np.abs(difference).mean() < 1.0, row["path"]
