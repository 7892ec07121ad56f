"""Audio files that nobody should have made: real ones with bits flipped, cut, spliced, and headers that lie."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pygame

import soundgrep

Rng = np.random.Generator

_RECORDINGS = Path(pygame.__file__).parent / "examples" / "data"
_DEMO = Path(soundgrep.__file__).parent / "data" / "demo"
_MAX_BYTES = 300_000


def originals() -> dict[str, bytes]:
    """Real sounds of each container that there is at hand, by name."""
    recorded = [path for suffix in ("wav", "ogg", "mp3") for path in sorted(_RECORDINGS.glob(f"*.{suffix}"))]
    made = [path for suffix in ("flac", "opus", "ogg", "mp3") for path in sorted(_DEMO.rglob(f"*.{suffix}"))[:4]]
    return {path.name: path.read_bytes() for path in (*recorded, *made) if path.stat().st_size <= _MAX_BYTES}


def mutants(n: int, *, seed: int) -> Iterator[tuple[str, bytes]]:
    """Give n files, always the same for a seed: names, as hostile as their contents are not, and contents."""
    rng = np.random.default_rng(seed)
    sources = list(originals().items())
    liars = [*_lying_waves()]
    for number in range(n):
        if number % 4 == 0:
            name, data = liars[number // 4 % len(liars)]
        else:
            name, data = sources[int(rng.integers(len(sources)))]
            data = _WAYS[number % len(_WAYS)](data, rng)
        yield f"{number:03d} {name}", data


def _flip_bits(data: bytes, rng: Rng) -> bytes:
    changed = bytearray(data)
    for place in rng.integers(0, len(data), max(1, len(data) // 500)):
        changed[place] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _flip_in_header(data: bytes, rng: Rng) -> bytes:
    changed = bytearray(data)
    for place in rng.integers(0, min(200, len(data)), 6):
        changed[place] = int(rng.integers(256))
    return bytes(changed)


def _cut(data: bytes, rng: Rng) -> bytes:
    return data[: int(rng.integers(0, len(data)))]


def _lose_beginning(data: bytes, rng: Rng) -> bytes:
    return data[int(rng.integers(1, len(data))) :]


def _splice(data: bytes, rng: Rng) -> bytes:
    others = list(originals().values())
    return data[: len(data) // 2] + others[int(rng.integers(len(others)))][-len(data) // 2 :]


def _wrong_header(data: bytes, rng: Rng) -> bytes:
    heads = [
        b"RIFF\xff\xff\xff\xffWAVEfmt ",
        b"fLaC\x00\x00\x00\x22",
        b"OggS\x00\x02",
        b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f",
    ]
    return heads[int(rng.integers(len(heads)))] + data[16:]


def _fill(data: bytes, rng: Rng) -> bytes:
    start = int(rng.integers(0, len(data)))
    return data[:start] + bytes([int(rng.integers(256))]) * min(20_000, len(data) - start) + data[start + 20_000 :]


_WAYS: list[Callable[[bytes, Rng], bytes]] = [
    _flip_bits,
    _flip_in_header,
    _cut,
    _lose_beginning,
    _splice,
    _wrong_header,
    _fill,
]


def _lying_waves() -> Iterator[tuple[str, bytes]]:
    """Wave files of 1,000 samples that claim to be something else."""
    huge = 0xFFFFFFFF
    claims = {
        "rate 0": {"rate_hz": 0},
        "rate 1": {"rate_hz": 1},
        "rate huge": {"rate_hz": huge},
        "rate 10 MHz": {"rate_hz": 10_000_000},
        "no channels": {"n_channels": 0},
        "65535 channels": {"n_channels": 65_535},
        "255 channels": {"n_channels": 255},
        "0 bits": {"n_bits": 0},
        "7 bits": {"n_bits": 7},
        "65535 bits": {"n_bits": 65_535},
        "size 0": {"data_bytes": 0},
        "size huge": {"data_bytes": huge},
        "size 2 GB": {"data_bytes": 0x7FFFFFFF},
        "block 0": {"block": 0},
        "block huge": {"block": 65_535},
        "codec unknown": {"codec": 0x1234},
        "codec adpcm": {"codec": 2, "n_bits": 4, "block": 1},
        "codec float": {"codec": 3, "n_bits": 64},
        "everything huge": {"rate_hz": huge, "n_channels": 65_535, "n_bits": 32, "data_bytes": huge},
    }
    for name, claim in claims.items():
        yield f"{name}.wav", _wave(**claim)
    streaminfo = struct.pack(">HH", 65_535, 65_535) + b"\xff" * 30
    yield "claims huge.flac", b"fLaC\x80\x00\x00\x22" + streaminfo + b"\xff\xf8" * 500
    yield (
        "claims huge.aiff",
        b"FORM\xff\xff\xff\xffAIFFCOMM\x00\x00\x00\x12\xff\xff\xff\xff\xff\xff\x00\x20" + b"\x7f" * 500,
    )
    yield (
        "claims huge.au",
        b".snd\x00\x00\x00\x18\xff\xff\xff\xff\x00\x00\x00\x03\xff\xff\xff\xff\xff\xff\xff\xff" + b"\x01" * 500,
    )


def _wave(
    *,
    rate_hz: int = 16_000,
    n_channels: int = 1,
    n_bits: int = 16,
    data_bytes: int = 2_000,
    block: int | None = None,
    codec: int = 1,
) -> bytes:
    block = min(65_535, n_channels * n_bits // 8) if block is None else block
    form = struct.pack("<HHIIHH", codec, n_channels, rate_hz, min(0xFFFFFFFF, rate_hz * block), block, n_bits)
    samples = (np.sin(np.arange(1_000) / 5) * 10_000).astype("<i2").tobytes()
    return (
        b"RIFF\xff\xff\xff\xffWAVEfmt "
        + struct.pack("<I", 16)
        + form
        + b"data"
        + struct.pack("<I", data_bytes)
        + samples
    )
