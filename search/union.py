"""Union: several collections asked as one, their hits ranked together."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..model.audio.indexed_clip import IndexedClip
from ..model.errors import EncoderMismatchError, QueryError
from ..model.many import as_many
from ..model.paths import readable_path
from .collection import Collection
from .querying.condition import Values
from .querying.hit import Hit
from .querying.hits import Hits
from .querying.options import SearchOptions, checked_number
from .querying.query import Query, Term
from .several import BOTH, fused_search

if TYPE_CHECKING:
    from ..model.encoders.encoder import Encoder


class Collections:
    """Collections of one encoder as one: their scores are cosines in one space, so the best of each rank together.

    A clip that several of them hold is listed once. Threads may share it.

    Args:
        members: The collections, at least one.

    Raises:
        QueryError: If there is none.
        EncoderMismatchError: If one was not heard by the encoder of the first: their scores mean different things.

    Example:
        >>> both = Collections.open(["field.soundgrep", "studio.soundgrep"])  # doctest: +SKIP
        >>> both.search("rain on a tin roof", k=5)  # doctest: +SKIP

    Attributes:
        members: The collections.
    """

    def __init__(self, members: Sequence[Collection]) -> None:
        if not members:
            raise QueryError("there is no collection to ask")
        first = members[0]
        for other in members[1:]:
            if not other.is_heard_by(first.manifest.encoding.encoder.digest):
                theirs, ours = (one.manifest.encoding.encoder.id for one in (other, first))
                raise EncoderMismatchError(
                    f"{readable_path(other.path)}: was made by the encoder {theirs!r}, and {readable_path(first.path)} "
                    f"by {ours!r}: they cannot be ranked together"
                )
        self.members = tuple(member.heard_by(first.manifest.encoding.encoder.digest) for member in members)

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
            cls(members)  # before the encoder is opened, or a mismatch would be told in its words
            encoder = encoder or members[0].encoder
        return cls([Collection.open(folder, encoder=encoder, isolate_sql=isolate_sql) for folder in folders])

    @property
    def n_clips(self) -> int:
        """Clips in all of them; those that several hold count in each."""
        return sum(member.n_clips for member in self.members)

    @property
    def encoders(self) -> tuple[str, ...]:
        """Names of the encoders that heard all of them, that of the first one first."""
        return tuple(self._by_encoder())

    def has_segment(self, segment_id: int) -> bool:
        """Tell whether a segment is in one of them, as their encoder made it."""
        return any(member.has_segment(segment_id) for member in self.members)

    def heard_by(self, encoder: str) -> Collections:
        """Give the same collections as another encoder heard them.

        Raises:
            CollectionError: If one of them has no such encoder.
            EncoderMismatchError: If they have different ones of that name.
        """
        return Collections([member.heard_by(encoder) for member in self.members])

    def clip_file(self, clip_id: int) -> IndexedClip | None:
        """Return a clip's file as `Collection.clip_file` does, of the first collection that holds it, or None."""
        return next((file for member in self.members if (file := member.clip_file(clip_id)) is not None), None)

    def home(self, clip_id: int) -> Collection | None:
        """Give the first collection that holds a clip, or None."""
        return next((member for member in self.members if member.clip_file(clip_id) is not None), None)

    def search(
        self,
        query: str | Query,
        *,
        k: int = 10,
        where: str | None = None,
        where_values: Values | None = None,
        options: SearchOptions | None = None,
        encoder: str | None = None,
        explain: bool = False,
    ) -> Hits:
        """Find the clips that answer a query best.

        Args:
            query: A text, or a query; what it is to be like may be in any of the collections.
            k: Hits wanted, at least 1.
            where: As in `Collection.search`; every collection must have the columns it names.
            where_values: As in `Collection.search`.
            options: As in `Collection.search`. What sounds nearly the same is folded within each collection. Where
                words count, hits come by their ranks in their collections: what is fused there has no common scale.
            encoder: As in `Collection.search`; "both" for all encoders that heard every one of the collections.
            explain: As in `Collection.search`; only one collection can say.

        Returns:
            Up to `k` hits, best first.

        Raises:
            QueryError, AudioError, CollectionError: As `Collection.search`.
        """
        asked = query if isinstance(query, Query) else Query.text(query)
        if len(self.members) == 1:
            return self.members[0].search(
                asked,
                k=k,
                where=where,
                where_values=where_values,
                options=options,
                encoder=encoder,
                explain=explain,
            )
        if encoder in BOTH:
            return fused_search(self._by_encoder(), asked, k=k, where=where, where_values=where_values, options=options)
        if encoder is not None:
            return self.heard_by(encoder).search(asked, k=k, where=where, where_values=where_values, options=options)
        k = checked_number("k", k, lowest=1)
        options = options or SearchOptions()
        shared, left_out = self._shared(asked)
        deep, n = replace(options, offset=0), options.offset + k + len(left_out)
        found = [
            hit
            for member in self.members
            for hit in member.search(shared, k=n, where=where, where_values=where_values, options=deep)
            if hit.clip_id not in left_out
        ]
        page = _merged(found, options)[options.offset : options.offset + k]
        ranked = (replace(hit, rank=rank) for rank, hit in enumerate(page, start=options.offset + 1))
        return Hits(ranked, files=self.clip_file)

    def search_many(
        self,
        queries: str | Query | Iterable[str | Query],
        *,
        k: int = 10,
        where: str | None = None,
        where_values: Values | None = None,
        options: SearchOptions | None = None,
        encoder: str | None = None,
    ) -> list[Hits]:
        """Answer many queries.

        Args:
            queries: Texts and queries, or one.
            k: Hits wanted of each, at least 1.
            where: As in `search`, for all of them.
            where_values: As in `search`.
            options: As in `search`, for all of them.
            encoder: As in `search`.

        Returns:
            The hits of each query, in the order of the queries.

        Raises:
            QueryError, AudioError, CollectionError: As `Collection.search_many`.
        """
        asked = as_many(queries, (str, Query))
        if len(self.members) == 1:
            return self.members[0].search_many(
                asked, k=k, where=where, where_values=where_values, options=options, encoder=encoder
            )
        return [
            self.search(one, k=k, where=where, where_values=where_values, options=options, encoder=encoder)
            for one in asked
        ]

    def _by_encoder(self) -> dict[str, Collections]:
        first = self.members[0]
        records = [first.heard_by(name).manifest.encoding.encoder for name in first.encoders]
        return {
            record.id: self.heard_by(record.digest)
            for record in records
            if all(member.is_heard_by(record.digest) for member in self.members)
        }

    def _shared(self, query: Query) -> tuple[Query, frozenset[int]]:
        """Embed once what only one collection knows, or what is dear to embed; and tell which clips are no hits."""
        terms: list[Term] = []
        left_out: set[int] = set()
        for term in query.terms:
            embedding = None
            if term.kind == "like":
                embedding = self._of_any(term, left_out)
            elif term.kind == "audio":
                embedding = self.members[0].resolve(Query((replace(term, weight=1.0),))).embedding
            terms.append(term if embedding is None else Term("embedding", embedding, term.weight))
        return Query(tuple(terms)), frozenset(left_out)

    def _of_any(self, term: Term, left_out: set[int]) -> object:
        """Give the embedding of what some of the collections hold."""
        alone = Query((replace(term, weight=1.0),))
        for member in self.members:
            try:
                asked = member.resolve(alone)
            except QueryError:
                continue
            left_out.update(asked.left_out)
            return asked.embedding
        raise QueryError(f"{term}: what to find more like is in none of the {len(self.members)} collections")


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
