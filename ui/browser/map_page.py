"""The page "Map": where the sounds of a collection lie, to go among them by ear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import streamlit as st

from ...indexer.job import JobStatus, MapTask
from ...indexer.maintenance.layout import METHODS, check_method
from ...model.errors import SoundgrepError
from ...search import Collection
from ...search.map import MAX_CORNERS, colour_columns, has_map
from ..screen import counted, printable
from . import resources, state
from .assets import component
from .bar import show_bar
from .learning import follow_marks, mapped_member
from .media import PREFIX
from .search_page import load_found, show_found
from .state import as_text
from .work import jobs

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

KEY = "map"
N_LIT = 100
_METHODS = {"umap": "neighbourhoods (UMAP)", "pca": "main differences (PCA)"}
_STATES = "SELECT count(*) AS n, max(method) AS method FROM map"


@st.cache_resource
def _component() -> ComponentRenderer:
    return component("map")


def show() -> None:
    """Draw the page."""
    collections = resources.current()
    search = follow_marks()
    member = mapped_member(collections, search)
    if len(collections.members) > 1:
        names = [one.path.name for one in collections.members]
        chosen = st.selectbox("Collection", names, index=names.index(member.path.name), format_func=printable)
        if chosen != member.path.name:
            state.change(mapped=chosen, area=())
            st.rerun()
    if not member.n_clips:
        st.info("There are no sounds to map yet: the page Index puts some in.", icon=":material/scatter_plot:")
        return
    latest = jobs().latest
    if latest is not None and isinstance(latest.task, MapTask) and latest.task.collection == str(member.path):
        _show_job(latest)
        if latest.is_running:
            return
    if not has_map(member):
        _offer(member)
        return
    try:
        _show_map(member)
    except SoundgrepError as error:
        st.error(as_text(str(error)), icon=":material/error:")


def _show_map(member: Collection) -> None:
    search = state.current()
    columns = colour_columns(member)
    made = member.sql(_STATES).to_pylist()[0]
    show_bar(ideas=[], lead="")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        colour = st.selectbox(
            "Colour by",
            columns,
            format_func=lambda column: f"Coloured by {_column_name(column)}",
            key="map colour",
            width=230,
            label_visibility="collapsed",
        )
        n_missing = member.n_clips - made["n"]
        st.caption(_METHODS.get(made["method"], ""), width="content")
        if n_missing > 0:
            st.caption(f"{counted(n_missing, 'clip')} not on it yet", width="content")
        label = "Put them on the map" if n_missing > 0 else "Lay out anew"
        with st.popover(label, icon=":material/refresh:"):
            _show_making(member, anew=n_missing <= 0, now=made["method"])
    found = load_found(resources.current(), search) if search.asks else None
    lit = [str(hit.clip_id) for hit in found.hits[:N_LIT]] if found is not None and _has_words(search) else []
    place = resources.current().members.index(member)
    version = member.manifest.annexes["map"].version
    data = {
        "url": f"{PREFIX}/maps/{place}?{urlencode({'colour': colour, 'v': f'{version}.{member.manifest.updated_at}'})}",
        "media": f"{PREFIX}/clips",
        "lit": lit,
        "area": [list(corner) for corner in search.area],
        "count": counted(made["n"], "clip"),
    }
    _component()(key=KEY, data=data, on_event_change=_happened)
    if found is not None:
        show_found(resources.current(), search, found)


def _happened() -> None:
    event = st.session_state[KEY].event
    if not isinstance(event, Mapping) or event.get("kind") != "area":
        return
    corners = _corners(event.get("corners"))
    several = len(resources.current().members) > 1
    name = mapped_member(resources.current(), state.current()).path.name
    state.change(area=corners, mapped=name if corners and several else "")


def _corners(told: object) -> tuple[tuple[float, float], ...]:
    """Read the corners that the script sends; none if they are no area."""
    if not isinstance(told, Sequence) or not 3 <= len(told) <= MAX_CORNERS:
        return ()
    try:
        return tuple((float(x), float(y)) for x, y in told)
    except (TypeError, ValueError):
        return ()


def _has_words(search: state.SearchState) -> bool:
    """Return whether something is asked for besides an area, whose clips are not lit within it."""
    return state.SearchState(**{**vars(search), "area": ()}).asks


def _column_name(column: str) -> str:
    return {"duration_s": "duration", "rms_dbfs": "loudness", "sampling_rate_hz": "sampling rate"}.get(
        column, as_text(printable(column))
    )


def _offer(member: Collection) -> None:
    st.header("No map yet")
    st.markdown(
        f"A map lays the {counted(member.n_clips, 'clip')} of **{as_text(printable(member.path.name))}** out on a"
        " plane, those that sound alike together. It is made once, kept in the collection, and brought up to date here."
    )
    _show_making(member, anew=True, now=None)


def _show_making(member: Collection, *, anew: bool, now: str | None) -> None:
    """Draw the choice of a method and the button that makes the map."""
    methods = [method for method in reversed(METHODS) if method == "pca" or check_method(None) == method]
    method: str | None = methods[0]
    if len(methods) > 1 and anew:
        at = methods.index(now) if now in methods else 0
        method = st.radio("Laid out by", methods, index=at, format_func=lambda one: _METHODS[one], key="map method")
    st.button(
        "Make the map" if now is None else "Start",
        type="primary",
        on_click=_started,
        args=(str(member.path), method if anew else None, anew),
        key="make map",
    )
    problem = st.session_state.pop("map problem", None)
    if problem is not None:
        st.error(as_text(problem), icon=":material/error:")


def _started(collection: str, method: str | None, anew: bool) -> None:
    try:
        jobs().start(MapTask(collection, method=method, again=anew))
    except SoundgrepError as error:
        st.session_state["map problem"] = str(error)


def _show_job(status: JobStatus) -> None:
    if status.is_running:
        _watch()
    elif status.state == "failed":
        st.error(f"The map was not made: {as_text(str(status.error))}", icon=":material/error:")
    elif status.state == "stopped":
        st.info("The map was not made: it was stopped.")
    elif resources.desk().live.refresh():  # the map is there, and was not when this run of the page began
        st.rerun()


@st.fragment(run_every=0.7)
def _watch() -> None:
    status = jobs().latest
    if status is None or not status.is_running:
        resources.desk().live.refresh()
        st.rerun()
        return
    st.header("The map is being made")
    share = min(1.0, max(0.0, status.share))
    st.progress(share, text=f"{status.step}, {100 * share:.0f} %" if 0 < share < 1 else status.step)
    st.caption("Laying out by neighbourhoods takes some seconds for a thousand sounds, minutes for a hundred thousand.")
    st.button("Stop", on_click=jobs().stop, disabled=status.state == "stopping", key="stop map")
