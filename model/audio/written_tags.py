"""Written tags: those in a file that libav passes over or cuts short."""

import os
import re
import struct
from collections.abc import Iterator
from typing import BinaryIO

from .tag_text import is_wide, tag_of_bytes

SEPARATOR = ";"
"""What stands between several values of one tag, as libav has it for Vorbis comments."""

_INFO = {b"INAM": "title", b"IART": "artist", b"IPRD": "album", b"IGNR": "genre", b"ICMT": "comment"}
_FRAMES = {b"TIT2": "title", b"TPE1": "artist", b"TALB": "album", b"TCON": "genre"}
_CHARSETS = ("latin-1", "utf-16", "utf-16-be", "utf-8")
_COMMENTS = re.compile(rb"(....)(DESCRIPTION|COMMENT)=", re.DOTALL | re.IGNORECASE)
_HEAD_BYTES, _MAX_TAG_BYTES, _MAX_CHUNKS = 1 << 16, 1 << 20, 1_000
_APE_FOOTER = struct.Struct("<8sIIII8x")
_ID3V1_BYTES = 128


def written_tags(file: BinaryIO) -> dict[str, str]:
    """Read tags that libav does not give whole.

    That are UTF-16 in the INFO of a RIFF file, a description beside a comment in Vorbis comments, several values of a
    frame of ID3v2.4, and an APEv2 tag behind an MP3.

    Args:
        file: The file, open for reading and seekable.

    Returns:
        Text by lower-case name; nothing where libav gives all there is.

    Raises:
        OSError: If the file cannot be read.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    tags: dict[str, str] = {}
    if head[:4] in (b"RIFF", b"RF64", b"BW64"):
        tags.update(_of_info(file, size))
    elif head.startswith((b"fLaC", b"OggS")):
        tags.update(_of_comments(head))
    else:
        if head.startswith(b"ID3\x04"):
            tags.update(_of_frames(file, head))
        tags.update(_of_ape(file, size))
        if not tags and not head.startswith(b"ID3"):
            tags.update(_of_id3v1(file, size))
    return tags


def _of_info(file: BinaryIO, size: int) -> Iterator[tuple[str, str]]:
    place = 12
    for _ in range(_MAX_CHUNKS):
        file.seek(place)
        name, n_bytes = _chunk(file.read(8))
        if name == b"LIST" and file.read(4) == b"INFO":
            yield from _of_list(file.read(min(n_bytes - 4, _MAX_TAG_BYTES)))
        place += 8 + n_bytes + n_bytes % 2
        if not name or place >= size:
            return


def _of_list(data: bytes) -> Iterator[tuple[str, str]]:
    place = 0
    while place + 8 <= len(data):
        name, n_bytes = _chunk(data[place : place + 8])
        value = data[place + 8 : place + 8 + n_bytes]
        if name in _INFO and is_wide(value):
            yield _INFO[name], tag_of_bytes(value)
        place += 8 + n_bytes + n_bytes % 2


def _chunk(header: bytes) -> tuple[bytes, int]:
    return (header[:4], int.from_bytes(header[4:8], "little")) if len(header) == 8 else (b"", 0)


def _of_comments(head: bytes) -> Iterator[tuple[str, str]]:
    """Yield descriptions and comments, which libav takes for one and the same."""
    if b"DESCRIPTION=" not in head.upper():  # far cheaper than the expression, and few files have any
        return
    texts: dict[str, list[str]] = {}
    for found in _COMMENTS.finditer(head):
        value = head[found.end() : found.start(1) + 4 + int.from_bytes(found[1], "little")]
        texts.setdefault(found[2].decode().lower(), []).append(value.decode("utf-8", "replace"))
    if "description" in texts:
        yield from ((name, SEPARATOR.join(parts)) for name, parts in texts.items())


def _of_frames(file: BinaryIO, head: bytes) -> Iterator[tuple[str, str]]:
    n_bytes = _syncsafe(head[6:10])
    if len(head) < 10 or head[5]:  # with flags, libav alone
        return
    file.seek(10)
    data = file.read(min(n_bytes, _MAX_TAG_BYTES))
    place = 0
    while place + 10 <= len(data) and data[place]:
        name, n_bytes = data[place : place + 4], _syncsafe(data[place + 4 : place + 8])
        value = data[place + 10 : place + 10 + n_bytes]
        if name in _FRAMES and value and value[0] < len(_CHARSETS) and data[place + 9] == 0:
            parts = value[1:].decode(_CHARSETS[value[0]], "replace").split("\0")
            parts = [part.removeprefix("\ufeff") for part in parts if part.strip("\ufeff")]
            if len(parts) > 1:
                yield _FRAMES[name], SEPARATOR.join(parts)
        place += 10 + n_bytes


def _syncsafe(data: bytes) -> int:
    number = 0
    for byte in data:
        number = number << 7 | byte & 0x7F
    return number


def _of_ape(file: BinaryIO, size: int) -> Iterator[tuple[str, str]]:
    for end in (size, size - _ID3V1_BYTES):
        if end < _APE_FOOTER.size:
            return
        file.seek(end - _APE_FOOTER.size)
        magic, _, n_bytes, n_items, _ = _APE_FOOTER.unpack(file.read(_APE_FOOTER.size))
        if magic == b"APETAGEX" and _APE_FOOTER.size <= n_bytes <= min(end, _MAX_TAG_BYTES):
            file.seek(end - n_bytes)
            yield from _of_items(file.read(n_bytes - _APE_FOOTER.size), n_items)
            return


def _of_id3v1(file: BinaryIO, size: int) -> Iterator[tuple[str, str]]:
    """Read what stands in the last bytes of an MP3, which libav looks for in files of more than a few frames."""
    file.seek(max(0, size - _ID3V1_BYTES))
    tag = file.read(_ID3V1_BYTES)
    if len(tag) == _ID3V1_BYTES and tag.startswith(b"TAG"):
        for name, start, end in (("title", 3, 33), ("artist", 33, 63), ("album", 63, 93), ("comment", 97, 125)):
            value = tag[start:end].partition(b"\0")[0].strip()
            if value:
                yield name, tag_of_bytes(value)


def _of_items(data: bytes, n_items: int) -> Iterator[tuple[str, str]]:
    place = 0
    for _ in range(min(n_items, _MAX_CHUNKS)):
        n_bytes, flags = int.from_bytes(data[place : place + 4], "little"), data[place + 4 : place + 5]
        end = data.find(b"\0", place + 8)
        if end < 0:
            return
        value = data[end + 1 : end + 1 + n_bytes]
        if flags and not flags[0] & 0b110:  # text, and neither a picture nor a link
            name = data[place + 8 : end].decode("ascii", "replace").lower()
            yield {"year": "date"}.get(name, name), SEPARATOR.join(map(tag_of_bytes, value.split(b"\0")))
        place = end + 1 + n_bytes
