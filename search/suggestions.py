"""Suggestions: what could be asked of a collection, for somebody who does not know yet what is in it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..model.errors import QueryError
from .collection import Collection

MAX_WORDS = 4
MAX_ASKED = 400


def suggest(collection: Collection, phrases: Sequence[str], *, n: int = 8) -> list[str]:
    """Suggest texts that something in a collection answers well, no two of them the same clip.

    Its labels come first, the commonest ones; then the phrases that score best. Nothing is embedded: what the phrases
    became was kept when the index was built.

    Args:
        collection: The collection.
        phrases: The phrases that its bank was made of, in their order.
        n: How many to suggest.

    Returns:
        Up to `n` texts; fewer where there are neither labels nor a bank.

    Raises:
        CollectionError: If the tables or the index cannot be read.
    """
    labels = _labels(collection, n // 2)
    return [*labels, *_phrases(collection, phrases, n - len(labels))]


def _labels(collection: Collection, n: int) -> list[str]:
    try:
        rows = collection.sql(
            "SELECT label FROM clips WHERE label IS NOT NULL GROUP BY label ORDER BY count(*) DESC, label LIMIT $n",
            values={"n": n},
        )
    except QueryError:  # nothing is labelled here
        return []
    return [str(label) for label in rows["label"].to_pylist()]


def _phrases(collection: Collection, phrases: Sequence[str], n: int) -> list[str]:
    bank = collection.encoding.bank
    if bank is None or not collection.n_segments:
        return []
    n_known = min(len(phrases), len(bank.embeddings))
    short = [i for i in range(n_known) if len(phrases[i].split()) <= MAX_WORDS][:MAX_ASKED]
    found = []
    for i in short:
        for hit in collection.encoding.search(bank.embeddings[i].astype(np.float32), k=1):
            found.append((hit.score, phrases[i], hit.clip_id))
    suggested: dict[int, str] = {}
    for _, phrase, clip_id in sorted(found, reverse=True):
        suggested.setdefault(clip_id, phrase)
    return list(suggested.values())[:n]
