"""The page around the pages: their navigation, and what is the same on all of them."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ...model.askers import Asker, current_asker
from . import resources, state
from .assets import ASSETS
from .frame import dress


def show() -> None:
    """Draw the page that is open; only its module is imported and run."""
    visitor = get_script_run_ctx()
    current_asker.set(None if visitor is None else Asker(visitor.session_id))
    st.set_page_config(page_title="soundgrep", page_icon=str(ASSETS / "icon.svg"), layout="wide")
    dress()
    opened = st.navigation(
        [
            st.Page(_search, title="Search", url_path="search", icon=":material/search:", default=True),
            st.Page(_map, title="Map", url_path="map", icon=":material/scatter_plot:"),
            st.Page(_sql, title="SQL", url_path="sql", icon=":material/table:"),
            st.Page(_labels, title="Labels", url_path="labels", icon=":material/sell:"),
            st.Page(_index, title="Index", url_path="index", icon=":material/create_new_folder:"),
        ],
        position="top",
    )
    state.follow_address(opened.url_path)
    problem = resources.problem()
    if problem is not None:
        st.warning(f"{state.as_text(problem)}; this is what was open before", icon=":material/sync_problem:")
    opened.run()


def _search() -> None:
    from .search_page import show as show_page

    show_page()


def _map() -> None:
    from .map_page import show as show_page

    show_page()


def _sql() -> None:
    from .sql_page import show as show_page

    show_page()


def _labels() -> None:
    from .labels_page import show as show_page

    show_page()


def _index() -> None:
    from .index_page import show as show_page

    show_page()
