"""Tags: what is known of the clips that are listed, beside their names."""

from __future__ import annotations

from collections.abc import Sequence

from ...search.collection import Collection
from ...search.sql.views import quoted
from ...search.store.schema import CLIPS
from ...search.union import Collections
from ..screen import printable, shortened

MAX_TAGS = 4
MAX_CELLS = 60
_OF_FILES = ("label", "title", "artist")
"""What says most, first; then what the user joined."""


def tags_of(collections: Collections, clip_ids: Sequence[int]) -> dict[int, list[str]]:
    """Look up the tags of clips: label, title, artist, and texts that the user joined.

    Raises:
        CollectionError: If the tables cannot be read.
    """
    tags: dict[int, list[str]] = {}
    for member in collections.members:
        names = _names(member)
        if not names or not clip_ids:
            continue
        columns, wanted = ", ".join(map(quoted, names)), ", ".join(map(str, clip_ids))
        rows = member.sql(f"SELECT clip_id, {columns} FROM clips WHERE clip_id IN ({wanted})")  # noqa: S608
        for row in rows.to_pylist():
            texts = (" ".join(str(row[name]).split()) for name in names if row[name])
            shown = [shortened(printable(text), n_cells=MAX_CELLS) for text in dict.fromkeys(texts) if text]
            tags.setdefault(row["clip_id"], shown[:MAX_TAGS])
    return tags


def _names(member: Collection) -> list[str]:
    """Return the columns of a collection's clips whose texts are tags."""
    described = member.sql("DESCRIBE clips").to_pylist()
    texts = [str(row["column_name"]) for row in described if row["column_type"] == "VARCHAR"]
    own = set(CLIPS.names)
    return [name for name in _OF_FILES if name in texts] + [
        name for name in texts if name not in own and name not in _OF_FILES
    ]
