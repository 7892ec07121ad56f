"""Text of tags as people read it, whatever charset it was written in."""


def tag_text(raw: str) -> str:
    """Read a tag's text.

    Args:
        raw: The text as UTF-8, its other bytes as lone surrogates, as `os.fsdecode` makes them.

    Returns:
        The text: as it is where it was UTF-8, else as the Western charset that old taggers wrote. Nothing is lost:
        Windows-1252 has a letter for nearly every byte, and Latin-1 has one for the others.
    """
    try:
        raw.encode()
    except UnicodeEncodeError:
        written = raw.encode(errors="surrogateescape")
        try:
            return written.decode("cp1252")
        except UnicodeDecodeError:
            return written.decode("latin-1")
    return raw
