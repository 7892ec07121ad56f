"""Odd files as people have them: what they are called, how each is made, and what is to be heard of it."""

from __future__ import annotations

import functools
import itertools
import struct
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

RATE_HZ = 48_000
DURATION_S = 4.0
SILENT_S = 1.0  # a burst begins there
CODINGS = {
    "pcm_s16le": ("wav", "avi", "mkv", "mov", "w64", "nut"),
    "pcm_s24le": ("wav", "mkv", "mov"),
    "pcm_f32le": ("wav", "mkv"),
    "pcm_f64le": ("wav",),
    "pcm_u8": ("wav", "avi"),
    "pcm_s16be": ("aiff", "au", "caf", "mov"),
    "flac": ("flac", "ogg", "mka", "mp4"),
    "alac": ("m4a", "caf"),
    "wavpack": ("wv", "mka"),
    "tta": ("tta",),
    "libmp3lame": ("mp3", "mkv", "avi", "mp4", "ts"),
    "mp2": ("mp2", "mpg", "ts"),
    "aac": ("m4a", "aac", "mkv", "ts", "flv", "3gp", "mov"),
    "ac3": ("ac3", "ts", "mkv"),
    "eac3": ("eac3", "mp4"),
    "libvorbis": ("ogg", "webm", "mka"),
    "libopus": ("opus", "webm", "mka", "ts", "mp4"),
    "wmav2": ("wma",),
    "adpcm_ima_wav": ("wav", "avi"),
    "pcm_alaw": ("wav", "au"),
    "truehd": ("thd", "mkv"),
    "mlp": ("mlp",),
    "dca": ("dts", "mkv"),
    "pcm_bluray": ("m2ts",),
    "wmav1": ("wma",),
    "pcm_s16be_planar": ("ast",),
}
RATES_HZ = (8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000)
CHANNELS = (1, 2, 6)
MANY_CHANNELS = {
    "pcm_s16le": ("wav", "mkv", "mov"),
    "pcm_s24be": ("caf", "aiff"),
    "flac": ("flac", "mka"),
    "alac": ("m4a",),
    "wavpack": ("wv",),
    "tta": ("tta",),
    "aac": ("m4a", "mkv"),
    "libvorbis": ("ogg", "mka"),
    "libopus": ("opus", "mka"),
}
SOX = {
    "au": ("-e", "mu-law"),
    "8svx": ("-b", "8"),
    "voc": ("-b", "16"),
    "aifc": ("-b", "24"),
    "wav": ("-e", "ms-adpcm"),
    "sph": ("-b", "16"),
    "sf": ("-b", "32"),
    "avr": ("-b", "16"),
    "w64": ("-b", "24"),
    "caf": ("-b", "32"),
    "sox": ("-b", "32"),
    "amb": ("-b", "24"),
}
NAMES = ("plain", "caf\u00e9", "cafe\u0301", "犬の声", "two words", "it's", "a%20b", "#1?", "-dash", "x" * 200)
TITLE = "Ein Hündchen 犬"
_KEEP_TITLES = {"mp3", "m4a", "mp4", "mov", "mkv", "mka", "webm", "ogg", "opus", "flac", "wv", "avi", "nut", "wma"}


@dataclass(frozen=True)
class Case:
    """A file to be made, and what is to be heard of it.

    Attributes:
        kind: What is odd about it.
        name: What it is called.
        make: Write it; say whether it could be written.
        plain: Writes its sound as plain samples, for what FFmpeg reads wrong or not at all; None to ask FFmpeg.
        has_video: Whether pictures start before the sound.
        refusal: What a refusal must say; None where the file must be heard.
        burst_s: When its burst begins by the player's clock; None where only FFmpeg's own timeline knows.
        empty_s: Seconds of which the container says that it holds nothing.
        tags: What must be read of its tags.
    """

    kind: str
    name: str
    make: Callable[[Path], bool]
    plain: Callable[[Path], bool] | None = None
    has_video: bool = False
    refusal: str | None = None
    burst_s: float | None = None
    empty_s: float = 0.0
    tags: Mapping[str, str] = field(default_factory=dict)


