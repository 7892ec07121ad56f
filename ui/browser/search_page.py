"""The page "Search": the bar, and the hits."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from ...model.errors import SoundgrepError
from ...search import Hit
from ...search.querying.query import language_note
from ...search.union import Collections
from ..screen import counted, printable, spoken_duration
from . import resources, state
from .asking import find
from .bar import show_bar
from .facets import show_facets
from .feedback import show_feedback, show_saved
from .hits import Event, show_hits
from .learning import follow_marks
from .sound_input import show_sound_input, show_sound_problem
from .state import SearchState, as_text
from .tags import tags_of
from .takeaway import show_takeaway

PAGE_SIZE = 20
MAX_HITS = 1_000
_LISTINGS = {
    ("view", "list"),
    ("view", "grid"),
    ("fold", True),
    ("fold", False),
    ("by", "clip"),
    ("by", "segment"),
    ("text_match", "off"),
    ("text_match", "on"),
    ("text_match", "only"),
}


@dataclass
class Found:
    """The hits of one search that are loaded so far."""

    signature: str
    hits: list[Hit] = field(default_factory=list)
    tags: dict[int, list[str]] = field(default_factory=dict)
    wanted: int = PAGE_SIZE
    done: bool = False
    nothing_like_it: bool = False


def show() -> None:
    """Draw the page."""
    collections = resources.current()
    search = follow_marks()
    with st.container(horizontal=True, vertical_alignment="top", gap="small", key="asked"):
        show_bar(ideas=[] if search.asks else resources.ideas(), lead="In here, for example:")
        show_sound_input()
        if search.asks or any(state.marks().values()):
            show_takeaway(PAGE_SIZE)
    show_sound_problem()
    if not collections.n_clips:
        st.info(f"{_named(collections)} holds no sounds yet: the page Index listens to a folder of them.")
        return
    if not search.asks:
        _welcome(collections)
        show_saved()
        show_facets(hits=None)
        return
    show_feedback()
    found = load_found(collections, search)
    if found is not None:
        show_found(collections, search, found)
    show_facets(hits=[hit.clip_id for hit in found.hits] if found is not None and found.hits else None)


def load_found(collections: Collections, search: SearchState) -> Found | None:
    """Answer a search as far as its hits are wanted; None, and the reason on the page, if it cannot be answered."""
    found = _found(collections, search)
    try:
        _load(found, search)
    except SoundgrepError as error:
        st.error(as_text(str(error)), icon=":material/error:")
        return None
    return found


def show_found(collections: Collections, search: SearchState, found: Found) -> None:
    """Draw the hits of a search."""
    if not found.hits:
        st.info(_why_none(search), icon=":material/search_off:")
        return
    if found.nothing_like_it:
        st.info(
            "Nothing here sounds like that: even the best is no better than what any text finds.",
            icon=":material/hearing_disabled:",
        )
    if note := language_note([search.text, *search.added, *search.subtracted]):
        st.caption(f"{note[:1].upper()}{note[1:]}.")
    total = counted(collections.n_clips, "clip")
    n = counted(len(found.hits), "hit")
    show_hits(
        found.hits,
        state=search,
        signature=found.signature,
        count=f"{n} in {total}" if found.done else f"The best {n} in {total}",
        done=found.done,
        encoders=collections.encoders,
        tags=found.tags,
        answer=_answer,
    )


def _welcome(collections: Collections) -> None:
    """Say what is here, before anything was asked."""
    seconds = sum(
        member.sql("SELECT coalesce(sum(duration_s), 0) AS s FROM clips")["s"][0].as_py()
        for member in collections.members
    )
    encoder = collections.members[0].manifest.encoding.encoder.id
    st.caption(
        f"{_named(collections)}: {counted(collections.n_clips, 'clip')}, {spoken_duration(seconds)} of sound, heard by "
        f"{as_text(encoder)}. Type `/` to search, `+ rain` or `- music` to add or take away."
    )


def _named(collections: Collections) -> str:
    return ", ".join(f"**{as_text(printable(member.path.name))}**" for member in collections.members)


def _why_none(search: SearchState) -> str:
    if search.where or search.facets or search.inside or search.area or search.saved:
        return "No clip passes the filters: take one away to hear more."
    if search.text_match == "only":
        return "No name, tag or caption holds a word of the text."
    return "There is nothing else in the collection."


def _found(collections: Collections, search: SearchState) -> Found:
    """What is loaded of this search; another search, or another state of the collections, starts anew."""
    asked: dict[str, Any] = {name: value for name, value in search.to_address().items() if name != "view"}
    opened = [(member.path.name, member.manifest.updated_at) for member in collections.members]
    signature = repr((asked, opened))
    found = st.session_state.get("found")
    if not isinstance(found, Found) or found.signature != signature:
        found = st.session_state["found"] = Found(signature)
    return found


def _load(found: Found, search: SearchState) -> None:
    """Load the hits that are wanted and not there yet."""
    n = found.wanted - len(found.hits)
    if found.done or n <= 0:
        return
    offset = len(found.hits)
    hits = resources.ask(lambda collections: find(collections, search, k=n, offset=offset))
    if not found.hits:
        found.nothing_like_it = hits.nothing_like_it
    with contextlib.suppress(SoundgrepError):  # hits are worth more than what is known beside them
        found.tags |= resources.ask(lambda collections: tags_of(collections, [hit.clip_id for hit in hits]))
    found.hits.extend(hits)
    found.done = len(hits) < n or len(found.hits) >= MAX_HITS


def _answer(event: Event) -> None:
    """Change the search as a hit's buttons say."""
    search = state.current()
    number = int(event["id"]) if str(event.get("id", "")).isdecimal() else None
    match event.get("kind"):
        case "more":
            found = st.session_state.get("found")
            if isinstance(found, Found) and event.get("have") == len(found.hits):
                found.wanted = len(found.hits) + PAGE_SIZE
        case "list" if (event.get("field"), event.get("value")) in _LISTINGS:
            fields = {str(event["field"]): event["value"]}
            # Words are matched by clip, and near copies are folded among clips.
            fields |= {"text_match": "off"} if event["value"] == "segment" else {}
            fields |= {"encoder": ""} if event["value"] == "segment" and search.encoder == "both" else {}
            fields |= {"by": "clip"} if event["field"] == "text_match" and event["value"] != "off" else {}
            state.change(**fields)
        case "list" if event.get("field") == "encoder" and event.get("value") in (
            "",
            "both",
            *resources.current().encoders,
        ):
            # Places of segments are an encoder's own: what several find is ranked by clip.
            state.change(encoder=event["value"], **({"by": "clip"} if event["value"] == "both" else {}))
        case "like" if number is not None and number not in search.like:
            state.change(like=(*search.like, number), unlike=tuple(one for one in search.unlike if one != number))
        case "unlike" if number is not None and number not in search.unlike:
            state.change(unlike=(*search.unlike, number), like=tuple(one for one in search.like if one != number))
        case "similar" if number is not None:
            state.change(text="", added=(), subtracted=(), like=(number,), unlike=(), sound="", saved="")
