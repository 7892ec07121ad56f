"""Ogg files that end with an empty packet, as VLC writes them, are whole."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import soundfile

from soundgrep.model.audio.decoding import decode


def ogg_checksum(page: bytes) -> int:
    """CRC of an Ogg page (RFC 3533): polynomial 0x04c11db7, not reflected, from 0."""
    checksum = 0
    for byte in page:
        checksum ^= byte << 24
        for _ in range(8):
            checksum = (checksum << 1) ^ (0x04C11DB7 if checksum & 0x80000000 else 0)
        checksum &= 0xFFFFFFFF
    return checksum


def with_an_empty_packet(ogg: bytes) -> bytes:
    """Add a page that holds one packet of no bytes."""
    last = ogg.rindex(b"OggS")
    granule, serial, number = struct.unpack_from("<qII", ogg, last + 6)
    head = b"OggS" + struct.pack("<BBqII", 0, 4, granule, serial, number + 1)
    checksum = ogg_checksum(head + bytes(4) + b"\x01\x00")
    return ogg + head + struct.pack("<I", checksum) + b"\x01\x00"


def test_an_empty_packet_at_the_end_loses_nothing(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, 30_000)
    soundfile.write(tmp_path / "whole.ogg", samples, 44_100, format="OGG", subtype="VORBIS")
    odd = tmp_path / "odd.ogg"
    odd.write_bytes(with_an_empty_packet((tmp_path / "whole.ogg").read_bytes()))
    found, expected = (decode(path, sampling_rate_hz=44_100) for path in (odd, tmp_path / "whole.ogg"))
    assert np.array_equal(found.waveform, expected.waveform)
