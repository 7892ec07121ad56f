"""Taking away: the hits that are kept, or the first of the search, as a list, a playlist or an archive of sounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

import streamlit as st

from ...model.errors import SoundgrepError
from ...search import Hit
from ...search.takeaway.archive import What, archive_of, estimate
from ...search.takeaway.items import Item, items_of, items_of_clips, rows_of
from ...search.takeaway.playlist import playlist_of
from ...search.union import Collections
from ..rows_file import rows_as
from ..screen import counted, json_text, spoken_size
from . import resources, state
from .asking import find
from .downloads import file_name, offer
from .state import SearchState, as_text

MAX_ITEMS = 10_000
_KEPT, _FIRST = "The kept ones", "The best hits"
_SOUNDS: dict[str, What] = {
    "Whole files (zip)": "files",
    "What answers, as wav (zip)": "wav",
    "What answers, as flac (zip)": "flac",
}
_LISTS = ("Table (csv)", "JSON", "Playlist (m3u)")


def show_takeaway(n_shown: int) -> None:
    """Draw the button behind which hits can be taken away.

    Args:
        n_shown: How many hits are listed.
    """
    n_kept = sum(state.marks().values())
    label = f"Take away {n_kept} kept" if n_kept else "Take away"
    if st.button(label, icon=":material/download:", key="take_away", help="As a list, a playlist or an archive"):
        _choose(n_shown)


@st.dialog("Take away")
def _choose(n_shown: int) -> None:
    search = state.current()
    kept = [int(clip) for clip, keep in state.marks().items() if keep and clip.isdecimal()]
    sources = [_KEPT, _FIRST] if kept else [_FIRST]
    names = {_KEPT: f"{_KEPT} ({len(kept):,})", _FIRST: _FIRST}
    source = st.radio("Which sounds", sources, format_func=names.__getitem__, horizontal=True, key="take_source")
    n = 0
    if source == _FIRST:
        n = int(st.number_input("How many", 1, MAX_ITEMS, value=max(1, min(n_shown, MAX_ITEMS)), key="take_n"))
    form = st.selectbox("As", [*_LISTS, *_SOUNDS], key="take_form")
    try:
        items = resources.ask(lambda collections: _items(collections, search, kept if source == _KEPT else None, n))
        _offer(items, form, search)
    except SoundgrepError as error:
        st.error(as_text(str(error)), icon=":material/error:")


def _items(collections: Collections, search: SearchState, kept: Sequence[int] | None, n: int) -> list[Item]:
    if kept is None:
        return items_of(collections, find(collections, search, k=n))
    # What is kept may be folded, filtered or far down by now: it is all asked for again, for its scores and spans.
    plain = replace(search, where="", facets=(), area=(), fold=False, by="clip", text_match="off")
    if not plain.asks:
        return items_of_clips(collections, kept)
    hits: list[Hit] = find(collections, replace(plain, inside=tuple(kept)), k=len(kept))
    found = {hit.clip_id for hit in hits}
    return [*items_of(collections, hits), *items_of_clips(collections, [clip for clip in kept if clip not in found])]


def _offer(items: Sequence[Item], form: str, search: SearchState) -> None:
    """Show what it will be, and draw the link to it."""
    if not items:
        st.info("There is nothing to take away.")
        return
    text = search.text or (search.added or ("hits",))[0]
    if form in _SOUNDS:
        what = _SOUNDS[form]
        planned = estimate(items, what)
        about = "" if what == "files" else "about "
        said = f"{counted(planned.n_files, 'sound')}, {about}{spoken_size(planned.n_bytes)}"
        if planned.missing:
            missing = ", ".join(as_text(item.path) for item in planned.missing[:3])
            more = ", ..." if len(planned.missing) > 3 else ""
            st.warning(f"{counted(len(planned.missing), 'file')} cannot be found any more: {missing}{more}")
        make: Callable[[], Iterable[bytes]] = partial(archive_of, list(items), what)
        name, media_type = file_name(text, ".zip"), "application/zip"
    else:
        said = counted(len(items), "hit")
        name, media_type, make, left_out = _listed(items, form, text)
        if left_out:
            st.warning(f"{counted(left_out, 'clip')} left out: no player could open what lies in an archive.")
    st.caption(said)
    show_link(f"Download {name}", offer(name, media_type, make))


def _listed(items: Sequence[Item], form: str, text: str) -> tuple[str, str, Callable[[], Iterable[bytes]], int]:
    if form == _LISTS[0]:
        return file_name(text, ".csv"), "text/csv", lambda: [rows_as(rows_of(items), ".csv")], 0
    if form == _LISTS[1]:
        document = [item.to_json() for item in items]
        return file_name(text, ".json"), "application/json", lambda: [json_text(document).encode() + b"\n"], 0
    playlist, left_out = playlist_of(items)
    return file_name(text, ".m3u"), "audio/x-mpegurl", lambda: [playlist], len(left_out)


def show_link(text: str, address: str, *, quiet: bool = False) -> None:
    """Draw a link to something to take away.

    Args:
        text: Its text: ASCII, made of what `file_name` gives.
        address: What `offer` gave.
        quiet: Whether it stands back beside others.
    """
    st.html(f'<a class="take{" quiet" if quiet else ""}" href="{address}" download>{text}</a>', width="content")
