"""Documents: text and JSON that somebody wrote, whoever that was."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

_MAX_DEPTH = 200  # of what whoever writes it again, or puts it into a table, can follow


def text_of(data: bytes) -> str:
    """Decode text in UTF-8, or in UTF-16 or UTF-32 as spreadsheets and Windows write it, with a byte order mark or not.

    Raises:
        UnicodeDecodeError: If it is in another charset, or is no text.
    """
    return data.decode(json.detect_encoding(data))


def json_of(document: str | bytes) -> Any:
    """Parse JSON.

    Raises:
        ValueError: If it is none, is nested more than 200 levels deep, or holds text that no file and no answer could.
    """
    text = document if isinstance(document, str) else text_of(document)
    try:
        value = json.loads(text)
        if "\\ud" in text.lower():  # perhaps half of a pair
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    level: list[object] = [value]
    for _ in range(_MAX_DEPTH):
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return value
    raise ValueError("it is nested too deeply")


def _inside(value: object) -> Iterable[object]:
    """Return the lists and objects right inside a value."""
    children = value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    return (child for child in children if isinstance(child, list | dict))