def burst(rate_hz: int, n_channels: int) -> npt.NDArray[np.float32]:
    """A second of nothing and three of chords and noise [n, n_channels]; each channel has a loudness of its own."""
    times_s = np.arange(round(DURATION_S * rate_hz)) / rate_hz
    chord = sum(np.sin(2 * np.pi * frequency_hz * times_s) for frequency_hz in (330, 440, 1_320, 2_200))
    sound = 0.1 * chord + np.random.default_rng(0).normal(0, 0.01, len(times_s))
    sound[times_s < SILENT_S] = 0
    return (sound[:, np.newaxis] * np.linspace(1, 0.7, n_channels)).astype(np.float32)


def source(folder: Path, rate_hz: int, n_channels: int) -> Path:
    """The burst as a file of plain samples."""
    path = folder / f"source-{rate_hz}-{n_channels}.wav"
    if not path.exists():
        soundfile.write(path, burst(rate_hz, n_channels), rate_hz, subtype="FLOAT")
    return path


def tool(*command: object) -> bool:
    """Run FFmpeg or SoX; say whether it could."""
    return subprocess.run([*map(str, command)], check=False, capture_output=True).returncode == 0


def ffmpeg(*arguments: object) -> bool:
    """Run FFmpeg; say whether it could."""
    return tool("ffmpeg", "-nostdin", "-v", "quiet", "-y", "-threads", 1, *arguments)


def coded(folder: Path) -> Iterator[Case]:
    """Every coding in every container, at several rates and numbers of channels, under several names and with tags."""
    names = itertools.cycle(NAMES)
    titled = ("-metadata", f"title={TITLE}", "-metadata", "artist=a;b")
    for turn, (coding, containers) in enumerate(CODINGS.items()):
        for container, (place, rate_hz) in itertools.product(containers, enumerate(RATES_HZ)):
            n_channels = CHANNELS[(place + turn) % len(CHANNELS)]
            make = functools.partial(encode, folder, rate_hz, n_channels, "-c:a", coding, *titled)
            tags = {"title": TITLE, "artist": "a;b"} if container in _KEEP_TITLES else {}
            name = f"{next(names)}-{coding}-{rate_hz}-{n_channels}.{container}"
            # FFmpeg 5 and 8 differ by a few of these steps; SoX says who is right.
            plain = (
                functools.partial(_by_sox, folder, make, container) if "adpcm" in coding and rate_hz < 44_100 else None
            )
            # What FFmpeg 5 writes as TrueHD of six channels, FFmpeg 8 refuses to read.
            refusal = "nothing of its audio can be decoded" if coding == "truehd" and n_channels == 6 else None
            yield Case(f"{coding} in {container}", name, make, plain, refusal=refusal, tags=tags)


def _by_sox(folder: Path, make: Callable[[Path], bool], container: str, path: Path) -> bool:
    whole, copied = folder / f"whole.{container}", folder / "copied.wav"
    return make(whole) and ffmpeg("-i", whole, "-c:a", "copy", copied) and tool("sox", copied, "-e", "float", path)


def encode(folder: Path, rate_hz: int, n_channels: int, *options_and_path: object) -> bool:
    """Encode the burst; the path comes last."""
    *options, path = options_and_path
    return ffmpeg("-i", source(folder, rate_hz, n_channels), "-strict", -2, *options, f"file:{path}")


def many_channels(folder: Path) -> Iterator[Case]:
    """More channels than have names."""
    for coding, containers in MANY_CHANNELS.items():
        for container, n_channels in itertools.product(containers, (8, 9, 16)):
            options = ("-mapping_family", 255) if coding == "libopus" else ()
            make = functools.partial(encode, folder, RATE_HZ, n_channels, "-c:a", coding, *options)
            # FFmpeg writes a WavPack of nine channels that it refuses to read.
            refusal = "nothing of its audio can be decoded" if coding == "wavpack" and n_channels > 8 else None
            yield Case("many channels", f"{coding}-{n_channels}.{container}", make, refusal=refusal)


def by_sox(folder: Path) -> Iterator[Case]:
    """What SoX writes."""
    for suffix, options in SOX.items():
        for rate_hz, n_channels in ((8_000, 1), (22_050, 1), (44_100, 2)):
            make = functools.partial(_sox, folder, rate_hz, n_channels, *options)
            yield Case(f"{suffix} by sox", f"sox-{rate_hz}-{n_channels}.{suffix}", make)


