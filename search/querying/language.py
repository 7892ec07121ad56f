"""Language: what can be told of a text whose language the encoders did not learn."""

import unicodedata
from collections.abc import Iterable

_NOTE = (
    "the encoders learned English, and a text in other letters tells them little: ask in English if the hits make no "
    "sense"
)


def language_note(texts: Iterable[str]) -> str | None:
    """Return what whoever asks for some texts should know, as a sentence; None if nothing can be told."""
    return _NOTE if any(map(_is_foreign, texts)) else None


def _is_foreign(text: str) -> bool:
    """Tell whether most letters of a text are of another script than the Latin one."""
    letters = [char for char in text if char.isalpha()]
    n_latin = sum(unicodedata.name(char, "").startswith(("LATIN", "FULLWIDTH LATIN")) for char in letters)
    return 2 * n_latin < len(letters)
