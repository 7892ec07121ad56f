"""Text of tags as people read it, whatever charset it was written in."""

import codecs
import re

from .eastern import east_asian

_C1 = re.compile("[\x80-\x9f]")
_LETTERS = re.compile(rb"[A-Za-z\xc0-\xff]")
# All but letters, quotes, dashes and the like.
_NOT_CYRILLIC = re.compile(rb"[\x80-\x83\x86-\x90\x98-\x9f\xa1\xa2\xa4-\xa7\xaa\xac-\xb2\xb4-\xb7\xba\xbc-\xbf]")
_MIN_LETTERS, _MIN_SHARE = 4, 0.7


def tag_text(raw: str) -> str:
    """Read a tag's text.

    Args:
        raw: The text as UTF-8, its other bytes as lone surrogates, as `os.fsdecode` makes them.

    Returns:
        The text: as it is where it was UTF-8, else in the charset that its bytes look like, as `tag_of_bytes`. So is
        text that a tagger wrote as Latin-1 though it was none, which shows by control characters in it, or by words of
        China, Korea or Japan.
    """
    try:
        raw.encode()
    except UnicodeEncodeError:
        return tag_of_bytes(raw.encode(errors="surrogateescape"))
    if raw.isascii() or any(ord(char) > 0xFF for char in raw):
        return raw
    written = raw.encode("latin-1")
    return tag_of_bytes(written) if _C1.search(raw) else east_asian(written) or raw


def tag_of_bytes(written: bytes) -> str:
    """Read the bytes of a tag in the charset that they look like.

    Returns:
        UTF-8 or UTF-16 where they are that; a charset of East Asia or a Cyrillic one where they look like it; else the
        Western one that old taggers wrote. Nothing is lost: Windows-1252 has a letter for nearly every byte, and
        Latin-1 has one for the others.
    """
    if is_wide(written):
        return _wide(written)
    try:
        return written.decode()
    except UnicodeDecodeError:
        pass
    if (text := east_asian(written)) is not None:
        return text
    for charset in (*_cyrillic(written), "cp1252"):
        try:
            return written.decode(charset)
        except UnicodeDecodeError:
            continue
    return written.decode("latin-1")


def is_wide(written: bytes) -> bool:
    """Return whether bytes are UTF-16: they begin with its mark, or every other one of a Western text is zero."""
    if written.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    text = written.rstrip(b"\0")
    zeros = text[1::2]
    return len(text) >= 3 and not zeros.strip(b"\0") and b"\0" not in text[::2]


def _wide(written: bytes) -> str:
    is_marked = written.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    even = written + b"\0" if len(written) % 2 else written
    return even.decode("utf-16" if is_marked else "utf-16-le", "replace").rstrip("\0")


def _cyrillic(written: bytes) -> list[str]:
    """List the Cyrillic charset that bytes look like, if they do."""
    letters = _LETTERS.findall(written)
    high = [letter for letter in letters if letter >= b"\xc0"]
    if len(letters) < _MIN_LETTERS or len(high) < _MIN_SHARE * len(letters) or _NOT_CYRILLIC.search(written):
        return []
    # Most letters are small ones, which lie in the upper half of the one and in the lower half of the other.
    return ["cp1251" if sum(letter >= b"\xe0" for letter in high) * 2 >= len(high) else "koi8-r"]
