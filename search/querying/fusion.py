"""Fusion: rankings of words and sounds, or of several encoders, made one by the ranks alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from ...model.errors import QueryError
from .hit import Hit
from .hits import Explanation, Hits
from .query import Query
from .request import SearchRequest

FUSION_DEPTH = 100
"""Rankings are fused at least this deep: what is in more than one of them then counts in each."""

RANK_OFFSET = 60.0
"""What is added to each rank before it is inverted."""


def reciprocal_rank_fusion(*rankings: Sequence[int]) -> list[int]:
    """Fuse rankings by the sum of 1 / (60 + rank) over those that an id is in.

    It needs no common scale of scores: Cormack, Clarke and Buettcher, "Reciprocal Rank Fusion outperforms Condorcet and
    individual Rank Learning Methods", SIGIR 2009, with their constant.

    Args:
        rankings: Ids, best first, each once in a ranking.

    Returns:
        Every id once, best first; of equals, the one first in an earlier ranking.
    """
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, one in enumerate(ranking, start=1):
            scores[one] = scores.get(one, 0.0) + 1 / (RANK_OFFSET + rank)
    return sorted(scores, key=scores.__getitem__, reverse=True)


class Searched(Protocol):
    """What is searched, by one encoder."""

    def answer(self, request: SearchRequest) -> list[Hits]:
        """Answer each query of a request."""
        ...


def fused_search(by_encoder: Mapping[str, Searched], request: SearchRequest) -> Hits:
    """Answer a request of one query by several encoders, and fuse their rankings by reciprocal ranks.

    Cosines of two encoders have no common scale, ranks do. A hit is the one of the encoder that ranks its clip best.

    Args:
        by_encoder: What is searched, by each of the encoders' names.
        request: The request; where its options count words, they are one ranking more.

    Raises:
        QueryError: As `Collection.search`, and if an embedding, a waveform, single segments or a lowest score are asked
            for: they are one encoder's.
    """
    (query,) = request.queries
    options, k = request.options, request.k
    _check_common(query, request, by_encoder)
    # Where a hit is another encoder's segment, it stands for its clip.
    terms = (
        replace(term, value=replace(term.value, encoder="")) if isinstance(term.value, Hit) else term
        for term in query.terms
    )
    request = replace(request, queries=(Query(tuple(terms)),), encoder=None)
    first = next(iter(by_encoder.values()))
    if options.text_match == "only":
        return first.answer(request)[0]
    by_sound = replace(options, offset=0, text_match="off")
    by_words = replace(options, offset=0, text_match="only")
    listed: dict[int, Hit] = {}
    folded: set[str] = set()
    n = max(k, FUSION_DEPTH)
    # As in a search by one encoder, each time what was listed before is passed over: so pages stand where they stood.
    while True:
        found = _by_each(by_encoder, replace(request, k=n, options=by_sound))
        n_found = max((len(hits) for hits in found.values()), default=0)
        words: Hits | None = None
        if options.text_match == "on":
            words = first.answer(replace(request, k=n, options=by_words))[0]
            n_found = max(n_found, len(words))
        answers = found if words is None else {**found, "words": words}
        parts = {name: hits.explanation for name, hits in answers.items() if hits.explanation is not None}
        for hit in _fused(found, words):
            if hit.clip_id not in listed and hit.path not in folded:
                listed[hit.clip_id] = hit
                folded.update(hit.folded)
        if len(listed) >= options.offset + k or n_found < n:
            break
        n *= 2
    return Hits(listed.values(), explanation=Explanation.joined(parts)).page(options.offset, k)


def _check_common(query: Query, request: SearchRequest, by_encoder: Mapping[str, Searched]) -> None:
    for is_wanted, what in (
        (any(term.kind == "embedding" for term in query.terms), "an embedding"),
        (any(isinstance(term.value, np.ndarray) for term in query.terms if term.kind == "audio"), "a waveform's rate"),
        (request.options.by == "segment", "a list of single segments"),
        (request.options.min_score is not None, "a lowest score"),
    ):
        if is_wanted:
            raise QueryError(f"{what} is one encoder's: name the encoder, out of {', '.join(by_encoder)}")


def _by_each(by_encoder: Mapping[str, Searched], request: SearchRequest) -> dict[str, Hits]:
    """Search by each encoder; one that has no segments of what the hits are to be like is passed over."""
    (query,) = request.queries
    found: dict[str, Hits] = {}
    problem: QueryError | None = None
    for name, searched in by_encoder.items():
        try:
            found[name] = searched.answer(request)[0]
        except QueryError as error:
            if not any(term.kind == "like" for term in query.terms):
                raise
            problem = problem or error
    if problem is not None and not found:
        raise problem
    return found


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
