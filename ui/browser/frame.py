"""The frame: Streamlit's own margins and ornaments, brought to ours."""

from __future__ import annotations

import streamlit as st

from .assets import ASSETS


def dress() -> None:
    """Draw the page's own styles."""
    st.html(ASSETS / "frame.html")
