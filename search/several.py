"""Several: a collection asked by several encoders at once, whose rankings are fused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

import numpy as np

from ..model.audio.indexed_clip import IndexedClip
from ..model.errors import QueryError
from .querying.condition import Values
from .querying.fusion import reciprocal_rank_fusion
from .querying.hit import Hit
from .querying.hits import Hits
from .querying.options import SearchOptions, checked_number
from .querying.query import Query

BOTH = ("both", "all")
"""What asks all of a collection's encoders."""

# Rankings are fused at least this deep: what several know is then fused by all of them.
_FUSED = 100


class Heard(Protocol):
    """A collection, or several, as one encoder heard it."""

    def search(
        self,
        query: Query,
        /,
        *,
        k: int,
        where: str | None,
        where_values: Values | None,
        options: SearchOptions | None,
    ) -> Hits:
        """Find the clips that answer a query best."""
        ...

    def has_segment(self, segment_id: int) -> bool:
        """Tell whether a segment is that encoder's."""
        ...

    def clip_file(self, clip_id: int) -> IndexedClip | None:
        """Return a clip's file as it was indexed, or None."""
        ...


def fused_search(
    heard: Mapping[str, Heard],
    query: Query,
    *,
    k: int,
    where: str | None,
    where_values: Values | None,
    options: SearchOptions | None,
) -> Hits:
    """Ask a collection as several encoders heard it, and fuse their rankings by reciprocal ranks.

    Cosines of two encoders have no common scale, ranks do. A hit is the one of the encoder that ranks its clip best.

    Args:
        heard: The collection as each of the encoders heard it, by their names.
        query: What is asked.
        k: Hits wanted, at least 1.
        where: As in `Collection.search`.
        where_values: As in `Collection.search`.
        options: As in `Collection.search`; where words count, they are one ranking more.

    Raises:
        QueryError: As `Collection.search`, and if an embedding, a waveform, single segments or a lowest score are asked
            for: they are one encoder's.
    """
    k, options = checked_number("k", k, lowest=1), options or SearchOptions()
    for is_asked, what in (
        (any(term.kind == "embedding" for term in query.terms), "an embedding"),
        (any(isinstance(term.value, np.ndarray) for term in query.terms if term.kind == "audio"), "a waveform's rate"),
        (options.by == "segment", "a list of single segments"),
        (options.min_score is not None, "a lowest score"),
    ):
        if is_asked:
            raise QueryError(f"{what} is one encoder's: name the encoder, out of {', '.join(heard)}")
    first = next(iter(heard.values()))
    if options.text_match == "only":
        return first.search(query, k=k, where=where, where_values=where_values, options=options)
    by_sound, by_words = replace(options, offset=0, text_match="off"), replace(options, offset=0, text_match="only")
    listed: dict[int, Hit] = {}
    folded: set[str] = set()
    n = max(k, _FUSED)
    # As in a search by one encoder, each time what was given before is passed over: so pages stand where they stood.
    while True:
        found = _by_each(heard, query, n, where, where_values, by_sound)
        n_found = max((len(hits) for hits in found.values()), default=0)
        words: Hits | None = None
        if options.text_match == "on":
            words = first.search(query, k=n, where=where, where_values=where_values, options=by_words)
            n_found = max(n_found, len(words))
        for hit in _fused(found, words):
            if hit.clip_id not in listed and hit.path not in folded:
                listed[hit.clip_id] = hit
                folded.update(hit.folded)
        if len(listed) >= options.offset + k or n_found < n:
            break
        n *= 2
    page = list(listed.values())[options.offset : options.offset + k]
    ranked = (replace(hit, rank=rank) for rank, hit in enumerate(page, start=options.offset + 1))
    return Hits(ranked, files=first.clip_file)


def _by_each(
    heard: Mapping[str, Heard],
    query: Query,
    n: int,
    where: str | None,
    where_values: Values | None,
    options: SearchOptions,
) -> dict[str, Hits]:
    """Give each encoder's hits; one that has not heard what the hits shall be like has none."""
    found: dict[str, Hits] = {}
    problem: QueryError | None = None
    for encoder, one in heard.items():
        try:
            asked = _in_its_words(query, one)
            found[encoder] = one.search(asked, k=n, where=where, where_values=where_values, options=options)
        except QueryError as error:
            if not any(term.kind == "like" for term in query.terms):
                raise
            problem = problem or error
    if problem is not None and not found:
        raise problem
    return found


def _in_its_words(query: Query, heard: Heard) -> Query:
    """Ask for the clip where a hit is another encoder's segment."""
    terms = []
    for term in query.terms:
        if isinstance(term.value, Hit) and not heard.has_segment(term.value.segment_id):
            terms.append(replace(term, value=term.value.clip_id))
        else:
            terms.append(term)
    return Query(tuple(terms))


def _fused(found: Mapping[str, Hits], words: Hits | None) -> list[Hit]:
    hits: dict[int, Hit] = {}
    places: dict[int, list[tuple[str, int]]] = {}
    folded: dict[int, dict[str, None]] = {}
    for encoder, ranking in found.items():
        for hit in ranking:
            if hit.clip_id not in hits or hit.rank < hits[hit.clip_id].rank:
                hits[hit.clip_id] = replace(hit, encoder=encoder)
            places.setdefault(hit.clip_id, []).append((encoder, hit.rank))
            folded.setdefault(hit.clip_id, {}).update(dict.fromkeys(hit.folded))
    rankings = [[hit.clip_id for hit in ranking] for ranking in found.values()]
    text_rank = {hit.clip_id: hit.text_rank for hit in words or ()}
    for hit in words or ():
        hits.setdefault(hit.clip_id, replace(hit, encoder=next(iter(found), None)))
    if words is not None:
        rankings.append([hit.clip_id for hit in words])
    return [
        replace(
            hits[clip_id],
            places=tuple(places.get(clip_id, ())),
            folded=tuple(folded.get(clip_id, ())),
            text_rank=text_rank.get(clip_id),
        )
        for clip_id in reciprocal_rank_fusion(*rankings)
    ]