def _sox(folder: Path, rate_hz: int, n_channels: int, *options_and_path: object) -> bool:
    return tool("sox", source(folder, rate_hz, n_channels), *options_and_path)


def late(folder: Path) -> Iterator[Case]:
    """Sound that begins after its video."""
    video = ("-f", "lavfi", "-i", "testsrc=d=10:s=64x48:r=25", "-map", 0, "-map", 1)
    for container, coding, pictures in [
        ("mp4", "aac", "mpeg4"),
        ("mov", "pcm_s16le", "mpeg4"),
        ("mkv", "flac", "mpeg4"),
        ("mkv", "aac", "mpeg4"),
        ("webm", "libopus", "libvpx"),
        ("ts", "mp2", "mpeg2video"),
        ("ts", "aac", "mpeg2video"),
        ("mpg", "mp2", "mpeg2video"),
        ("flv", "aac", "flv"),
        ("avi", "libmp3lame", "mpeg4"),
        ("avi", "pcm_s16le", "mpeg4"),
        ("nut", "flac", "mpeg4"),
    ]:
        for late_s in (0.5, 2.0, 5.0):
            options = ("-itsoffset", late_s, "-i", source(folder, RATE_HZ, 2), "-c:v", pictures, "-c:a", coding)
            make = functools.partial(ffmpeg, *video[:4], *options[:4], *video[4:], *options[4:])
            burst_s, empty_s = (None, 0.0) if container == "avi" else (late_s + SILENT_S, late_s)
            name = f"late-{coding}-{late_s}.{container}"
            yield Case("late sound", name, make, has_video=True, burst_s=burst_s, empty_s=empty_s)


def tracks(folder: Path) -> Iterator[Case]:
    """Several tracks, of which one is silent, or one is called the one to play."""
    for container, coding in (
        ("mkv", "flac"),
        ("mp4", "alac"),
        ("mov", "pcm_s16le"),
        ("ts", "mp2"),
        ("mka", "libopus"),
    ):
        plain = functools.partial(encode, folder, RATE_HZ, 2, "-c:a", "pcm_f32le")
        silence = ("-f", "lavfi", "-i", "anullsrc=r=48000:cl=mono", "-t", DURATION_S)
        inputs = (*silence[:4], "-i", source(folder, RATE_HZ, 2), "-map", 0, "-map", 1, *silence[4:], "-c:a", coding)
        make = functools.partial(ffmpeg, *inputs)
        yield Case("silent first track", f"tracks-{coding}.{container}", make, plain, burst_s=SILENT_S)
        if container in ("mkv", "mp4", "mov"):
            noise = ("-f", "lavfi", "-i", f"anoisesrc=r=48000:d={DURATION_S}")
            chosen = ("-disposition:a:0", 0, "-disposition:a:1", "default")
            make = functools.partial(ffmpeg, *noise, *inputs[4:], *chosen)
            yield Case("default track", f"default-{coding}.{container}", make, plain, burst_s=SILENT_S)


def holes(folder: Path) -> Iterator[Case]:
    """Packets that are missing, edit lists, and copies cut out of other files."""
    lost = "noise=drop='between(t,0.3,0.8)'"
    for container, coding in [("mkv", "mp2"), ("mkv", "flac"), ("mka", "libopus"), ("mp4", "aac"), ("nut", "flac")]:
        make = functools.partial(_copied, folder, coding, ("-bsf:a", lost), ())
        yield Case("hole", f"hole-{coding}.{container}", make)
    for container, coding, start_s in itertools.product(("mp4", "mov"), ("aac", "alac", "libmp3lame"), (0.7, 1.31)):
        make = functools.partial(_copied, folder, coding, (), ("-ss", start_s))
        yield Case("edit list", f"cut-{coding}-{start_s}.{container}", make)


def _copied(folder: Path, coding: str, filtered: Sequence[object], cut: Sequence[object], path: Path) -> bool:
    whole = path.with_name(f"whole{path.suffix}")
    return encode(folder, 44_100, 2, "-c:a", coding, whole) and ffmpeg(*cut, "-i", whole, "-c", "copy", *filtered, path)


