"""Asking: the library's query, filter and options for the search that the page holds."""

from __future__ import annotations

from ...model.errors import QueryError
from ...search import Query, SearchOptions, SearchRequest
from ...search.querying.condition import Condition
from ...search.querying.hits import Hits
from ...search.union import Collections
from . import resources
from .facets import condition_of
from .learning import filtered, learned, narrowed
from .state import SearchState

UNLIKE_WEIGHT = 0.5
"""How much what is subtracted counts: all of it would turn the query round."""


def query_of(state: SearchState) -> Query:
    """Sum up what is asked for.

    Raises:
        QueryError: If nothing is, or a sound, saved query or marked clip that it names is not there.
    """
    terms = [Query.text(text) for text in (state.text, *state.added) if text.strip()]
    terms += [Query.like(number) for number in state.like]
    if state.sound:
        terms.append(_sound(state.sound))
    terms += [-UNLIKE_WEIGHT * Query.text(text) for text in state.subtracted]
    terms += [-UNLIKE_WEIGHT * Query.like(number) for number in state.unlike]
    return learned(resources.current(), state, sum(terms[1:], start=terms[0]) if terms else None)


def where_of(collections: Collections, state: SearchState) -> Condition:
    """Return the filter of a search.

    Raises:
        QueryError: If something is chosen that there is not.
        CollectionError: If the tables cannot be read.
    """
    return filtered(collections, state, condition_of(state))


def find(collections: Collections, state: SearchState, *, k: int, offset: int = 0) -> Hits:
    """Answer a search.

    Raises:
        QueryError, AudioError, CollectionError: As `Collection.search`.
    """
    collections = narrowed(collections, state)
    first = collections.encoders[0]
    if state.encoder not in ("", first) and (state.sound or state.keep or state.drop):
        raise QueryError(
            f"sounds given to the page, and what was learned from marks, are known as {first} hears them: choose "
            f"{first} under Listing, or take them away"
        )
    condition = where_of(collections, state)
    options = SearchOptions(by=state.by, offset=offset, fold=state.fold, text_match=state.text_match)
    return collections.answer(SearchRequest((query_of(state),), k, condition, options, encoder=state.encoder or None))[
        0
    ]


def _sound(digest: str) -> Query:
    sound = resources.kept_sound(digest)
    if sound is None:
        raise QueryError("the sound that was searched by is not here any more: give it again")
    if sound.encoder != resources.current().members[0].manifest.encoding.encoder.digest:
        raise QueryError(f"{sound.name}: was heard by another encoder than the collection's: give it again")
    return Query.embedding(sound.embedding)
