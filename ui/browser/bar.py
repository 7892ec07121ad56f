"""The search bar: the component that holds the text and the chips, and what its events change."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from . import state
from .assets import component
from .facets import facet_texts
from .learning import forget
from .names import name_of
from .resources import kept_sound
from .state import SearchState

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

KEY = "bar"
N_HISTORY = 20
_OPPOSITE = {"added": "subtracted", "subtracted": "added", "like": "unlike", "unlike": "like"}


@st.cache_resource
def _component() -> ComponentRenderer:
    return component("bar")


def show_bar(*, ideas: Sequence[str], lead: str) -> None:
    """Draw the bar for the search as it stands.

    Args:
        ideas: Queries to suggest.
        lead: What stands before them.
    """
    search = state.current()
    data = {
        "text": search.text,
        "placeholder": "Describe a sound: dog barking in the rain",
        "history": _history(),
        "chips": _chips(search),
        "ideas": list(ideas),
        "lead": lead,
    }
    _component()(key=KEY, data=data, on_event_change=_happened)


def _happened() -> None:
    event = st.session_state[KEY].event
    if not isinstance(event, Mapping):
        return
    text = " ".join(str(event.get("text", "")).split())[: state.MAX_TEXT]
    field = str(event.get("field", ""))
    match event.get("kind"):
        case "text":
            state.change(text=text, saved="")
            _remember(text)
        case "add" if text and field in ("added", "subtracted"):
            search = state.current()
            # What is typed becomes a chip; what was searched for before stays the text.
            have = getattr(search, field)
            state.change(**{field: (*have, text)[: state.MAX_TERMS] if text not in have else have})
            _remember(text)
        case "off":
            _take_away(field, event.get("value"))
        case "turn" if field in _OPPOSITE:
            gone = _take_away(field, event.get("value"))
            other = _OPPOSITE[field]
            state.change(**{other: (*getattr(state.current(), other), *gone)})


def _take_away(field: str, value: object) -> tuple[Any, ...]:
    """Take a chip away, and give what it stood for."""
    search = state.current()
    if field in ("sound", "saved"):
        state.change(**{field: ""})
        return ()
    if field == "inside":
        state.change(inside=())
        return ()
    if field == "where":
        state.change(where="")
        return ()
    if field == "facets":
        state.change(facets=tuple(one for one in search.facets if json.dumps(one) != value))
        return ()
    if field == "area":
        state.change(area=(), mapped="")
        return ()
    if field == "keep":
        forget()
        return ()
    if field not in _OPPOSITE:
        return ()
    have = getattr(search, field)
    state.change(**{field: tuple(one for one in have if str(one) != value)})
    return tuple(one for one in have if str(one) == value)


def _chips(search: SearchState) -> list[dict[str, Any]]:
    def chip(field: str, value: str, text: str, *, against: bool = False, turns: bool = True) -> dict[str, Any]:
        return {"field": field, "value": value, "text": text, "against": against, "turns": turns}

    chips = [chip("added", text, text) for text in search.added]
    chips += [chip("like", str(number), f"like {name_of(number)}") for number in search.like]
    if search.sound:
        sound = kept_sound(search.sound)
        chips.append(chip("sound", "", f"like {'a sound' if sound is None else sound.name}", turns=False))
    if search.saved:
        chips.append(chip("saved", "", f"saved query {search.saved}", turns=False))
    chips += [chip("subtracted", text, text, against=True) for text in search.subtracted]
    chips += [chip("unlike", str(number), f"like {name_of(number)}", against=True) for number in search.unlike]
    for name, key, text in facet_texts(search):
        chips.append(chip("facets", json.dumps((name, key)), text, turns=False))
    if search.where.strip():
        chips.append(chip("where", "", search.where.strip(), turns=False))
    if search.keep:
        n_rejected = f" and {len(search.drop):,} rejected" if search.drop else ""
        chips.append(chip("keep", "", f"learned from {len(search.keep):,} kept{n_rejected}", turns=False))
    if search.area:
        chips.append(chip("area", "", "inside an area of the map", turns=False))
    if search.inside:
        chips.append(chip("inside", "", f"inside {len(search.inside):,} selected clips", turns=False))
    return chips


def _history() -> list[str]:
    history: list[str] = st.session_state.setdefault("history", [])
    return history


def _remember(text: str) -> None:
    if text:
        st.session_state["history"] = [text, *(one for one in _history() if one != text)][:N_HISTORY]
