"""Find the audio members of an unpacked package, inside its inner archives too.

A member's path is its file path below the package root, with ``archive!/member`` for a file inside an archive:
``usr/share/games/ufoai/base/0ufos.pk3!/sound/doors/door1-open.ogg``. A waveform inside a GUS patch has the
path of the patch followed by ``!/`` and its number.
"""

import gzip
import io
import struct
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

Reader = Callable[[], bytes]

AUDIO_SUFFIXES = frozenset({".aif", ".aiff", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".wav"})
ZIP_SUFFIXES = frozenset({".pk3", ".wz", ".zip"})
CLONK_SUFFIXES = frozenset({".ocd", ".ocf", ".ocg", ".ocs"})
_CLONK_HEADER_BYTES = 204
_CLONK_ENTRY_BYTES = 316


def audio_members(root: Path) -> Iterator[tuple[str, Reader]]:
    """Yield ``(member path, reader of the bytes of an audio file)`` for every audio file below a folder.

    Args:
        root: The folder a package was unpacked into.

    Yields:
        Members in the order of their paths; members of one archive follow each other.
    """
    for file in sorted(root.rglob("*")):
        if file.is_symlink() or not file.is_file():
            continue
        name = file.relative_to(root).as_posix()
        suffix = file.suffix.lower()
        if suffix in AUDIO_SUFFIXES:
            yield name, file.read_bytes
        elif suffix in ZIP_SUFFIXES and zipfile.is_zipfile(file):
            yield from _zip_members(file, name)
        elif suffix in CLONK_SUFFIXES:
            yield from _clonk_members(file, name)
        elif suffix == ".pat":
            yield from _patch_members(file, name)


def _zip_members(file: Path, name: str) -> Iterator[tuple[str, Reader]]:
    with zipfile.ZipFile(file) as archive:
        for member in sorted(archive.namelist()):
            if Path(member).suffix.lower() in AUDIO_SUFFIXES:
                yield f"{name}!/{member}", partial(archive.read, member)


def _clonk_members(file: Path, name: str) -> Iterator[tuple[str, Reader]]:
    """Read an OpenClonk group: gzip with two changed magic bytes around a tree of scrambled directories."""
    packed = file.read_bytes()
    if packed[:2] != b"\x1e\x8c":
        return
    body = gzip.decompress(b"\x1f\x8b" + packed[2:])
    for member, data in _clonk_entries(body, ""):
        if Path(member).suffix.lower() in AUDIO_SUFFIXES:
            yield f"{name}!/{member}", partial(bytes, data)


def _clonk_entries(body: bytes, prefix: str) -> Iterator[tuple[str, bytes]]:
    header = bytearray(byte ^ 237 for byte in body[:_CLONK_HEADER_BYTES])
    for start in range(0, _CLONK_HEADER_BYTES - 2, 3):
        header[start], header[start + 2] = header[start + 2], header[start]
    (n_entries,) = struct.unpack_from("<i", header, 36)
    base = _CLONK_HEADER_BYTES + n_entries * _CLONK_ENTRY_BYTES
    for number in range(n_entries):
        entry = _CLONK_HEADER_BYTES + number * _CLONK_ENTRY_BYTES
        member = body[entry : entry + 260].split(b"\0", 1)[0].decode("latin-1")
        _, is_group, n_bytes, _, offset = struct.unpack_from("<5i", body, entry + 260)
        data = body[base + offset : base + offset + n_bytes]
        if is_group:
            yield from _clonk_entries(data, f"{prefix}{member}/")
        else:
            yield f"{prefix}{member}", data


def _patch_members(file: Path, name: str) -> Iterator[tuple[str, Reader]]:
    """Read the waveforms of a Gravis Ultrasound patch, each as the bytes of a WAV file."""
    data = file.read_bytes()
    if not data.startswith(b"GF1PATCH"):
        return
    n_waveforms = data[129 + 63 + 6]
    start = 129 + 63 + 47
    for number in range(n_waveforms):
        n_bytes, _, _, sampling_rate_hz = struct.unpack_from("<3IH", data, start + 8)
        modes = data[start + 55]
        raw = data[start + 96 : start + 96 + n_bytes]
        yield f"{name}!/{number}", partial(_wav, raw, modes, sampling_rate_hz)
        start += 96 + n_bytes


def _wav(raw: bytes, modes: int, sampling_rate_hz: int) -> bytes:
    """Wrap the samples of a patch (bit 0 of modes: 16 bit, bit 1: unsigned) as a WAV file."""
    is_wide, is_unsigned = bool(modes & 1), bool(modes & 2)
    samples = np.frombuffer(raw[: len(raw) // 2 * 2], "<u2" if is_wide else "u1").copy()
    if not is_unsigned:
        samples ^= samples.dtype.type(0x8000 if is_wide else 0x80)
    centred = samples.astype(np.float32) / (32768 if is_wide else 128) - 1
    file: BinaryIO = io.BytesIO()
    soundfile.write(file, centred, sampling_rate_hz, format="WAV")
    file.seek(0)
    return file.read()
