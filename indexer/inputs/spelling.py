"""Spelling: the name that a file has on disk, for one that is written with other bytes."""

import os
import unicodedata

_OLD_ENCODINGS = ("cp1252", "cp437")
"""What playlists were written in before UTF-8."""


def as_spelled(path: bytes) -> bytes:
    """Find the file that a path means.

    "\u00e9" is one character or two, and the same name to people: macOS writes the second, lists often have the first.

    Args:
        path: An absolute path.

    Returns:
        The path as it is on disk; the given one where there is no such file in any spelling.
    """
    if path.isascii() or os.path.lexists(path):
        return path
    folder, _, name = path.rpartition(b"/")
    folder = as_spelled(folder) if folder else folder
    for other in spellings(name):
        if os.path.lexists(folder + b"/" + other):
            return folder + b"/" + other
    return path


def spellings(name: bytes) -> list[bytes]:
    """List the ways in which a name may be written on a disk or in a store, itself first."""
    try:
        texts = [name.decode()]
    except UnicodeDecodeError:
        texts = [name.decode(encoding, "replace") for encoding in _OLD_ENCODINGS]
    forms = [unicodedata.normalize(form, text).encode() for text in texts for form in ("NFC", "NFD")]
    return list(dict.fromkeys([name, *forms]))
