"""Odd files as people have them, made with FFmpeg and libsndfile: is the right thing heard? `make odd-files`."""

from __future__ import annotations

import argparse
import itertools
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from soundgrep import Encoder
from soundgrep.model.decoding import decode
from soundgrep.model.errors import AudioError

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
    "libvorbis": ("ogg", "webm", "mka"),
    "libopus": ("opus", "webm", "mka", "ts"),
}
RATES_HZ = (8_000, 16_000, 22_050, 44_100, 48_000, 96_000)
CHANNELS = (1, 2, 6)
NAMES = ("plain", "caf\u00e9", "犬の声", "two words", "it's", "a%20b", "x" * 100)


@dataclass(frozen=True)
class Odd:
    """A file and what is to be heard of it.

    Attributes:
        path: The file.
        kind: What is odd about it.
        plain: Its sound as plain samples [n]; None to ask FFmpeg.
        refusal: What a refusal must say; None where the file must be heard.
        burst_s: When its burst begins by the player's clock; None where that is not asked.
    """

    path: Path
    kind: str
    plain: Path | None = None
    refusal: str | None = None
    burst_s: float | None = None


def burst(rate_hz: int, n_channels: int) -> npt.NDArray[np.float32]:
    """A second of nothing and three of chords and noise [n, n_channels]."""
    times_s = np.arange(round(DURATION_S * rate_hz)) / rate_hz
    chord = sum(np.sin(2 * np.pi * frequency_hz * times_s) for frequency_hz in (330, 440, 1_320, 2_200))
    sound = 0.08 * chord + np.random.default_rng(0).normal(0, 0.01, len(times_s))
    sound[times_s < SILENT_S] = 0
    return np.repeat(sound[:, np.newaxis].astype(np.float32), n_channels, axis=1)


def ffmpeg(*arguments: object) -> bool:
    """Run FFmpeg; say whether it could."""
    command = ["ffmpeg", "-nostdin", "-v", "quiet", "-y", *map(str, arguments)]
    return subprocess.run(command, check=False).returncode == 0


def coded(folder: Path) -> Iterator[Odd]:
    """Every coding in every container, at several rates and numbers of channels, under several names and with tags."""
    names = itertools.cycle(NAMES)
    for coding, containers in CODINGS.items():
        for container, rate_hz, n_channels in itertools.product(containers, RATES_HZ, CHANNELS):
            if (RATES_HZ.index(rate_hz) + CHANNELS.index(n_channels)) % 2:
                continue
            source = folder / f"source-{rate_hz}-{n_channels}.wav"
            if not source.exists():
                soundfile.write(source, burst(rate_hz, n_channels), rate_hz, subtype="FLOAT")
            path = folder / f"{next(names)}-{coding}-{rate_hz}-{n_channels}.{container}"
            tags = ("-metadata", "title=Ein Hündchen 犬", "-metadata", "artist=a;b")
            if not ffmpeg("-i", source, "-c:a", coding, "-strict", "-2", *tags, path):
                path.unlink(missing_ok=True)  # what a coding cannot hold is no file that people have
                continue
            yield Odd(path, f"{coding} in {container}", burst_s=SILENT_S)


def late(folder: Path) -> Iterator[Odd]:
    """Sound that begins after its video, and sound with a hole."""
    source = folder / "source-late.wav"
    soundfile.write(source, burst(RATE_HZ, 2), RATE_HZ)
    video = ("-f", "lavfi", "-i", "testsrc=d=12:s=64x48:r=25")
    for container, coding, pictures in [
        ("mp4", "aac", "mpeg4"),
        ("mov", "pcm_s16le", "mpeg4"),
        ("mkv", "flac", "mpeg4"),
        ("webm", "libopus", "libvpx"),
        ("ts", "mp2", "mpeg2video"),
        ("mpg", "mp2", "mpeg2video"),
        ("flv", "aac", "flv"),
    ]:
        for late_s in (0.5, 2, 5):
            path = folder / f"late-{late_s}.{container}"
            streams = ("-itsoffset", late_s, "-i", source, "-map", 0, "-map", 1)
            if ffmpeg(*video, *streams, "-c:v", pictures, "-c:a", coding, path):
                yield Odd(path, f"late in {container}", plain=source, burst_s=late_s + SILENT_S)


