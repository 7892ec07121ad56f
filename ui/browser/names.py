"""Names: what a clip or segment of the address is called."""

from __future__ import annotations

import posixpath

import streamlit as st

from ...model.errors import SoundgrepError
from . import resources


def name_of(number: int) -> str:
    """Return the file name of a clip, or of the clip of a segment; its id where there is none."""
    opened = tuple(str(member.manifest.updated_at) for member in resources.current().members)
    return _looked_up(number, opened)


@st.cache_data(max_entries=1_000, show_spinner=False)
def _looked_up(number: int, opened: tuple[str, ...]) -> str:  # noqa: ARG001 - what is remembered holds for it
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
