"""Text of tags as people read it, whatever charset it was written in."""

import codecs
import re

_C1 = re.compile("[\x80-\x9f]")
_JAPANESE = re.compile("[\u3041-\u30ff\u4e00-\u9fff]")
# What text of another charset turns into, read as Shift-JIS: private letters and narrow katakana.
_NOT_JAPANESE = re.compile("[\ue000-\uf8ff\uff61-\uff9f]")
_LETTERS = re.compile(rb"[A-Za-z\xc0-\xff]")
_MIN_LETTERS, _MIN_SHARE = 4, 0.7


def tag_text(raw: str) -> str:
    """Read a tag's text.

    Args:
        raw: The text as UTF-8, its other bytes as lone surrogates, as `os.fsdecode` makes them.

    Returns:
        The text: as it is where it was UTF-8, else in the charset that its bytes look like, as `tag_of_bytes`. So is
        text that a tagger wrote as Latin-1 though it was none, which shows by control characters in it.
    """
    try:
        raw.encode()
    except UnicodeEncodeError:
        return tag_of_bytes(raw.encode(errors="surrogateescape"))
    if _C1.search(raw) and all(ord(char) < 0x100 for char in raw):
        return tag_of_bytes(raw.encode("latin-1"))
    return raw


def tag_of_bytes(written: bytes) -> str:
    """Read the bytes of a tag in the charset that they look like.

    Returns:
        UTF-8 or UTF-16 where they are that; Shift-JIS or a Cyrillic charset where they look like it; else the Western
        one that old taggers wrote. Nothing is lost: Windows-1252 has a letter for nearly every byte, and Latin-1 has
        one for the others.
    """
    if is_wide(written):
        return _wide(written)
    try:
        return written.decode()
    except UnicodeDecodeError:
        pass
    for charset in (*_eastern(written), "cp1252"):
        try:
            return written.decode(charset)
        except UnicodeDecodeError:
            continue
    return written.decode("latin-1")


def is_wide(written: bytes) -> bool:
    """Tell whether bytes are UTF-16: they begin with its mark, or every other one of a Western text is zero."""
    if written.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    text = written.rstrip(b"\0")
    zeros = text[1::2]
    return len(text) >= 3 and not zeros.strip(b"\0") and b"\0" not in text[::2]


def _wide(written: bytes) -> str:
    is_marked = written.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    even = written + b"\0" if len(written) % 2 else written
    return even.decode("utf-16" if is_marked else "utf-16-le", "replace").rstrip("\0")


def _eastern(written: bytes) -> list[str]:
    """List the charsets of the East that bytes look like."""
    try:
        text = written.decode("cp932")
    except UnicodeDecodeError:
        text = ""
    if _JAPANESE.search(text) and not _NOT_JAPANESE.search(text):
        return ["cp932"]
    letters = _LETTERS.findall(written)
    high = [letter for letter in letters if letter >= b"\xc0"]
    if len(letters) < _MIN_LETTERS or len(high) < _MIN_SHARE * len(letters):
        return []
    # Most letters are small ones, which lie in the upper half of the one and in the lower half of the other.
    return ["cp1251" if sum(letter >= b"\xe0" for letter in high) * 2 >= len(high) else "koi8-r"]
