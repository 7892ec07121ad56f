"""Union: several collections searched as one, their hits ranked together."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..model.errors import EncoderMismatchError, QueryError
from ..model.many import as_many
from ..model.paths import readable_path
from .collection import Collection, Searchable
from .querying.hit import Hit
from .querying.hits import Explanation, Hits
from .querying.query import Query, Term
from .querying.request import SearchOptions, SearchRequest

if TYPE_CHECKING:
    from ..model.encoders.encoder import Encoder


class Collections(Searchable):
    """Collections of one encoder as one: their scores are cosines in one space, so the best of each rank together.

    A clip that several of them hold is listed once; what hits are to be like may be in any of them, and every one must
    have the columns that a filter names. What sounds nearly the same is folded within each collection. Where words
    count, hits come by their ranks in their collections: what is fused there has no common scale. Threads may share it.

    Args:
        members: The collections, at least one.

    Raises:
        QueryError: If there is none.
        EncoderMismatchError: If one has nothing of the encoder of the first: their scores mean different things.

    Example:
        >>> both = Collections.open(["field.soundgrep", "studio.soundgrep"])  # doctest: +SKIP
        >>> both.search("rain on a tin roof", k=5)  # doctest: +SKIP
    """

    def __init__(self, members: Sequence[Collection]) -> None:
        if not members:
            raise QueryError("there is no collection to search")
        first = members[0].manifest.encoding.encoder
        for other in members[1:]:
            if not _has(other, first.digest):
                raise EncoderMismatchError(
                    f"{readable_path(other.path)}: was made by the encoder {other.manifest.encoding.encoder.id!r}, and "
                    f"{readable_path(members[0].path)} by {first.id!r}: they cannot be ranked together"
                )
        self._members = tuple(member.with_encoder(first.digest) for member in members)

    @classmethod
    def open(
        cls,
        paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        *,
        encoder: Encoder | None = None,
        isolate_sql: bool = False,
    ) -> Collections:
        """Open collections, which then share one encoder.

        Args:
            paths: Their folders, or one.
            encoder: The encoder, if it is open already; None for the one that made the first.
            isolate_sql: As in `Collection.open`.

        Raises:
            CollectionError: If one is no collection, damaged, of a newer format version, or of another encoder.
            CheckpointError: If the encoder is not on this machine any more.
            QueryError: If there is none.
        """
        folders = as_many(paths, (str, os.PathLike))
        if len(folders) > 1:
            members = [Collection.open(folder) for folder in folders]
            cls(members)  # before the encoder is opened, or its own words would name a mismatch
            encoder = encoder or members[0].encoder
        return cls([Collection.open(folder, encoder=encoder, isolate_sql=isolate_sql) for folder in folders])

    @property
    def members(self) -> tuple[Collection, ...]:
        """The collections."""
        return self._members

    @property
    def encoders(self) -> tuple[str, ...]:
        """Names of the encoders that all of them have, in the order of the first one."""
        records = [encoding.record.encoder for encoding in self.members[0].encodings.values()]
        return tuple(record.id for record in records if all(_has(member, record.digest) for member in self.members))

    def with_encoder(self, encoder: str) -> Collections:
        """Return the same collections, searched by another of their encoders, as `Searchable.with_encoder`."""
        return Collections([member.with_encoder(encoder) for member in self.members])

    def _answer(self, request: SearchRequest) -> list[Hits]:
        if len(self.members) == 1:
            return self.members[0]._answer(request)
        return [self._ranked_together(one) for one in request.each()]

    def _ranked_together(self, request: SearchRequest) -> Hits:
        """Answer a request of one query by every collection, and put the hits in one order."""
        (query,), options = request.queries, request.options
        shared, left_out = self._shared(query)
        deep = replace(
            request,
            queries=(shared,),
            k=options.offset + request.k + len(left_out),
            options=replace(options, offset=0),
        )
        answers = {readable_path(member.path): member._answer(deep)[0] for member in self.members}
        hits = [hit for found in answers.values() for hit in found if hit.clip_id not in left_out]
        parts = {name: found.explanation for name, found in answers.items() if found.explanation is not None}
        return Hits(_merged(hits, options), explanation=Explanation.joined(parts)).page(options.offset, request.k)

    def _shared(self, query: Query) -> tuple[Query, frozenset[int]]:
        """Embed once what one collection holds, or what takes long to embed; and list the clips that are no hits."""
        terms: list[Term] = []
        left_out: set[int] = set()
        for term in query.terms:
            embedding = None
            if term.kind == "like":
                embedding = self._of_any(term, left_out)
            elif term.kind == "audio":
                embedding = self.members[0].encoding.embed([Query((replace(term, weight=1.0),))])[0].embedding
            terms.append(term if embedding is None else Term("embedding", embedding, term.weight))
        return Query(tuple(terms)), frozenset(left_out)

    def _of_any(self, term: Term, left_out: set[int]) -> object:
        """Return the embedding of what some of the collections hold."""
        alone = Query((replace(term, weight=1.0),))
        for member in self.members:
            try:
                (embedded,) = member.encoding.embed([alone])
            except QueryError:
                continue
            left_out.update(embedded.left_out)
            return embedded.embedding
        raise QueryError(f"{term}: what to find more like is in none of the {len(self.members)} collections")


def _has(collection: Collection, digest: str) -> bool:
    """Return whether one of a collection's encoders has this digest."""
    return any(encoding.record.encoder.digest == digest for encoding in collection.encodings.values())


def _merged(hits: Iterable[Hit], options: SearchOptions) -> list[Hit]:
    """Put hits of several collections in one order, each clip or segment once."""
    if options.text_match == "off":
        ordered = sorted(hits, key=lambda hit: (-hit.score, hit.clip_id, hit.start_s))
    else:
        ordered = sorted(hits, key=lambda hit: (hit.rank, -hit.score, hit.clip_id))
    once: dict[int, Hit] = {}
    for hit in ordered:
        once.setdefault(hit.clip_id if options.by == "clip" else hit.segment_id, hit)
    return list(once.values())
