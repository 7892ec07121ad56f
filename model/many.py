"""One or many: where many things are taken, one of them is one, not a row of its parts."""

from __future__ import annotations

from typing import Any


def as_many(given: Any, one: type | tuple[type, ...]) -> list[Any]:
    """Return what was given as a list: a text is one text, not its letters.

    Args:
        given: One thing, or several.
        one: The types of which a single thing is.
    """
    return [given] if isinstance(given, one) else list(given)
