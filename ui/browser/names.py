"""Names: what a clip or segment of the address is called."""

from __future__ import annotations

import posixpath

from ...model.errors import SoundgrepError
from . import resources


def name_of(number: int) -> str:
    """The file name of a clip, or of the clip of a segment; its id where there is none."""
    try:
        for member in resources.current().members:
            rows = member.sql(
                "SELECT path FROM clips WHERE clip_id = $id OR clip_id IN"
                " (SELECT clip_id FROM segments WHERE segment_id = $id) LIMIT 1",
                values={"id": number},
            ).to_pylist()
            if rows:
                return posixpath.basename(str(rows[0]["path"]))
    except SoundgrepError:
        return str(number)
    return str(number)
