"""A folder of sounds as people really have them: good ones, odd ones and broken ones."""

from __future__ import annotations

import os
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

RATE_HZ = 16_000

GOOD = {
    "tone.wav",
    "noise.wav",
    "sub/long.wav",
    'it\'s a "name".wav',
    "eight.wav",
    "silent.wav",
    "one.wav",
    "cut.mp3",
    "new\\nline.wav",
    "caf\\xe9.wav",
}
"""The clips as the command names them."""

BROKEN = {"zero.wav", "text.wav", "none.wav", "nan.wav", "cut-to-nothing.mp3", "dangling.wav"}


def tone(frequency_hz: float, duration_s: float = 1.0) -> npt.NDArray[np.float32]:
    """A sine [1, n_samples] at `RATE_HZ`."""
    times_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    return (0.5 * np.sin(2 * np.pi * frequency_hz * times_s)).astype(np.float32)[np.newaxis]


def write_wav(path: Path, samples: npt.NDArray[np.float32]) -> Path:
    """Writes samples [n_channels, n_samples] as a float wav, whatever they hold."""
    data = np.ascontiguousarray(samples.T, dtype="<f4").tobytes()
    n_channels = len(samples)
    layout = struct.pack("<HHIIHH", 3, n_channels, RATE_HZ, RATE_HZ * n_channels * 4, n_channels * 4, 32)
    body = b"WAVEfmt " + struct.pack("<I", len(layout)) + layout + b"data" + struct.pack("<I", len(data)) + data
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def mp3(samples: npt.NDArray[np.float32], path: Path) -> bytes:
    """The bytes of an mp3 of samples [1, n_samples], encoded at `path`."""
    with av.open(path, "w") as container:
        stream = container.add_stream("mp3", rate=RATE_HZ, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples, "fltp", "mono")
        frame.sample_rate, frame.time_base, frame.pts = RATE_HZ, Fraction(1, RATE_HZ), 0
        resampler = av.AudioResampler(stream.codec_context.format.name, "mono", RATE_HZ, frame_size=576)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path.read_bytes()


def write_sounds(folder: Path) -> Path:
    """Fills a folder with `GOOD` and `BROKEN`."""
    noise = np.random.default_rng(0).normal(0, 0.1, (1, RATE_HZ)).astype(np.float32)
    write_wav(folder / "tone.wav", tone(440))
    write_wav(folder / "noise.wav", noise)
    write_wav(folder / "sub" / "long.wav", tone(880, duration_s=3.5))
    write_wav(folder / 'it\'s a "name".wav', tone(220))
    write_wav(folder / "eight.wav", np.repeat(tone(330), 8, axis=0))
    write_wav(folder / "silent.wav", np.zeros((1, RATE_HZ), np.float32))
    write_wav(folder / "one.wav", np.full((1, 1), 0.5, np.float32))
    write_wav(folder / "new\nline.wav", tone(550))
    write_wav(folder / os.fsdecode(b"caf\xe9.wav"), tone(660))
    whole = mp3(tone(1000, duration_s=2), folder / "cut.mp3")
    (folder / "cut.mp3").write_bytes(whole[: len(whole) // 2])
    (folder / "cut-to-nothing.mp3").write_bytes(whole[:40])
    (folder / "zero.wav").touch()
    (folder / "text.wav").write_text("this is not a sound\n" * 50)
    write_wav(folder / "none.wav", np.zeros((1, 0), np.float32))
    write_wav(folder / "nan.wav", np.full((1, RATE_HZ), np.nan, np.float32))
    (folder / "dangling.wav").symlink_to("nowhere.wav")
    (folder / "notes.txt").write_text("no sound, and not called one either\n")
    return folder
