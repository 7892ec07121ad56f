"""Learning: what marks, saved queries and areas of the map make of a search."""

from __future__ import annotations

import streamlit as st

from ...model.errors import QueryError
from ...search import Collection, Query
from ...search.feedback import refine
from ...search.map import centre_of, inside
from ...search.querying.condition import Condition
from ...search.saved import SavedQuery, saved_query
from ...search.union import Collections
from . import resources, state
from .state import SearchState


def follow_marks() -> SearchState:
    """Bring search and marks together: marks made while the page learns count at once, those of a link are taken over.

    Returns:
        The search as it stands then.
    """
    search, marks = state.current(), state.marks()
    written = (search.keep, search.drop)
    if written != st.session_state.get("learned", ((), ())):
        marks |= {str(clip): True for clip in search.keep} | {str(clip): False for clip in search.drop}
        st.session_state["learned"] = written
    elif search.keep:
        search = learn()
    return search


def learn() -> SearchState:
    """Have the search learn from the marks as they are."""
    marks = state.marks()
    keep = tuple(int(clip) for clip, kept in marks.items() if kept)
    drop = tuple(int(clip) for clip, kept in marks.items() if not kept)
    return _changed(keep[: state.MAX_MARKS], drop[: state.MAX_MARKS] if keep else ())


def forget() -> SearchState:
    """Have the search learn no more; the marks stay."""
    return _changed((), ())


def _changed(keep: tuple[int, ...], drop: tuple[int, ...]) -> SearchState:
    st.session_state["learned"] = (keep, drop)
    search = state.current()
    return search if (search.keep, search.drop) == (keep, drop) else state.change(keep=keep, drop=drop)


def narrowed(collections: Collections, search: SearchState) -> Collections:
    """Return the collections that a search is asked of: an area is of the map of one of them."""
    if not search.area or len(collections.members) == 1:
        return collections
    return Collections([mapped_member(collections, search)])


def mapped_member(collections: Collections, search: SearchState) -> Collection:
    """Return the collection whose map is looked at."""
    return next((one for one in collections.members if one.path.name == search.mapped), collections.members[0])


def learned(collections: Collections, search: SearchState, query: Query | None) -> Query:
    """Add to a query what was saved and what was learned.

    Args:
        collections: The collections that are asked.
        search: The search.
        query: Its texts, sounds and the like; None if it has none.

    Raises:
        QueryError: If there is nothing to search for, a saved query is not there, or a marked clip is gone.
        EncoderMismatchError: If a saved query is of another encoder.
        CollectionError: If a collection cannot be read.
    """
    if search.saved:
        saved = _saved(collections, search).query
        query = saved if query is None else saved + query
    if search.keep:
        return refine(collections, query, keep=search.keep, reject=search.drop)
    if query is None and search.area:
        return centre_of(mapped_member(collections, search), search.area)
    if query is None:
        raise QueryError("there is nothing to search for")
    return query


def filtered(collections: Collections, search: SearchState, condition: Condition) -> Condition:
    """Add to a filter what was saved with a query, what was rejected, and the area of the map."""
    return Condition.joined(
        condition,
        _saved(collections, search).condition if search.saved else Condition(),
        Condition.without_clips(search.drop),
        Condition(inside(search.area) if search.area else None),
    )


def described(search: SearchState) -> str:
    """Return what a search asks for, in words, for a list of saved ones."""
    parts = [search.text.strip(), *search.added, *(f"-{text}" for text in search.subtracted)]
    words = ", ".join(part for part in parts if part)
    about = f"saved {search.saved}" if search.saved else ""
    examples = len(search.like) + len(search.unlike) + bool(search.sound)
    more = [words, about, f"{examples} sounds" if examples else ""]
    if search.keep:
        more.append(f"learned from {len(search.keep)} kept, {len(search.drop)} rejected")
    return "; ".join(part for part in more if part) or "an area of the map"


def _saved(collections: Collections, search: SearchState) -> SavedQuery:
    problem: QueryError | None = None
    for member in collections.members:
        try:
            return saved_query(member.path, member.manifest, search.saved)
        except QueryError as error:
            problem = problem or error
    raise problem or QueryError("there is no such saved query")


def home() -> Collection:
    """Return the collection that queries are saved in: the first."""
    return resources.current().members[0]
