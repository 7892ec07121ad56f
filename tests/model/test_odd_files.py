"""Files as people have them: headers that err, clocks that start late, channels and tracks that say nothing."""

from __future__ import annotations

import itertools
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from soundgrep.model.audio.cutting import cut
from soundgrep.model.audio.decoding import DecodedAudio, decode
from soundgrep.model.errors import AudioError

from .media import sine
from .test_libav import riff

pytestmark = pytest.mark.slow

RATE_HZ = 16_000
TONE = sine(440, rate_hz=RATE_HZ, duration_s=2)
PCM = (TONE * 32767).astype("<i2").tobytes()
LAYOUT = struct.pack("<HHIIHH", 1, 1, RATE_HZ, 2 * RATE_HZ, 2, 16)


def heard(path: Path) -> DecodedAudio:
    return decode(path, sampling_rate_hz=RATE_HZ)


def check_is_tone(found: DecodedAudio, *, n_samples: int = len(TONE)) -> None:
    assert len(found.waveform) == n_samples
    assert np.allclose(found.waveform, TONE[:n_samples], atol=1e-3)


@pytest.mark.parametrize("coding", ["PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "PCM_U8"])
def test_big_endian_wav(tmp_path: Path, coding: str) -> None:
    soundfile.write(tmp_path / "x.wav", TONE, RATE_HZ, format="WAV", subtype=coding, endian="BIG")
    found = heard(tmp_path / "x.wav")
    assert np.allclose(found.waveform, TONE, atol=0.02)
    assert found.info.container == "wav"


@pytest.mark.parametrize("extensible", [True, False])
def test_samples_of_24_bits_in_32(tmp_path: Path, extensible: bool) -> None:
    guid = b"\1\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"
    layout = struct.pack("<HHIIHH", 1, 1, RATE_HZ, 4 * RATE_HZ, 4, 24)
    if extensible:
        layout = struct.pack("<HHIIHHHHI", 0xFFFE, 1, RATE_HZ, 4 * RATE_HZ, 4, 32, 22, 24, 4) + guid
    samples = (TONE * (2**23 - 1)).astype("<i4") << 8
    (tmp_path / "x.wav").write_bytes(riff((b"fmt ", layout), (b"data", samples.tobytes())))
    check_is_tone(heard(tmp_path / "x.wav"))


@pytest.mark.parametrize("kind", ["WAV", "AIFF", "CAF", "W64", "RF64"])
def test_an_id3_tag_in_front(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    soundfile.write(path, TONE, RATE_HZ, format=kind, subtype="PCM_16")
    path.write_bytes(b"ID3\3\0\0\0\0\x08\0" + bytes(1024) + path.read_bytes())
    check_is_tone(heard(path))


@pytest.mark.parametrize(
    ("kind", "name", "offset", "size"),
    [("WAV", b"data", 4, "<I"), ("AIFF", b"SSND", 4, ">I"), ("W64", b"data", 16, "<Q"), ("CAF", b"data", 4, ">q")],
)
def test_a_header_that_says_less_than_the_file_holds(
    tmp_path: Path, kind: str, name: bytes, offset: int, size: str
) -> None:
    path = tmp_path / "x"
    soundfile.write(path, TONE, RATE_HZ, format=kind, subtype="PCM_16")
    content = bytearray(path.read_bytes())
    struct.pack_into(size, content, content.index(name) + offset, 20_000)
    path.write_bytes(content)
    found = heard(path)
    check_is_tone(found)
    assert any("more bytes of sound than its header says" in note for note in found.info.notes)


def test_what_follows_the_sound_of_a_sane_file_is_not_heard(tmp_path: Path) -> None:
    for number, rest in enumerate(
        [bytes(1 << 20), b"TAG" + bytes(125), b"junk" + struct.pack("<I", 8000) + PCM[:8000]]
    ):
        path = tmp_path / f"{number}.wav"
        path.write_bytes(riff((b"fmt ", LAYOUT), (b"data", PCM)) + rest)
        found = heard(path)
        check_is_tone(found)
        assert found.info.notes == ()


@pytest.mark.parametrize("second", [(22_050, 1), (RATE_HZ, 2), (RATE_HZ, 1)])
@pytest.mark.parametrize("coding", ["VORBIS", "OPUS"])
def test_a_chained_ogg_is_heard_to_its_end(tmp_path: Path, coding: str, second: tuple[int, int]) -> None:
    rate_hz, n_channels = second if coding == "VORBIS" else (RATE_HZ, second[1])
    path = tmp_path / "x.ogg"
    content = b""
    for rate, n in [(RATE_HZ, 1), (rate_hz, n_channels), (RATE_HZ, 1)]:
        sound = np.stack([sine(440, rate_hz=rate, duration_s=2)] * n, axis=1)
        soundfile.write(path, sound, rate, format="OGG", subtype=coding)
        content += path.read_bytes()
    path.write_bytes(content)
    found = heard(path)
    assert found.info.duration_s == pytest.approx(6, abs=0.06)
    levels = np.sqrt(np.mean(np.square(found.waveform[: 5 * RATE_HZ].reshape(5, -1)), axis=1))
    assert np.allclose(levels, 0.5 / np.sqrt(2), rtol=0.05)


def test_a_chain_that_breaks_keeps_what_comes_before(tmp_path: Path) -> None:
    path = tmp_path / "x.ogg"
    soundfile.write(path, TONE, RATE_HZ, format="OGG", subtype="VORBIS")
    content = path.read_bytes()
    path.write_bytes(content + content[:60] + bytes(range(256)) * 20)
    found = heard(path)
    assert found.info.duration_s == pytest.approx(2, abs=0.02)
    assert found.info.notes == ("breaks off at 2.0 s: the stretch after it cannot be decoded",)


def test_a_single_frame_of_mp2(tmp_path: Path) -> None:
    path = tmp_path / "x.mp2"
    with av.open(path, "w") as container:
        stream = container.add_stream("mp2", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(
            (sine(440, rate_hz=48_000)[np.newaxis, :1152] * 9e3).astype("i2"), "s16", "mono"
        )
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    one = path.read_bytes()[:1152]
    path.write_bytes(one)
    assert heard(path).info.duration_s == pytest.approx(0.024, abs=0.03)


@pytest.mark.parametrize("gain", [-1.0, -0.8])
def test_channels_that_cancel_each_other_out_are_heard(tmp_path: Path, gain: float) -> None:
    soundfile.write(tmp_path / "x.wav", np.stack([TONE, gain * TONE], axis=1), RATE_HZ, subtype="FLOAT")
    found = heard(tmp_path / "x.wav")
    check_is_tone(found)
    assert found.info.notes == ("has channels that cancel each other out for 2.0 s, of which the loudest is heard",)


def test_channels_that_have_nothing_to_do_with_each_other_are_averaged(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (2 * RATE_HZ, 2)).astype(np.float32)
    for number, channels in enumerate([noise, noise * [1, -0.3], noise * [1, 0]]):
        soundfile.write(tmp_path / f"{number}.wav", channels, RATE_HZ, subtype="FLOAT")
        found = heard(tmp_path / f"{number}.wav")
        assert np.allclose(found.waveform, channels.mean(axis=1), atol=1e-6)
        assert found.info.notes == ()


def test_sound_that_the_encoder_does_not_hear_is_told(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "bat.wav", sine(45_000, rate_hz=192_000), 192_000)
    soundfile.write(tmp_path / "bird.wav", sine(5_000, rate_hz=192_000), 192_000)
    assert "above 8 kHz" in heard(tmp_path / "bat.wav").info.notes[0]
    assert heard(tmp_path / "bird.wav").info.notes == ()


def test_longer_than_anything_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    n_bytes = 101 * 3600 * 8_000
    layout = struct.pack("<HHIIHH", 1, 1, 8_000, 8_000, 1, 8)
    with path.open("wb") as file:
        file.write(b"RIFF" + struct.pack("<I", n_bytes + 36) + b"WAVEfmt " + struct.pack("<I", 16) + layout)
        file.write(b"data" + struct.pack("<I", n_bytes))
        file.truncate(n_bytes + 44)
    blocks = []
    with pytest.raises(AudioError, match="longer than 100 hours"):
        blocks += list(cut(path, [(0, 1)]))
    assert not blocks


def write_late(
    path: Path, *, video: str, audio: str, start_s: float, hole_s: tuple[float, float] | None = None
) -> Path:
    """A video of 10 s, and beside it a tone of 4 s that starts late and may have a hole."""
    rate_hz = 48_000
    tone = (sine(440, rate_hz=rate_hz, duration_s=4)[np.newaxis] * 2**15).astype(np.int16)
    with av.open(path, "w") as container:
        picture, sound = container.add_stream(video, rate=10), container.add_stream(audio, rate=rate_hz, layout="mono")
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        to_codec = av.AudioResampler(sound.format.name, "mono", rate_hz, frame_size=sound.frame_size or 1024)
        frame = av.AudioFrame.from_ndarray(tone, "s16", "mono")
        frame.sample_rate, frame.time_base, frame.pts = rate_hz, Fraction(1, rate_hz), 0
        packets = []
        for piece in [*to_codec.resample(frame), *to_codec.resample(None)]:
            piece.pts, piece.time_base = piece.pts + round(start_s * rate_hz), Fraction(1, rate_hz)
            packets += sound.encode(piece)
        packets += sound.encode(None)
        for number in range(100):
            image = np.full((48, 64, 3), number * 2, dtype=np.uint8)
            packets += picture.encode(av.VideoFrame.from_ndarray(image, "rgb24"))
        packets += picture.encode(None)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            at_s = packet.pts * packet.time_base - start_s
            if packet.stream == sound and hole_s and hole_s[0] <= at_s < hole_s[1]:
                continue
            container.mux(packet)
    return path


def silent_spans_s(waveform: npt.NDArray[np.float32]) -> list[tuple[float, float]]:
    """Stretches of more than 100 ms of which nothing is heard."""
    loud = np.flatnonzero(np.abs(waveform) > 0.02) / RATE_HZ
    bounds = [0.0, *loud, len(waveform) / RATE_HZ]
    return [(a, b) for a, b in itertools.pairwise(bounds) if b - a > 0.1]


@pytest.mark.parametrize(
    ("name", "video", "audio"),
    [
        ("x.mp4", "mpeg4", "aac"),
        ("x.mov", "mpeg4", "pcm_s16le"),
        ("x.mkv", "mpeg4", "flac"),
        ("x.webm", "libvpx", "libopus"),
        ("x.ts", "mpeg2video", "mp2"),
        ("x.mpg", "mpeg2video", "mp2"),
        ("x.flv", "flv", "aac"),
    ],
)
@pytest.mark.parametrize("start_s", [0.0, 5.0])
def test_sound_that_starts_late_is_heard_where_players_play_it(
    tmp_path: Path, name: str, video: str, audio: str, start_s: float
) -> None:
    found = heard(write_late(tmp_path / name, video=video, audio=audio, start_s=start_s))
    spans = silent_spans_s(found.waveform)
    assert found.info.duration_s == pytest.approx(start_s + 4, abs=0.06)
    assert [bound for span in spans for bound in span] == pytest.approx([0, start_s] if start_s else [], abs=0.05)
    assert found.rms_dbfs == pytest.approx(-9, abs=0.2)


@pytest.mark.parametrize(
    ("name", "video", "audio"), [("x.mp4", "mpeg4", "aac"), ("x.mkv", "mpeg4", "aac"), ("x.ts", "mpeg2video", "mp2")]
)
def test_a_hole_of_missing_packets_keeps_its_time(tmp_path: Path, name: str, video: str, audio: str) -> None:
    path = write_late(tmp_path / name, video=video, audio=audio, start_s=1, hole_s=(1, 2.5))
    found = heard(path)
    assert found.info.duration_s == pytest.approx(5, abs=0.06)
    assert [bound for span in silent_spans_s(found.waveform) for bound in span] == pytest.approx(
        [0, 1, 2, 3.5], abs=0.06
    )
    (stretch,) = cut(path, [(3.6, 4.6)])
    samples, rate_hz = soundfile.read(stretch)
    assert len(samples) == rate_hz
    assert np.sqrt(np.mean(np.square(samples))) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


def test_a_silent_first_track_gives_way_to_one_that_is_not(tmp_path: Path) -> None:
    path = tmp_path / "x.mov"
    pcm = (TONE * 32767).astype(np.int16)[np.newaxis]
    with av.open(path, "w") as container:
        streams = [container.add_stream("pcm_s16le", rate=RATE_HZ, layout="mono") for _ in range(3)]
        for stream, samples in zip(streams, (pcm * 0, pcm, pcm // 2), strict=True):
            frame = av.AudioFrame.from_ndarray(samples, "s16", "mono")
            frame.sample_rate, frame.time_base, frame.pts = RATE_HZ, Fraction(1, RATE_HZ), 0
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    found = heard(path)
    check_is_tone(found)
    assert found.info.notes == ("has 3 audio tracks: stream 1 is indexed, as stream 0 is silent",)


@pytest.mark.parametrize("kind", ["W64", "CAF"])
def test_a_chunk_larger_than_any_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    soundfile.write(path, TONE, RATE_HZ, format=kind, subtype="PCM_16")
    content = path.read_bytes()
    first = 40 if kind == "W64" else 8
    size = struct.pack("<Q", 1 << 63) if kind == "W64" else struct.pack(">q", (1 << 63) - 1)
    head = b"junk" + bytes(12) if kind == "W64" else b"junk"
    path.write_bytes(content[:first] + head + size + content[first:])
    with pytest.raises(AudioError, match=r"not audio in a known format|holds no samples"):
        heard(path)


@pytest.mark.parametrize("content", [b"\xff", b"\xff\xfd", b"\xff\xfd\x80", b"ID3~", b"RIFF", b"FORM", b"OggS"])
def test_a_few_bytes_of_a_head(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.mp2").write_bytes(content)
    with pytest.raises(AudioError, match=r"not audio in a known format|nothing of its audio"):
        heard(tmp_path / "x.mp2")


def test_reversed_poles_are_heard_without_clicks(tmp_path: Path) -> None:
    sound = np.tile(TONE, 8)
    sound[1::2] *= 0.9999  # now one channel is louder by a hair, now the other
    soundfile.write(
        tmp_path / "x.wav", np.stack([sound, -sound * np.linspace(0.99, 1.01, len(sound))], axis=1), RATE_HZ
    )
    steps = np.abs(np.diff(heard(tmp_path / "x.wav").waveform))
    assert steps.max() < 2 * np.median(np.sort(steps)[-1000:])


@pytest.mark.parametrize("kind", [b"RF64", b"BW64"])
@pytest.mark.parametrize("said", [0, 1_000])
def test_a_large_wav_whose_ds64_says_less_than_it_holds(tmp_path: Path, kind: bytes, said: int) -> None:
    path = tmp_path / "x.wav"
    soundfile.write(path, TONE, RATE_HZ, format="RF64", subtype="PCM_16")
    content = path.read_bytes()
    place = content.index(b"ds64") + 16
    path.write_bytes(kind + content[4:place] + struct.pack("<Q", said) + content[place + 8 :])
    found = heard(path)
    check_is_tone(found)
    assert found.info.notes == (
        f"holds {len(PCM) - said:,} more bytes of sound than its header says, which are indexed too",
    )


@pytest.mark.parametrize("endian", ["LITTLE", "BIG"])
def test_what_would_be_heard_as_noise_is_refused(tmp_path: Path, endian: str) -> None:
    soundfile.write(tmp_path / "x.wav", TONE, RATE_HZ, format="WAV", subtype="NMS_ADPCM_32", endian=endian)
    with pytest.raises(AudioError, match=r"x\.wav: its coding, ADPCM by NMS, is not supported"):
        heard(tmp_path / "x.wav")
