"""Assets: the scripts and styles of our own components, as they are in the package."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

ASSETS = Path(__file__).with_name("assets")

# The component's code is a module of ours at an address of ours, so that a run of the page does not send it again.
_LOADER = """\
const {{ default: mount }} = await import(new URL("/soundgrep/assets/{version}/{name}.js", document.baseURI).href);
export default mount;
"""


@cache
def asset_version() -> str:
    """Return what the assets are known by: it changes when one of them does."""
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(ASSETS.iterdir()):
        if path.is_file():
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def component(name: str) -> ComponentRenderer:
    """Make a component of `NAME.js` and `NAME.css`."""
    css = "\n".join((ASSETS / f"{part}.css").read_text(encoding="utf-8") for part in ("shared", name))
    return st.components.v2.component(
        f"soundgrep_{name}", js=_LOADER.format(version=asset_version(), name=name), css=css
    )
