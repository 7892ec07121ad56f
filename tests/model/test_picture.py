"""Pictures of sound: what is loud, when, and how high, is where it belongs."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from soundgrep.model.audio.excerpt import wav_bytes
from soundgrep.model.audio.picture import MAX_COLUMNS, N_MELS, draw_picture
from soundgrep.model.errors import AudioError

RATE_HZ = 22_050


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A second of nothing, a second of a low tone, two of a high one, half as loud."""
    times_s = np.arange(4 * RATE_HZ) / RATE_HZ
    waveform = np.where(times_s < 2, 0.8 * np.sin(2 * np.pi * 200 * times_s), 0.4 * np.sin(2 * np.pi * 5_000 * times_s))
    waveform[:RATE_HZ] = 0
    path = tmp_path / "clip.wav"
    path.write_bytes(wav_bytes(waveform.astype(np.float32), sampling_rate_hz=RATE_HZ))
    return path


def test_the_outline_and_the_levels_follow_the_sound(clip: Path) -> None:
    picture = draw_picture(clip, start_s=0, end_s=10)
    n = picture.mel.shape[1]
    assert picture.mel.shape[0] == N_MELS
    assert n <= MAX_COLUMNS
    assert (picture.start_s, picture.end_s) == (0, pytest.approx(4, abs=0.01))
    quiet, low, high = slice(0, n // 4 - 3), slice(n // 4 + 3, n // 2 - 3), slice(n // 2 + 3, n - 3)
    assert (picture.high[quiet] == 0).all()
    assert picture.high[low] == pytest.approx(0.8 * 127, abs=3)
    assert picture.low[high] == pytest.approx(-0.4 * 127, abs=3)
    assert picture.mel[:, quiet].max() == 0
    # The highest band comes first.
    heights = picture.mel.argmax(axis=0)
    assert heights[low].min() > N_MELS * 0.8
    assert heights[high].max() < N_MELS * 0.35
    assert picture.mel[:, low].max() == 255


def test_a_stretch_is_drawn_alone_and_packed_as_the_scripts_read_it(clip: Path) -> None:
    picture = draw_picture(clip, start_s=2.5, end_s=3)
    assert np.abs(picture.high - 0.4 * 127).max() < 3
    packed = picture.to_bytes()
    n_columns, n_mels, start_s, end_s = struct.unpack_from("<HHff", packed)
    assert (n_mels, start_s, end_s) == (N_MELS, 2.5, 3.0)
    assert len(packed) == 12 + 2 * n_columns + n_columns * n_mels
    assert packed[12 : 12 + n_columns] == picture.low.tobytes()


def test_silence_is_drawn_as_nothing_and_a_click_as_something(tmp_path: Path) -> None:
    silent = tmp_path / "silent.wav"
    noise = np.random.default_rng(0).normal(0, 1e-5, RATE_HZ).astype(np.float32)
    silent.write_bytes(wav_bytes(noise, sampling_rate_hz=RATE_HZ))
    assert draw_picture(silent, start_s=0, end_s=1).mel.max() < 64
    one = tmp_path / "one.wav"
    one.write_bytes(wav_bytes(np.ones(1, np.float32), sampling_rate_hz=RATE_HZ))
    assert draw_picture(one, start_s=0, end_s=1).high.max() == 127
    with pytest.raises(AudioError, match=r"silent\.wav: there is no sound from 5 to 6 s"):
        draw_picture(silent, start_s=5, end_s=6)
