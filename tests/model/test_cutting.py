"""Cutting stretches out of clips: sample by sample what the file holds, at its own rate and width."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from soundgrep.model.audio.cutting import CutCodec, cut
from soundgrep.model.errors import AudioError

pytestmark = pytest.mark.slow

RATE_HZ = 32_000


def noise(n_channels: int, duration_s: float) -> npt.NDArray[np.float64]:
    return np.random.default_rng(0).uniform(-0.9, 0.9, (round(duration_s * RATE_HZ), n_channels))


def pieces(
    path: Path, spans: list[tuple[float, float]], codec: CutCodec
) -> list[tuple[npt.NDArray[np.int32], int, str]]:
    found = []
    for file in cut(path, spans, codec=codec):
        with file:
            data = io.BytesIO(file.read())
        info = soundfile.info(data)
        data.seek(0)
        found.append((soundfile.read(data, dtype="int32", always_2d=True)[0], info.samplerate, info.subtype))
    return found


@pytest.mark.parametrize("codec", ["wav", "flac"])
@pytest.mark.parametrize(
    ("kind", "subtype", "n_channels", "bits"),
    [("WAV", "PCM_16", 1, 16), ("WAV", "PCM_24", 3, 24), ("FLAC", "PCM_16", 2, 16), ("FLAC", "PCM_24", 2, 24)],
)
def test_a_stretch_is_what_the_file_holds_bit_by_bit(
    tmp_path: Path, codec: CutCodec, kind: str, subtype: str, n_channels: int, bits: int
) -> None:
    path = tmp_path / "a"
    soundfile.write(path, noise(n_channels, 6), RATE_HZ, format=kind, subtype=subtype)
    whole = soundfile.read(path, dtype="int32", always_2d=True)[0]
    spans = [(0.0, 0.25), (0.5, 4.75), (5.5, 9.0)]
    found = pieces(path, spans, codec)
    for (samples, rate_hz, written), (start_s, end_s) in zip(found, spans, strict=True):
        assert (rate_hz, written) == (RATE_HZ, f"PCM_{bits}")
        np.testing.assert_array_equal(samples, whole[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)])


def test_floats_become_24_bits_and_what_is_lossy_16(tmp_path: Path) -> None:
    samples = noise(2, 2)
    soundfile.write(tmp_path / "a.wav", samples, RATE_HZ, subtype="FLOAT")
    ((found, _, subtype),) = pieces(tmp_path / "a.wav", [(0.5, 1.0)], "wav")
    assert subtype == "PCM_24"
    np.testing.assert_allclose(found / 2**31, samples[RATE_HZ // 2 : RATE_HZ], atol=2**-22)
    soundfile.write(tmp_path / "a.ogg", samples, RATE_HZ)
    ((lossy, _, subtype),) = pieces(tmp_path / "a.ogg", [(0.5, 1.0)], "flac")
    assert (subtype, lossy.shape) == ("PCM_16", (RATE_HZ // 2, 2))


def test_what_cannot_be_cut_is_told_in_a_sentence_with_the_name(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", noise(9, 1), RATE_HZ)
    (tmp_path / "b.wav").write_text("no sound")
    for name, spans, codec, said in (
        ("a.wav", [(2.0, 3.0)], "wav", "no sound from 2 to 3 s"),
        ("a.wav", [(0.0, 1.0)], "flac", "take it as wav"),
        ("b.wav", [(0.0, 1.0)], "wav", "not audio"),
        ("c.wav", [(0.0, 1.0)], "wav", "there is no such file"),
    ):
        with pytest.raises(AudioError, match=said) as caught:
            list(cut(tmp_path / name, spans, codec=codec))  # type: ignore[arg-type]
        assert str(caught.value).startswith(f"{tmp_path / name}: ")
