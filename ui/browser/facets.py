"""The filter panel: facets with counts, and a condition in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any

import streamlit as st

from ...model.errors import SoundgrepError
from ...search.facets.counting import Facets
from ...search.facets.facet import Counted, Facet
from ...search.facets.narrowing import Binding, Narrowing
from ...search.querying.condition import Condition
from ...search.union import Collections
from ..screen import printable
from . import resources, state
from .assets import component
from .state import SearchState

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

KEY = "facets"


class _Kept:
    """The facets of what is open, for all visitors."""

    def __init__(self) -> None:
        self.of: Collections | None = None
        self.facets: Facets | None = None
        self.lock = Lock()


_kept = _Kept()


@st.cache_resource
def _component() -> ComponentRenderer:
    return component("facets")


def facets_of(collections: Collections) -> Facets:
    """Return the facets of collections; they are read once for all visitors, and again when others are open.

    Raises:
        CollectionError, QueryError: If the tables cannot be read.
    """
    with _kept.lock:
        if _kept.facets is None or _kept.of is not collections:
            _kept.facets, _kept.of = Facets(collections), collections
        return _kept.facets


def narrowing_of(search: SearchState) -> Narrowing:
    """Return what is chosen in the facets."""
    chosen: dict[str, tuple[str, ...]] = {}
    for name, key in search.facets:
        chosen[name] = (*chosen.get(name, ()), key)
    return Narrowing(chosen, least_label_score=search.least)


def condition_of(search: SearchState) -> Condition:
    """Return the filter of a search: what is chosen, the condition in SQL, and the clips that it is inside of.

    Raises:
        QueryError: If something is chosen that there is not.
        CollectionError: If the tables cannot be read.
    """
    conditions = [Condition(search.where.strip() or None)]  # first, so that a mistake in it is told as one
    if search.facets:
        conditions.append(facets_of(resources.current()).condition(narrowing_of(search)))
    if search.inside:
        bind = Binding()
        inside = f"clip_id IN (SELECT unnest({bind.name(list(search.inside))}))"
        conditions.append(Condition(inside, bind.values))
    return Condition.joined(*conditions)


def facet_texts(search: SearchState) -> list[tuple[str, str, str]]:
    """Return what is chosen, as name, key, and text for a person."""
    if not search.facets:
        return []
    try:
        facets = facets_of(resources.current()).count(narrowing_of(search)).facets
    except SoundgrepError:
        facets = ()
    texts = {(facet.name, one.key): f"{facet.title}: {one.text}" for facet in facets for one in facet.choices}
    return [(name, key, printable(texts.get((name, key), f"{name}: {key}"))) for name, key in search.facets]


def show_facets(*, hits: Sequence[int] | None) -> None:
    """Draw the panel beside the page.

    Args:
        hits: The clips that are listed; None where nothing was asked.
    """
    search = state.current()
    problem = ""
    try:
        counted = resources.ask(lambda collections: _counted(collections, search, hits))
    except SoundgrepError as error:
        problem = str(error)
        counted = _without(search)
    n, total = counted.n_clips, counted.n_total
    narrowed = bool(search.facets or search.where.strip() or search.inside)
    data = {
        "count": f"{n:,} of {total:,} clips" if narrowed and not problem else f"{total:,} clips",
        "narrowed": narrowed,
        "where": search.where,
        "problem": printable(problem),
        "facets": [_told(facet, search) for facet in counted.facets],
    }
    with st.sidebar:
        _component()(key=KEY, data=data, on_event_change=_happened)


def _counted(collections: Collections, search: SearchState, hits: Sequence[int] | None) -> Counted:
    return facets_of(collections).count(
        narrowing_of(search), where=search.where.strip() or None, among=search.inside or None, hits=hits
    )


def _without(search: SearchState) -> Counted:
    """Count as if the condition in SQL, or else all of the address, were not there: one of them cannot be answered."""
    collections = resources.current()
    for narrowing in (narrowing_of(search), Narrowing()):
        try:
            return facets_of(collections).count(narrowing)
        except SoundgrepError:
            continue
    return Counted(collections.n_clips, collections.n_clips, ())


def _told(facet: Facet, search: SearchState) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": facet.name,
        "title": printable(facet.title),
        "more": facet.n_more,
        "choices": [
            {
                "key": one.key,
                "text": printable(one.text),
                "n": one.n_clips,
                "hits": one.n_hits or 0,
                "chosen": one.is_chosen,
                "depth": one.depth,
            }
            for one in facet.choices
        ],
    }
    return told | ({"least": search.least} if facet.name in ("label", "best_label") else {})


def _happened() -> None:
    event = st.session_state[KEY].event
    if not isinstance(event, Mapping):
        return
    search = state.current()
    match event.get("kind"):
        case "toggle":
            narrowed = narrowing_of(search).toggled(str(event.get("name", "")), str(event.get("key", "")))
            state.change(facets=tuple((name, key) for name, keys in narrowed.chosen.items() for key in keys))
        case "where":
            state.change(where=str(event.get("text", ""))[: state.MAX_TEXT])
        case "least":
            value = event.get("value")
            if isinstance(value, int | float) and 0 <= value <= 1:
                state.change(least=round(float(value), 2))
        case "clear":
            state.change(facets=(), where="", inside=(), least=0.0)
