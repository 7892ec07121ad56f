"""Hits on the page: the component that lists them, and what it is told of each."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from ...search import Hit
from .assets import component
from .media import PREFIX
from .state import SearchState, marks

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

Event = Mapping[str, Any]
KEY = "hits"


@st.cache_resource
def _component() -> ComponentRenderer:
    return component("hits")


def show_hits(
    hits: Sequence[Hit],
    *,
    state: SearchState,
    signature: str,
    count: str,
    done: bool,
    encoders: Sequence[str],
    tags: Mapping[int, Sequence[str]],
    answer: Callable[[Event], None],
) -> None:
    """Draw hits, and answer what is done with them.

    Args:
        hits: All that are loaded so far, best first.
        state: The search they answer.
        signature: Changes with whatever makes this another list, of which nothing is kept.
        count: How many there are, in words.
        done: Whether there are no more.
        encoders: Names of the encoders that heard the collections.
        tags: What to show beside the name of a clip, by its id.
        answer: Called with an event, before the page is run again: {"kind": "more" | "like" | "unlike" | "similar" |
            "list", ...}.
    """
    data = {
        "signature": signature,
        "count": count,
        "done": done,
        "ending": "that is all" if len(hits) > 5 else "",
        "view": state.view,
        "fold": state.fold,
        "by": state.by,
        "words": state.text_match,
        "encoder": state.encoder,
        "encoders": list(encoders),
        "has_words": bool(state.text or state.added),
        "media": f"{PREFIX}/clips",
        "marks": marks(),
        "hits": [_told(hit, tags.get(hit.clip_id, ())) for hit in hits],
    }

    def marked() -> None:
        told = st.session_state[KEY].marks
        if isinstance(told, Mapping):
            st.session_state["marks"] = {str(clip): bool(keep) for clip, keep in told.items()}

    def happened() -> None:
        event = st.session_state[KEY].event
        if isinstance(event, Mapping):
            answer(event)

    _component()(key=KEY, data=data, on_event_change=happened, on_marks_change=marked)


def _told(hit: Hit, tags: Sequence[str]) -> dict[str, Any]:
    """Return what the component is told of a hit; ids as text, because they exceed JavaScript's integers."""
    folder, name = posixpath.split(hit.path)
    score = hit.score if hit.calibrated is None else hit.calibrated / 100
    return {
        "key": f"{hit.clip_id}/{hit.segment_id}",
        "clip": str(hit.clip_id),
        "segment": str(hit.segment_id),
        "name": name,
        "path": hit.path,
        "folder": posixpath.basename(folder),
        "start_s": round(hit.start_s, 3),
        "end_s": round(hit.end_s, 3),
        "duration_s": round(hit.duration_s, 3),
        "spans": [span.to_json() for span in hit.spans] or [{"start_s": hit.start_s, "end_s": hit.end_s}],
        "bar": round(100 * min(1.0, max(0.0, score)), 1),
        "score_text": f"{hit.score:.2f}" if hit.calibrated is None else f"{hit.calibrated:.0f}",
        "score_title": f"score {hit.score:.3f}" + ("" if hit.calibrated is None else f", {hit.calibrated:.0f} of 100"),
        "folded": list(hit.folded),
        "tags": list(tags),
    }
