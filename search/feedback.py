"""Feedback: sounds that were kept and rejected, made into a better query."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..model.errors import QueryError
from ..model.many import as_many
from .collection import Collection, Searchable
from .encoding import Encoding
from .querying.hit import Hit
from .querying.query import ClipReference, Query, unit

Float = npt.NDArray[np.float32]
Double = npt.NDArray[np.float64]

# How strongly the answer is held to the query, how far it may leave it, and how much of the collection it is told from:
# see `refined`.
_QUERY_WEIGHT = 3.0
_FREEDOM = 1.0
_N_OTHERS = 200
_N_STEPS = 25
_ONE = (Hit, str, os.PathLike, int)


def refine(
    collection: Searchable | Sequence[Collection],
    query: str | Query | None,
    *,
    keep: ClipReference | Iterable[ClipReference],
    reject: ClipReference | Iterable[ClipReference] = (),
) -> Query:
    """Make a query that ranks by what was kept and rejected of the answers to another.

    Where nothing is kept, the query stays as it was: what shall not be heard says little about what shall. Leave the
    rejected clips out by a filter.

    Args:
        collection: The collection that is searched, or several.
        query: What was searched for before, a text or a query; None for nothing.
        keep: Clips to rank alike, hits, paths or ids, or one.
        reject: Clips to rank apart.

    Returns:
        The query, of one embedding; the clips kept are among its hits.

    Raises:
        QueryError: If there is neither a query nor anything kept, or a clip is in none of the collections.
        AudioError: If the query holds a file that cannot be decoded.
    """
    members = [one.encoding for one in (collection if isinstance(collection, Sequence) else collection.members)]
    before = Query.text(query) if isinstance(query, str) else query
    kept = [_embedding(members, Query.like(one)) for one in as_many(keep, _ONE)]
    rejected = [_embedding(members, Query.like(one)) for one in as_many(reject, _ONE)]
    if before is None and not kept:
        raise QueryError("there is nothing to learn from: keep a clip, or ask for something")
    if before is not None and not kept:
        return before
    start = None if before is None else _embedding(members, before)
    others = np.concatenate([member.sample(-(-_N_OTHERS // len(members))) for member in members])
    return Query.embedding(
        refined(start, kept=np.stack(kept), rejected=np.array(rejected).reshape(-1, others.shape[1]), others=others)
    )


def refined(query: Float | None, *, kept: Float, rejected: Float, others: Float) -> Float:
    """Fit a linear head that tells what was kept from what was rejected and from the rest of the collection.

    It is a logistic regression, pulled towards the query instead of towards zero, so that one mark moves it a little
    and twenty a lot. The kept, the rejected and the others each weigh 1 together. Minimised by Newton's method in the
    span of the examples (Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning", 4.4.1 and 5.8).

    What was tried, with `mini`'s embeddings: queries are the names of kinds of sound, the best 5, 10 or 20 hits are
    marked as what they are, and the clips not marked are ranked again; mean average precision in percent, on 693 clips
    that the model never saw, and on 8,004 most of which it was trained on, where a text alone does better:

    =============================================  =====  =====  =====  ===========
    ..                                             5      10     20     5, of 8,004
    =============================================  =====  =====  =====  ===========
    the text alone                                  27.3   19.8   12.8  26.0
    Rocchio: q + kept - 0.25 rejected               34.0   31.7   25.5  24.8
    Rocchio: q + kept - rejected                    21.8   19.7   18.5
    Rocchio about the collection's mean, 1, 0.25    32.1   30.1   27.3  23.9
    kept - 0.5 rejected through the inverse spread  34.1   33.3   25.9
    this head, ten times as free                    30.0   32.8   27.9  25.0
    this head                                       32.3   31.3   24.8  28.6
    =============================================  =====  =====  =====  ===========

    All of them gain much where the text is weak; this head is the one that does not lose where it is strong. With
    rejected clips alone, subtracting them from a text ruins it (16.4 falls to 1.0): texts and sounds lie apart, so the
    difference leaves the sounds. That is why `refine` only leaves them out.

    Args:
        query: What was searched for before [embedding_dim], unit length; None for nothing.
        kept: Embeddings of the clips kept [n, embedding_dim], at least one.
        rejected: Of those rejected [m, embedding_dim], perhaps none.
        others: Of some of the collection [o, embedding_dim], perhaps none.

    Returns:
        An embedding [embedding_dim], unit length, to search by.

    Raises:
        QueryError: If it comes out as zero.
    """
    groups = [group for group in (kept, rejected, others) if len(group)]
    examples = np.concatenate(groups).astype(np.float64)
    weights = np.concatenate([np.full(len(group), 1 / len(group)) for group in groups])
    wanted = np.zeros(len(examples))
    wanted[: len(kept)] = 1
    centred = examples - (others if len(others) else examples).mean(axis=0)
    start: Double = np.zeros(examples.shape[1]) if query is None else _QUERY_WEIGHT * query.astype(np.float64)
    head = start + centred.T @ _dual(centred @ centred.T, centred @ start, wanted, weights)
    return unit(head.astype(np.float32), "what was learned")


def _dual(products: Double, start: Double, wanted: Double, weights: Double) -> Double:
    """Return the share [n] of each example in the head.

    Args:
        products: Inner products of the examples [n, n].
        start: What the head says of them before it has learned anything [n].
        wanted: 1 for those wanted, 0 for others [n].
        weights: How much each counts [n].
    """
    n = len(products)
    shares, bias = np.zeros(n), 0.0
    for _ in range(_N_STEPS):
        odds = 1 / (1 + np.exp(-np.clip(start + products @ shares + bias, -50, 50)))
        error = weights * (odds - wanted)
        curvature = weights * odds * (1 - odds) + 1e-9
        system = np.empty((n + 1, n + 1))
        system[:n, :n] = curvature[:, None] * products + np.eye(n) / _FREEDOM
        system[:n, n] = curvature
        system[n, :n] = curvature @ products
        system[n, n] = curvature.sum()
        step = np.linalg.solve(system, -np.append(error + shares / _FREEDOM, error.sum()))
        shares += step[:n]
        bias += float(step[n])
        if float(np.abs(step).max()) < 1e-6:
            break
    return shares


def _embedding(members: Sequence[Encoding], query: Query) -> Float:
    """Sum a query up, each summand as the first collection that can."""
    terms = [replace(term, weight=1.0) for term in query.terms]
    embeddings = [_of_any(members, Query((term,))) for term in terms]
    if len(query.terms) == 1 and query.terms[0].weight == 1:
        return embeddings[0]
    total = sum(
        term.weight * embedding.astype(np.float64) for term, embedding in zip(query.terms, embeddings, strict=True)
    )
    return unit(np.asarray(total, np.float32), f"the sum {str(query)!r}")


def _of_any(members: Sequence[Encoding], query: Query) -> Float:
    for member in members[:-1]:
        try:
            return member.embed([query])[0].embedding
        except QueryError:
            continue
    return members[-1].embed([query])[0].embedding