def misread(folder: Path) -> Iterator[Odd]:
    """Headers that err, tags in front, chains, other orders of bytes, and what is no sound."""
    for rate_hz, n_channels in itertools.product((16_000, 44_100, 48_000), (1, 2)):
        sound = burst(rate_hz, n_channels)
        stem = f"{rate_hz}-{n_channels}"
        plain = folder / f"plain-{stem}.wav"
        soundfile.write(plain, sound, rate_hz, subtype="PCM_16")
        for coding in ("PCM_16", "PCM_24", "PCM_32", "FLOAT"):
            path = folder / f"rifx-{coding}-{stem}.wav"
            soundfile.write(path, sound, rate_hz, format="WAV", subtype=coding, endian="BIG")
            yield Odd(path, "big-endian wav", plain, burst_s=SILENT_S)
        for kind, name, offset, size in [
            ("WAV", b"data", 4, "<I"),
            ("AIFF", b"SSND", 4, ">I"),
            ("W64", b"data", 16, "<Q"),
            ("CAF", b"data", 4, ">q"),
        ]:
            path = folder / f"short-{stem}.{kind.lower()}"
            soundfile.write(path, sound, rate_hz, format=kind, subtype="PCM_16")
            content = path.read_bytes()
            tagged = folder / f"id3-{stem}.{kind.lower()}"
            tagged.write_bytes(b"ID3\3\0\0\0\0\x08\0" + bytes(1024) + content)
            yield Odd(tagged, "ID3 in front", plain, burst_s=SILENT_S)
            zeros = folder / f"zeros-{stem}.{kind.lower()}"
            zeros.write_bytes(content + bytes(1 << 22))
            yield Odd(zeros, "zeros at the end", plain, burst_s=SILENT_S)
            short = bytearray(content)
            struct.pack_into(size, short, content.index(name) + offset, 20_000)
            path.write_bytes(short)
            yield Odd(path, "header says less", plain, burst_s=SILENT_S)
        inverted = folder / f"inverted-{stem}.wav"
        soundfile.write(inverted, np.stack([sound[:, 0], -sound[:, 0]], axis=1), rate_hz)
        yield Odd(inverted, "reversed poles", plain, burst_s=SILENT_S)
        (folder / f"text-{stem}.wav").write_text("no sound\n" * 100)
        yield Odd(folder / f"text-{stem}.wav", "no sound", refusal="not audio in a known format")
        (folder / f"nothing-{stem}.wav").touch()
        yield Odd(folder / f"nothing-{stem}.wav", "no sound", refusal="the file is empty")


def fault(odd: Odd, encoder: Encoder, folder: Path) -> str | None:
    """What is wrong with what is heard of a file; None where nothing is."""
    try:
        found = decode(odd.path, sampling_rate_hz=encoder.sampling_rate_hz)
    except AudioError as error:
        return None if odd.refusal and odd.refusal in str(error) else f"refused: {error}"
    if odd.refusal:
        return "was to be refused"
    plain = odd.plain
    if plain is None:
        plain = folder / "oracle.wav"
        if not ffmpeg("-i", odd.path, "-vn", "-c:a", "pcm_f32le", plain):
            return "the oracle could not decode it"
    expected = decode(plain, sampling_rate_hz=encoder.sampling_rate_hz)
    start_s = 0.0 if odd.plain is None or odd.burst_s is None else odd.burst_s - SILENT_S
    off_s = found.info.duration_s - expected.info.duration_s - start_s
    if abs(off_s) > (0.02 if odd.plain is None else 0.06):  # coders fill up their last frame
        return f"its duration is {off_s:+.3f} s off"
    if abs((found.rms_dbfs or 0) - (expected.rms_dbfs or 0)) > 0.2:
        return f"its level is {found.rms_dbfs} dB, not {expected.rms_dbfs} dB"
    rate_hz = encoder.sampling_rate_hz
    if odd.burst_s is not None:
        # What a coder puts before its sound is heard by players too, unless the container says how much it is.
        begins_s, due_s = (float(np.argmax(np.abs(one.waveform) > 0.06)) / rate_hz for one in (found, expected))
        if abs(begins_s - due_s - start_s) > 0.05:
            return f"its burst begins at {begins_s:.3f} s, not {due_s + start_s:.3f} s"
    first = round(start_s * rate_hz)
    pair = [
        wave[:length]
        for wave, length in zip(
            (found.waveform[first:], expected.waveform), [min(encoder.segment_samples, 3 * rate_hz)] * 2, strict=True
        )
    ]
    rows = encoder.embed_audio(pair)
    cosine = float(rows[0] @ rows[1])
    return None if cosine >= (0.999 if odd.plain is None else 0.98) else f"its embedding's cosine is {cosine:.4f}"


def main() -> int:
    """Make the files, compare, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", default="mini")
    parser.add_argument("--every", type=int, default=1, help="compare one file in so many")
    arguments = parser.parse_args()
    encoder = Encoder.from_pretrained(arguments.encoder)
    tried: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    makers: list[Callable[[Path], Iterator[Odd]]] = [late, misread, coded]
    with tempfile.TemporaryDirectory() as name:
        made = itertools.chain.from_iterable(make(Path(name)) for make in makers)
        for odd in itertools.islice(made, 0, None, arguments.every):
            started_s = time.process_time()
            reason = fault(odd, encoder, Path(name))
            tried[odd.kind] += 1
            if reason is not None:
                wrong[odd.kind] += 1
                print(f"{odd.path.name}: {reason}", flush=True)
            elif odd.refusal:
                refused[odd.kind] += 1
            if time.process_time() - started_s > 20:
                wrong[odd.kind] += 1
                print(f"{odd.path.name}: takes too long")
            if not odd.path.name.startswith(("plain", "source")):
                odd.path.unlink()
    sys.stdout.flush()
    print(f"{'':28}{'tried':>8}{'right':>8}{'refused rightly':>17}{'wrong':>8}")
    for kind in tried:
        right = tried[kind] - refused[kind] - wrong[kind]
        print(f"{kind:28}{tried[kind]:>8}{right:>8}{refused[kind]:>17}{wrong[kind]:>8}")
    n_tried, n_wrong, n_refused = (sum(counter.values()) for counter in (tried, wrong, refused))
    print(f"{'all':28}{n_tried:>8}{n_tried - n_wrong - n_refused:>8}{n_refused:>17}{n_wrong:>8}")
    return 1 if n_wrong else 0


if __name__ == "__main__":
    sys.exit(main())
