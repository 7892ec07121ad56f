"""The page "Search": the bar, and the hits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from ...model.errors import SoundgrepError
from ...search import Hit
from ...search.union import Collections
from ..screen import counted
from . import resources, state
from .asking import find
from .bar import show_bar
from .hits import Event, show_hits
from .state import SearchState, as_text

PAGE_SIZE = 20
MAX_HITS = 1_000


@dataclass
class _Found:
    """The hits of one search that are loaded so far."""

    signature: str
    hits: list[Hit] = field(default_factory=list)
    wanted: int = PAGE_SIZE
    done: bool = False
    nothing_like_it: bool = False


def show() -> None:
    """Draw the page."""
    show_bar(ideas=(), lead="")
    search = state.current()
    if not search.asks:
        return
    collections = resources.current()
    found = _found(collections, search)
    try:
        _load(found, search)
    except SoundgrepError as error:
        st.error(as_text(str(error)), icon=":material/error:")
        return
    if not found.hits:
        st.info("Nothing here passes the filters." if search.where else "There are no sounds in this collection.")
        return
    if found.nothing_like_it:
        st.info("Nothing here sounds like that: even the best is no better than what any text finds.")
    total = counted(collections.n_clips, "clip")
    n = counted(len(found.hits), "hit")
    show_hits(
        found.hits,
        state=search,
        signature=found.signature,
        count=f"{n} of {total}" if found.done else f"the best {n} of {total}",
        done=found.done,
        tags={},
        answer=_answer,
    )


def _found(collections: Collections, search: SearchState) -> _Found:
    """What is loaded of this search; another search, or another state of the collections, starts anew."""
    asked: dict[str, Any] = {name: value for name, value in search.to_address().items() if name != "view"}
    opened = [(member.path.name, member.manifest.updated_at) for member in collections.members]
    signature = repr((asked, opened))
    found = st.session_state.get("found")
    if not isinstance(found, _Found) or found.signature != signature:
        found = st.session_state["found"] = _Found(signature)
    return found


def _load(found: _Found, search: SearchState) -> None:
    """Load the hits that are wanted and not there yet."""
    n = found.wanted - len(found.hits)
    if found.done or n <= 0:
        return
    offset = len(found.hits)
    hits = resources.ask(lambda collections: find(collections, search, k=n, offset=offset))
    if not found.hits:
        found.nothing_like_it = hits.nothing_like_it
    found.hits.extend(hits)
    found.done = len(hits) < n or len(found.hits) >= MAX_HITS


def _answer(event: Event) -> None:
    """Change the search as a hit's buttons say."""
    search = state.current()
    number = int(event["id"]) if str(event.get("id", "")).isdecimal() else None
    match event.get("kind"):
        case "more":
            found = st.session_state.get("found")
            if isinstance(found, _Found) and event.get("have") == len(found.hits):
                found.wanted = len(found.hits) + PAGE_SIZE
        case "view" if event.get("view") in ("list", "grid"):
            state.change(view=event["view"])
        case "like" if number is not None and number not in search.like:
            state.change(like=(*search.like, number), unlike=tuple(one for one in search.unlike if one != number))
        case "unlike" if number is not None and number not in search.unlike:
            state.change(unlike=(*search.unlike, number), like=tuple(one for one in search.like if one != number))
        case "similar" if number is not None:
            state.change(text="", added=(), subtracted=(), like=(number,), unlike=(), sound="", saved="")
