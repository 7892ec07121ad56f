"""What we count on of PyAV, whichever release is installed."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from soundgrep.model.audio.decoding import decode
from soundgrep.model.audio.libav import FlacWriter, open_media

from .media import sine

pytestmark = pytest.mark.slow

CONTAINERS = "wav,matroska,ogg,mov,flac,nut"


# Numbers of channels in the `chan` chunk of CAF (Apple's CoreAudioTypes: AudioChannelLabel).
_LABELS = {"FL": 1, "FR": 2, "FC": 3, "LFE": 4, "BL": 33, "BR": 34, "FLC": 7, "FRC": 8, "SL": 5, "SR": 6}


def _names(positions: str) -> list[str]:
    return [channel.name for channel in av.AudioLayout(positions).channels]


def write_channels(path: Path, samples: npt.NDArray[np.float32], *, codec: str) -> Path:
    """Encode channels [n_channels, n_samples] of any number at 48 kHz."""
    with av.open(path, "w") as container:
        layout = f"{len(samples)} channels"
        stream = container.add_stream(codec, rate=48_000, layout=layout, options={"mapping_family": "255"})
        to_codec = av.AudioResampler(stream.format.name, layout, 48_000, frame_size=stream.frame_size or 960)
        packed = np.ascontiguousarray(samples.T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, "flt", layout)
        frame.sample_rate = 48_000
        for piece in [*to_codec.resample(frame), *to_codec.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    """A wav file of these chunks."""
    body = b"WAVE" + b"".join(
        name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize("n_channels", [8, 9, 16, 24, 64])
@pytest.mark.parametrize(("codec", "name"), [("libopus", "x.opus"), ("libopus", "x.mka")])
def test_planes_past_the_eighth_are_read(tmp_path: Path, codec: str, name: str, n_channels: int) -> None:
    samples = np.stack([sine(440, rate_hz=48_000, level=0.5 / (1 + channel)) for channel in range(n_channels)])
    path = write_channels(tmp_path / name, samples, codec=codec)
    with path.open("rb") as file, open_media(file, containers=CONTAINERS) as media:
        frames = list(media.tracks[0].frames())
    assert {frame.n_channels for frame in frames} == {n_channels}
    found = np.concatenate([frame.samples for frame in frames], axis=1).reshape(-1, n_channels).T
    levels = np.sqrt(np.mean(np.square(found[:, 4_800:43_200]), axis=1))
    expected = np.sqrt(np.mean(np.square(samples[:, 4_800:43_200]), axis=1))
    assert np.allclose(levels, expected, rtol=0.1)


@pytest.mark.parametrize("positions", ["FR+FL", "7.1(wide)", "LFE+FC", "FC+FL+FR+BL+BR+LFE"])
def test_channels_in_an_order_without_a_name(tmp_path: Path, positions: str) -> None:
    samples = np.stack([sine(440, rate_hz=48_000)] * av.AudioLayout(positions).nb_channels)
    path = tmp_path / "x.caf"
    soundfile.write(path, samples.T, 48_000, subtype="PCM_24")
    chunk = struct.pack(">III", 0, 0, len(samples)) + b"".join(
        struct.pack(">II12x", label, 0) for label in [_LABELS[name] for name in _names(positions)]
    )
    content = path.read_bytes()
    place = content.index(b"data")
    path.write_bytes(content[:place] + b"chan" + struct.pack(">q", len(chunk)) + chunk + content[place:])
    for _ in range(3):  # memory that is freed twice does not always end a process at once
        found = decode(path, sampling_rate_hz=48_000)
        assert found.info.n_channels == len(samples)
        assert np.allclose(found.waveform, samples[0], atol=1e-3)


def test_text_that_is_not_utf_8_keeps_its_bytes(tmp_path: Path) -> None:
    layout = struct.pack("<HHIIHH", 1, 1, 8_000, 16_000, 2, 16)
    info = b"INFOINAM" + struct.pack("<I", 4) + b"caf\xe9"
    path = tmp_path / "x.wav"
    path.write_bytes(riff((b"fmt ", layout), (b"LIST", info), (b"data", b"\1\0" * 800)))
    with path.open("rb") as file, open_media(file, containers=CONTAINERS) as media:
        assert media.tags["title"].encode(errors="surrogateescape") == b"caf\xe9"
    assert decode(path, sampling_rate_hz=8_000).info.tags["title"] == "café"


def test_whole_numbers_of_64_bits(tmp_path: Path) -> None:
    samples = (sine(440, rate_hz=8_000).astype(np.float64) * 2**62).astype("<i8")
    layout = struct.pack("<HHIIHH", 1, 1, 8_000, 64_000, 8, 64)
    path = tmp_path / "x.wav"
    path.write_bytes(riff((b"fmt ", layout), (b"data", samples.tobytes())))
    found = decode(path, sampling_rate_hz=8_000)
    assert np.allclose(found.waveform, samples / 2**63, atol=1e-6)


def test_a_file_tells_its_clock_and_its_length(tmp_path: Path) -> None:
    path = write_channels(tmp_path / "x.mka", np.stack([sine(440, rate_hz=48_000)]), codec="pcm_s16le")
    with path.open("rb") as file, open_media(file, containers=CONTAINERS) as media:
        assert len(media.tracks) == 1
        assert media.start_s == 0
        assert media.duration_s == pytest.approx(1, abs=0.1)
        times_s = [frame.time_s for frame in media.tracks[0].frames()]
    assert times_s[0] == 0
    assert times_s[-1] is not None
    assert 0.8 < times_s[-1] < 1


@pytest.mark.parametrize("bits", [16, 24])
def test_flac_holds_what_is_written(tmp_path: Path, bits: int) -> None:
    whole = (sine(440, rate_hz=44_100, level=0.9) * (1 << (bits - 1))).astype(np.int64)
    path = tmp_path / "x.flac"
    with path.open("wb") as file:
        writer = FlacWriter(file, n_channels=1, rate_hz=44_100, bits=bits)
        writer.write(whole[np.newaxis])
        writer.finish()
    found = decode(path, sampling_rate_hz=44_100)
    assert np.allclose(found.waveform, whole / (1 << (bits - 1)), atol=2.0 ** -(bits + 2))
