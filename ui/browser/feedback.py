"""Feedback: learning from marks, and keeping what came of it under a name."""

from __future__ import annotations

import streamlit as st

from ...indexer.maintenance.queries import delete_query, save_query
from ...model.errors import SoundgrepError
from ...search.saved import MAX_NAME, saved_queries
from ..screen import counted
from . import resources, state
from .asking import query_of, where_of
from .learning import described, forget, home, learn, narrowed
from .state import as_text

_NAME = "name of what is saved"
_PROBLEM = "why it was not saved"


def show_feedback() -> None:
    """Draw what can be done with the marks of a search, and with the search itself."""
    search = state.current()
    marks = state.marks()
    n_kept, n_rejected = sum(marks.values()), sum(not kept for kept in marks.values())
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="feedback"):
        st.session_state["learn"] = bool(search.keep)
        st.toggle(
            "Learn from marks",
            key="learn",
            on_change=_turned,
            disabled=not n_kept and not search.keep,
            help="Ranks by what you keep (`k`) and leaves out what you reject (`x`), with every mark anew.",
        )
        st.caption(f"{n_kept:,} kept, {n_rejected:,} rejected" if marks else "keep (`k`) or reject (`x`) what you hear")
        if marks:
            st.button("Clear marks", on_click=_cleared, type="tertiary")
        with st.popover("Save search", icon=":material/bookmark_add:"), st.form("save", border=False):
            st.text_input("Name", key=_NAME, max_chars=MAX_NAME, placeholder="calm rain")
            st.form_submit_button("Save", on_click=_saved, type="primary")
        _show_saved_popover()
    problem = st.session_state.pop(_PROBLEM, None)
    if problem is not None:
        st.error(as_text(problem), icon=":material/error:")


def show_saved() -> None:
    """Draw the saved searches, where nothing is asked yet."""
    names = [one.name for one in saved_queries(home().path)]
    if not names:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="saved"):
        st.caption("Saved:", width="content")
        for name in names[:12]:
            st.button(as_text(name), key=f"ask saved {name}", on_click=_asked, args=(name,), icon=":material/bookmark:")
        _show_saved_popover()


def _show_saved_popover() -> None:
    """Draw the list of what is saved, to ask or to delete."""
    saved = saved_queries(home().path)
    if not saved:
        return
    with st.popover(
        f"{counted(len(saved), 'saved search').replace('searchs', 'searches')}", icon=":material/bookmarks:"
    ):
        for one in saved:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.button(as_text(one.name), key=f"open saved {one.name}", on_click=_asked, args=(one.name,), help=None)
                st.caption(as_text(one.text[:60]))
                st.button(
                    ":material/delete:",
                    key=f"delete saved {one.name}",
                    on_click=_deleted,
                    args=(one.name,),
                    help=f"Delete {as_text(one.name)}",
                    type="tertiary",
                )


def _turned() -> None:
    if st.session_state["learn"]:
        learn()
    else:
        forget()


def _cleared() -> None:
    st.session_state["marks"] = {}
    forget()


def _asked(name: str) -> None:
    state.change(saved=name, text="", added=(), subtracted=(), like=(), unlike=(), sound="", keep=(), drop=(), area=())
    st.session_state["learned"] = ((), ())


def _deleted(name: str) -> None:
    try:
        delete_query(home().path, name)
    except SoundgrepError as error:
        st.session_state[_PROBLEM] = str(error)
    if state.current().saved == name:
        state.change(saved="")


def _saved() -> None:
    search, name = state.current(), str(st.session_state.get(_NAME, ""))
    try:
        collections = narrowed(resources.current(), search)
        condition = where_of(collections, search)
        query, text = query_of(search), described(search)
        save_query(home(), name, query, text=text, where=condition.where, values=condition.values)
    except SoundgrepError as error:
        st.session_state[_PROBLEM] = str(error)
        return
    st.toast(f"Saved as {as_text(name.strip())}", icon=":material/bookmark_added:")
