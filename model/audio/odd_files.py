"""Odd files: what FFmpeg misreads though the sound is there, brought into a form that it reads right."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, replace
from typing import BinaryIO

from ..errors import AudioError
from .spliced import Part, spliced

_HEAD_BYTES = 12
_BLOCK_BYTES = 1 << 20
_LEAST_REST_BYTES = 4096  # less than that after the sound is padding or a tag
_MAX_MPEG_FRAME_BYTES = 1441
_LEAST_ZEROS_BYTES = 1 << 16
_MAX_CHUNKS = 10_000
_MAGICS_AFTER_ID3 = (b"RIFF", b"RIFX", b"RF64", b"BW64", b"FORM", b"OggS", b"caff", b"riff", b".snd")
_TAGS_AT_THE_END = (b"TAG", b"ID3", b"APETAGEX", b"RIFF", b"LYRICSBEGIN")
# Sound in a stream of packets: zeros after it are no silence, and looking through them takes long.
_PACKETS = (b"ID3", b"fLaC", b"OggS", b"MAC ", b"wvpk", b"\xff")
_EXTENSIBLE = 0xFFFE
# Sun's .au holds what RIFX holds, in the same order of bytes: its number for a format tag and a number of bytes.
_AU_CODINGS = {(1, 2): 3, (1, 3): 4, (1, 4): 5, (3, 4): 6, (3, 8): 7, (7, 1): 1, (6, 1): 27}
_LARGE = (b"RF64", b"BW64")
_IN_DS64 = 0xFFFFFFFF  # a size that stands in the chunk ds64 (EBU Tech 3306), whose second number it is
_NMS = b"\x38\0"  # a format tag that FFmpeg takes for AMR, and hears noise
_W64_DATA = b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"


@dataclass(frozen=True)
class Readable:
    """A file as FFmpeg is to read it.

    Attributes:
        file: Its bytes.
        container: What the container is called where FFmpeg is shown another one; None where it is what it is.
        notes: What was found, as the rest of a sentence that begins with the file's name.
    """

    file: BinaryIO
    container: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Chunks:
    """How a format names and measures its chunks.

    Attributes:
        first: Where the first chunk starts.
        name_bytes: Bytes of a chunk's name.
        size: Format of its size, for `struct`.
        data: Name of the chunk that holds the sound.
        counts_head: Whether the size counts the chunk's name and size as well.
        align: Chunks start at multiples of that.
    """

    first: int
    name_bytes: int
    size: str
    data: bytes
    counts_head: bool = False
    align: int = 2

    @property
    def head_bytes(self) -> int:
        return self.name_bytes + struct.calcsize(self.size)


def readable(file: BinaryIO) -> Readable:
    """Look at a file's head and tail.

    Args:
        file: The file, not empty; where it stands does not matter.

    Returns:
        The file at its start, as it is if nothing is odd about it.

    Raises:
        AudioError: If it is coded in a way that would be misread.
        OSError: If reading fails.
    """
    head = _read(file, 0, _HEAD_BYTES)
    n_bytes = file.seek(0, os.SEEK_END)
    if head[:3] == b"ID3" and len(head) == _HEAD_BYTES:
        start = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
        if _read(file, start, 4) in _MAGICS_AFTER_ID3:
            inner = spliced(file, [(start, n_bytes - start)])
            found = readable(inner)
            return replace(found, notes=(*found.notes, "has an ID3 tag before its sound, which is not read"))
    chunks = _chunks_of(head)
    if chunks is not None:
        return _with_true_sizes(file, head, chunks, n_bytes)
    if head.startswith(_PACKETS):
        return _without_zeros(file, head, n_bytes)
    file.seek(0)
    return Readable(file)


def _chunks_of(head: bytes) -> _Chunks | None:
    if head[:4] in (b"RIFF", *_LARGE) and head[8:12] == b"WAVE":
        return _Chunks(12, 4, "<I", b"data")
    if head[:4] == b"RIFX" and head[8:12] == b"WAVE":
        return _Chunks(12, 4, ">I", b"data")
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return _Chunks(12, 4, ">I", b"SSND")
    if head[:4] == b"riff":
        return _Chunks(40, 16, "<Q", _W64_DATA, counts_head=True, align=8)
    if head[:4] == b"caff":
        return _Chunks(8, 4, ">q", b"data", align=1)
    return None


def _with_true_sizes(file: BinaryIO, head: bytes, chunks: _Chunks, n_bytes: int) -> Readable:
    """Mend what a header says of the sound after it: its size, its byte order, the width of its samples."""
    notes: list[str] = []
    parts: list[Part] = [(0, n_bytes)]
    place, layout, wide = chunks.first, b"", 0
    for _ in range(_MAX_CHUNKS):
        if place >= n_bytes:  # by whatever a size says: it may be no place of a file at all
            break
        name, size = _chunk_at(file, place, chunks)
        if name is None:
            break
        if name == b"ds64" and head[:4] in _LARGE:
            wide = place + chunks.head_bytes + 8
        if name == b"fmt " and head[:4] in (b"RIFF", b"RIFX", *_LARGE):
            layout = _read(file, place + chunks.head_bytes, min(size, 40))
            if layout[:2] == _NMS[:: 1 if head[:4] != b"RIFX" else -1]:
                raise AudioError("its coding, ADPCM by NMS, is not supported")
            patch = _true_width(layout) if head[:4] != b"RIFX" else None
            if patch is not None:
                offset, value = patch
                parts = _patched(parts, place + chunks.head_bytes + offset, value)
        if name == chunks.data:
            start = place + chunks.head_bytes
            field, kind = place + chunks.name_bytes, chunks.size
            if wide and size == _IN_DS64:
                field, kind = wide, "<Q"
                size = int.from_bytes(_read(file, wide, 8), "little")
            end = start + size
            if end < n_bytes and not _chunk_follows(file, end, chunks, n_bytes):
                rest = n_bytes - end
                if size > 0 and _is_zero(file, end, n_bytes):
                    parts = _cut(parts, n_bytes, end)
                elif rest >= _LEAST_REST_BYTES:
                    true = n_bytes - start + (chunks.head_bytes if chunks.counts_head else 0)
                    largest = (1 << (8 * struct.calcsize(kind) - 1)) - 1
                    parts = _patched(parts, field, struct.pack(kind, min(true, largest)))
                    notes.append(f"holds {rest:,} more bytes of sound than its header says, which are indexed too")
            if head[:4] == b"RIFX":
                return _as_au(file, layout, start, min(size or n_bytes, n_bytes - start), tuple(notes))
            break
        place += chunks.head_bytes + size
        place += -place % chunks.align
    if parts == [(0, n_bytes)]:
        file.seek(0)
        return Readable(file)
    return Readable(spliced(file, parts), notes=tuple(notes))


def _true_width(layout: bytes) -> tuple[int, bytes] | None:
    """Where samples fill more bytes than they have bits, the place and the value of the field that misleads FFmpeg.

    Such samples lie in the upper bits (Microsoft's WAVEFORMATEXTENSIBLE), so they may be read at their full width.
    """
    if len(layout) < 16:
        return None
    tag, n_channels, _, _, block_bytes, bits = struct.unpack_from("<HHIIHH", layout)
    if tag == _EXTENSIBLE and len(layout) >= 26:
        tag = struct.unpack_from("<H", layout, 24)[0]
    width = 8 * block_bytes // n_channels if n_channels else 0
    if tag != 1 or width not in (8, 16, 24, 32, 64):
        return None
    if len(layout) >= 26 and struct.unpack_from("<H", layout)[0] == _EXTENSIBLE:
        valid = struct.unpack_from("<H", layout, 18)[0]
        is_odd = 0 < valid <= width and (valid + 7) // 8 * 8 != width
        return (18, struct.pack("<H", width)) if is_odd and bits == width else None
    return (14, struct.pack("<H", width)) if bits > 0 and (bits + 7) // 8 * 8 < width else None


def _as_au(file: BinaryIO, layout: bytes, start: int, size: int, notes: tuple[str, ...]) -> Readable:
    """Show FFmpeg a RIFX file as a Sun .au file: it would take the samples for little-endian."""
    tag, n_channels, rate_hz, _, _, bits = struct.unpack_from(">HHIIHH", layout.ljust(16, b"\0"))
    if tag == _EXTENSIBLE and len(layout) >= 26:
        tag = struct.unpack_from(">H", layout, 24)[0]
    coding = _AU_CODINGS.get((tag, bits // 8))
    if coding is None:  # bytes have no order
        file.seek(0)
        return Readable(file, notes=notes)
    head = b".snd" + struct.pack(">IIIII", 32, min(size, 0xFFFFFFFE), coding, rate_hz, n_channels) + bytes(8)
    return Readable(spliced(file, [head, (start, size)]), container="wav", notes=notes)


def _without_zeros(file: BinaryIO, head: bytes, n_bytes: int) -> Readable:
    """Leave out a long run of zeros at the end, and wrap a file of few packets."""
    if _is_mpeg_frame(head) and n_bytes < _LEAST_REST_BYTES:  # FFmpeg wants to see more of them
        return Readable(spliced(file, [_wav_head_of_mpeg(head, n_bytes), (0, n_bytes)]), container="mp3")
    end = n_bytes
    if _is_zero(file, max(0, n_bytes - _LEAST_ZEROS_BYTES), n_bytes):
        while end > 0:
            first = max(0, end - _BLOCK_BYTES)
            left = len(_read(file, first, end - first).rstrip(b"\0"))
            end = first + left
            if left:
                break
    if end < n_bytes - _LEAST_ZEROS_BYTES:
        # The last packet may end in zeros; much more than that, and FFmpeg takes an MP3 for two.
        margin = min(_LEAST_REST_BYTES, max(_MAX_MPEG_FRAME_BYTES, end >> 5))
        return Readable(spliced(file, [(0, min(n_bytes, end + margin))]))
    file.seek(0)
    return Readable(file)


def _wav_head_of_mpeg(head: bytes, n_bytes: int) -> bytes:
    is_layer_3 = head[1] & 0x06 == 0x02
    layout = struct.pack("<HHIIHHH", 0x55 if is_layer_3 else 0x50, 2, 44_100, 16_000, 1, 0, 0)  # frames have their own
    chunks = b"fmt " + struct.pack("<I", len(layout)) + layout + b"data" + struct.pack("<I", n_bytes)
    return b"RIFF" + struct.pack("<I", 4 + len(chunks) + n_bytes) + b"WAVE" + chunks


def _is_mpeg_frame(head: bytes) -> bool:
    """Return whether a file starts with the head of an MPEG audio frame (ISO 11172-3, 2.4.1.3)."""
    if len(head) < _HEAD_BYTES:
        return False
    second, third = head[1], head[2]
    return (
        head[0] == 0xFF
        and second & 0xE0 == 0xE0
        and second & 0x18 != 0x08
        and second & 0x06 != 0
        and third & 0xF0 not in (0, 0xF0)
        and third & 0x0C != 0x0C
    )


def _chunk_at(file: BinaryIO, place: int, chunks: _Chunks) -> tuple[bytes | None, int]:
    """Name and size of the chunk at a place; None where the file ends."""
    head = _read(file, place, chunks.head_bytes)
    if len(head) < chunks.head_bytes:
        return None, 0
    size = struct.unpack_from(chunks.size, head, chunks.name_bytes)[0]
    if chunks.counts_head:
        size = max(0, size - chunks.head_bytes)
    return head[: chunks.name_bytes], max(0, size)


def _chunk_follows(file: BinaryIO, end: int, chunks: _Chunks, n_bytes: int) -> bool:
    """Return whether what comes after the sound is one more chunk, or a tag that players leave at the end of files."""
    for place in {end, end + -end % chunks.align, end + 1}:
        if place >= n_bytes or _read(file, place, 11).startswith(_TAGS_AT_THE_END):
            return True
        name, size = _chunk_at(file, place, chunks)
        if name is not None and all(0x20 <= byte < 0x7F for byte in name[:4]) and size <= n_bytes - place:
            return True
    return False


def _patched(parts: list[Part], place: int, value: bytes) -> list[Part]:
    """Put other bytes at a place of the file."""
    patched: list[Part] = []
    for part in parts:
        if isinstance(part, bytes) or not part[0] <= place < part[0] + part[1]:
            patched.append(part)
            continue
        before, after = place - part[0], place + len(value)
        patched += [(part[0], before), value, (after, part[0] + part[1] - after)]
    return patched


def _cut(parts: list[Part], n_bytes: int, end: int) -> list[Part]:
    """Leave out the file's end."""
    last = parts[-1]
    return [*parts[:-1], (last[0], last[1] - (n_bytes - end))] if isinstance(last, tuple) else parts


def _is_zero(file: BinaryIO, start: int, end: int) -> bool:
    while start < end:
        block = _read(file, start, min(_BLOCK_BYTES, end - start))
        if not block or block.strip(b"\0"):
            return False
        start += len(block)
    return True


def _read(file: BinaryIO, place: int, n: int) -> bytes:
    file.seek(place)
    return file.read(n)