def headers(folder: Path) -> Iterator[Case]:
    """Headers that err, tags in front, zeros behind, other orders of bytes."""
    del folder
    for rate_hz, n_channels in ((16_000, 1), (44_100, 2), (48_000, 6)):
        sound = burst(rate_hz, n_channels)
        stem = f"{rate_hz}-{n_channels}"
        plain = functools.partial(_written, sound, rate_hz, "WAV", "FLOAT", "FILE", None)
        for coding in ("PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"):
            rifx = functools.partial(_written, sound, rate_hz, "WAV", coding, "BIG", None)
            yield Case("big-endian wav", f"rifx-{coding}-{stem}.wav", rifx, plain, burst_s=SILENT_S)
        for container, chunk, offset, size in [
            ("WAV", b"data", 4, "<I"),
            ("AIFF", b"SSND", 4, ">I"),
            ("W64", b"data", 16, "<Q"),
            ("CAF", b"data", 4, ">q"),
        ]:
            for fault, change in _faults(chunk, offset, size):
                make = functools.partial(_written, sound, rate_hz, container, "PCM_16", "FILE", change)
                heard = sound[: len(sound) * 3 // 4] if fault == "truncated" else sound
                expected = functools.partial(_written, heard, rate_hz, "WAV", "FLOAT", "FILE", None)
                yield Case(fault, f"{fault}-{stem}.{container.lower()}", make, expected, burst_s=SILENT_S)
        for fault, count in (("header says less", 20_000), ("header says nothing", 0)):
            change = functools.partial(_with_ds64, count)
            make = functools.partial(_written, sound, rate_hz, "RF64", "PCM_24", "FILE", change)
            yield Case(fault, f"{fault}-{stem}.rf64.wav", make, plain, burst_s=SILENT_S)
        poles = np.stack([sound[:, 0], -sound[:, 0]], axis=1)
        inverted = functools.partial(_written, poles, rate_hz, "WAV", "PCM_16", "FILE", None)
        one_pole = functools.partial(_written, sound[:, 0], rate_hz, "WAV", "FLOAT", "FILE", None)
        yield Case("reversed poles", f"inverted-{stem}.wav", inverted, one_pole, burst_s=SILENT_S)


def _written(
    sound: npt.NDArray[np.float32],
    rate_hz: int,
    container: str,
    coding: str,
    endian: str,
    change: Callable[[bytes], bytes] | None,
    path: Path,
) -> bool:
    soundfile.write(path, sound, rate_hz, format=container, subtype=coding, endian=endian)
    if change is not None:
        path.write_bytes(change(path.read_bytes()))
    return True


def _with_ds64(n_bytes: int, content: bytes) -> bytes:
    place = content.index(b"ds64") + 16
    return content[:place] + struct.pack("<Q", n_bytes) + content[place + 8 :]


def _faults(chunk: bytes, offset: int, size: str) -> Iterator[tuple[str, Callable[[bytes], bytes]]]:
    def says(value: int, content: bytes) -> bytes:
        place = content.index(chunk) + offset
        return content[:place] + struct.pack(size, value) + content[place + struct.calcsize(size) :]

    def with_chunk(content: bytes) -> bytes:
        place = content.index(chunk)
        return content[:place] + b"junk" + struct.pack(size, 7) + b"1234567\0" + content[place:]

    def truncated(content: bytes) -> bytes:
        start = content.index(chunk) + offset + struct.calcsize(size) + (8 if chunk == b"SSND" else 0)
        return content[: start + (len(content) - start) * 3 // 4]

    yield "header says less", functools.partial(says, 20_000)
    yield "ID3 in front", lambda content: b"ID3\3\0\0\0\0\x08\0" + bytes(1024) + content
    yield "zeros at the end", lambda content: content + bytes(1 << 22)
    yield "truncated", truncated
    if size in ("<I", ">I"):
        yield "header says nothing", functools.partial(says, 0)
        yield "header says 4 GB", functools.partial(says, 0xFFFFFFFF)
        yield "odd chunk", with_chunk
    if size == ">q":
        yield "header says nothing", functools.partial(says, -1)


def extremes(folder: Path) -> Iterator[Case]:
    """One frame, a quarter of a gigabyte of zeros, bits instead of samples, and what is no sound."""
    for container, coding in [("mp3", "libmp3lame"), ("flac", "flac"), ("ogg", "libvorbis"), ("wav", "pcm_s16le")]:
        make = functools.partial(_before_zeros, folder, coding)
        plain = functools.partial(_decoded, folder, coding, container)
        yield Case("256 MB of zeros", f"zeros.{container}", make, plain)
    for n_frames in (1, 2, 3):
        make = functools.partial(_frames, folder, n_frames)
        plain = functools.partial(_first_samples, folder, 1152 * n_frames)
        yield Case("few frames of mp2", f"{n_frames}.mp2", make, plain)
    for times, n_channels in itertools.product((64, 128, 256), (1, 2)):
        make = functools.partial(_dsf, 44_100 * times, n_channels)
        yield Case("DSD", f"dsd{times}-{n_channels}.dsf", make)
    for name, content, refusal in [
        ("text", b"no sound\n" * 100, "not audio in a known format"),
        ("nothing", b"", "the file is empty"),
        ("zeros", bytes(100_000), "not audio in a known format"),
        ("noise", np.random.default_rng(0).bytes(1_000), "not audio in a known format"),
        ("page", b"<!doctype html><html><body>404</body></html>", "not audio in a known format"),
        ("list", b"#EXTM3U\nhttp://127.0.0.1:9/x.mp3\n", "not audio in a known format"),
    ]:
        for suffix in ("wav", "mp3", "flac"):
            yield Case("no sound", f"{name}.{suffix}", functools.partial(_bytes, content), refusal=refusal)
    picture = functools.partial(ffmpeg, "-f", "lavfi", "-i", "testsrc=d=1:s=64x48:r=25")
    for container in ("mp4", "mkv", "avi", "ts"):
        yield Case("no sound", f"video.{container}", picture, refusal="no audio track")


def _bytes(content: bytes, path: Path) -> bool:
    path.write_bytes(content)
    return True


def _before_zeros(folder: Path, coding: str, path: Path) -> bool:
    if not encode(folder, 44_100, 2, "-c:a", coding, path):
        return False
    with path.open("ab") as file:
        file.truncate(path.stat().st_size + (256 << 20))
    return True


def _decoded(folder: Path, coding: str, container: str, path: Path) -> bool:
    whole = folder / f"whole.{container}"
    return encode(folder, 44_100, 2, "-c:a", coding, whole) and ffmpeg("-i", whole, "-c:a", "pcm_f32le", path)


def _frames(folder: Path, n: int, path: Path) -> bool:
    whole = folder / "whole.mp2"
    if not ffmpeg("-ss", 2, "-i", source(folder, 44_100, 2), "-b:a", "128k", whole):
        return False
    content = whole.read_bytes()
    starts = [place for place in range(len(content) - 4) if content[place : place + 2] == content[:2]]
    frames = [place for place in starts if content[place + 3] == content[3]]
    path.write_bytes(content[: frames[n]])
    return True


def _first_samples(folder: Path, n: int, path: Path) -> bool:
    return ffmpeg("-i", folder / "whole.mp2", "-af", f"atrim=end_sample={n}", "-c:a", "pcm_f32le", path)


def _dsf(rate_hz: int, n_channels: int, path: Path) -> bool:
    """A DSF file (Sony's DSF File Format Specification 1.01) of a modulator of the first order."""
    sound = np.tile(burst(44_100, 1)[44_100 : 44_100 * 2, 0] / 2, 2)
    steps = np.repeat((sound + 1) / 2, rate_hz // 44_100).astype(np.float64)
    bits = np.diff(np.floor(np.cumsum(steps)), prepend=0).astype(np.uint8)
    packed = np.packbits(bits, bitorder="little")
    blocks = np.pad(packed, (0, -len(packed) % 4_096)).reshape(-1, 4_096)
    data = np.repeat(blocks, n_channels, axis=0).tobytes()
    layout = struct.pack("<IIIIIIQII", 1, 0, n_channels, n_channels, rate_hz, 1, len(bits), 4_096, 0)
    body = b"fmt " + struct.pack("<Q", 12 + len(layout)) + layout + b"data" + struct.pack("<Q", 12 + len(data)) + data
    path.write_bytes(b"DSD " + struct.pack("<QQQ", 28, 28 + len(body), 0) + body)
    return True


def cases(folder: Path) -> Iterator[Case]:
    """Every file of the corpus; what several of them need is kept in a folder."""
    for make in (late, tracks, holes, headers, extremes, by_sox, many_channels, coded):
        yield from make(folder)
