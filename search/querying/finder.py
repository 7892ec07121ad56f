"""Finder: from a query's embedding to the hits, as the options want them ranked and listed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice

import numpy as np
import numpy.typing as npt

from ...model.errors import QueryError
from ..index.bank import Bank
from ..index.scan import dots
from .clips import Clips
from .embedder import EmbeddedQuery
from .fusion import FUSION_DEPTH, reciprocal_rank_fusion
from .hit import Hit, Span
from .neighbours import Folds, merge_spans
from .ranking import Ranking
from .request import SearchOptions

Float = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

_N_AVERAGED = 512


@dataclass
class Found:
    """A hit in the making.

    Attributes:
        score: Cosine of the row's embedding and the query's.
        row: The segment's row.
        text_rank: Place among the clips by words, from 1, if any was found.
        folded: Rows of what sounds nearly the same.
    """

    score: float
    row: int
    text_rank: int | None = None
    folded: list[int] = field(default_factory=list)


class Finder:
    """Ranks the segments of an encoding by a query, and lists the best as hits; threads may share it.

    Args:
        ranking: The segments, ranked by sound.
        clips: The collection's clips; their words are read only for queries that want them.
        bank: The scale of scores of texts, or None if there is none.
    """

    def __init__(self, ranking: Ranking, clips: Clips, bank: Bank | None) -> None:
        self._rows = ranking.rows
        self._ranking = ranking
        self._clips = clips
        self._bank = bank

    def rank(self, query: EmbeddedQuery, *, k: int, allowed: Bool | None, options: SearchOptions) -> Iterator[Found]:
        """Rank what answers a query; what is iterated over is found as it is needed.

        Args:
            query: The query.
            k: Hits wanted, at least 1.
            allowed: Whether each segment may be returned [n_segments]; None for all.
            options: Whether clips or segments are ranked, by sound or words, and what is folded.

        Returns:
            What was found, best first, from the first one on, to be listed once.

        Raises:
            QueryError: If words shall be looked for and the query has none.
        """
        if options.text_match != "off" and not query.words:
            raise QueryError("there are no words to look for: text_match needs a text in the query")
        found = self._stream(query, k, allowed, options)
        return self._folded(found, n=options.offset + k) if options.fold else found

    def hits(self, found: Iterator[Found], query: EmbeddedQuery, *, k: int, options: SearchOptions) -> list[Hit]:
        """List one page of what was found, with what there is to say of each."""
        page = islice(found, options.offset, options.offset + k)
        return [self._hit(rank, one, query, options) for rank, one in enumerate(page, start=options.offset + 1)]

    def _stream(self, query: EmbeddedQuery, k: int, allowed: Bool | None, options: SearchOptions) -> Iterator[Found]:
        """Yield everything found, best first.

        As much as one page holds is looked for first, and after it twice that, and so on, each time passing over what
        was yielded before: so a page stands where it stood when the page before it was listed.
        """
        listed: set[int] = set()
        n = k
        while True:
            if options.text_match == "off":
                n_found, found = self._by_sound(query, n, allowed, options)
            else:
                n = max(n, FUSION_DEPTH)
                n_found, found = self._fused(query, n, allowed, options)
            for key, one in found:
                if key not in listed:
                    listed.add(key)
                    if options.min_score is None or one.score >= options.min_score:
                        yield one
                    elif options.text_match == "off":
                        return
            if n_found < n:
                return
            n *= 2

    def _by_sound(
        self, query: EmbeddedQuery, n: int, allowed: Bool | None, options: SearchOptions
    ) -> tuple[int, Iterator[tuple[int, Found]]]:
        """Return how many of the nearest `n` clips or segments there are, and them by clip or row, best first."""
        if options.by == "clip":
            n_more = len(query.left_out)
            scores, rows = self._ranking.best_of_clips(query.embedding, n + n_more, allowed=allowed)
        else:
            n_more = sum(len(self._rows.of_clip(clip_id)) for clip_id in query.left_out)
            scores, rows = self._ranking.best_segments(query.embedding, n + n_more, allowed=allowed)
        clip_ids = self._rows.clip_ids[rows]
        if query.left_out:
            kept = ~np.isin(clip_ids, query.left_out)
            scores, rows, clip_ids = scores[kept], rows[kept], clip_ids[kept]
        keys = clip_ids if options.by == "clip" else rows
        pairs = zip(keys.tolist(), scores.tolist(), rows.tolist(), strict=True)
        return len(rows), ((key, Found(score, row)) for key, score, row in pairs)

    def _fused(
        self, query: EmbeddedQuery, n: int, allowed: Bool | None, options: SearchOptions
    ) -> tuple[int, Iterator[tuple[int, Found]]]:
        """Return the number of clips found by sound or words, and them by clip, best first."""
        by_sound: dict[int, Found] = {}
        n_found = 0
        if options.text_match == "on":
            n_found, found = self._by_sound(query, n, allowed, options)
            by_sound = dict(islice(found, n))
        by_words = self._clips.lexical.best(
            query.words, n, allowed=lambda clip_id: self._is_allowed(clip_id, query, allowed)
        )
        text_rank = {clip_id: rank for rank, clip_id in enumerate(by_words, start=1)}

        def fused() -> Iterator[tuple[int, Found]]:
            for clip_id in reciprocal_rank_fusion(list(by_sound), by_words):
                one = by_sound.get(clip_id) or self._best_of(clip_id, query.embedding)
                one.text_rank = text_rank.get(clip_id)
                yield clip_id, one

        return max(n_found, len(by_words)), fused()

    def _is_allowed(self, clip_id: int, query: EmbeddedQuery, allowed: Bool | None) -> bool:
        rows = self._rows.of_clip(clip_id)
        return bool(len(rows)) and clip_id not in query.left_out and (allowed is None or bool(allowed[rows[0]]))

    def _best_of(self, clip_id: int, embedding: Float) -> Found:
        """Find the best segment of a clip that was not found by its sound."""
        rows = self._rows.of_clip(clip_id)
        scores = dots(self._ranking.embeddings(rows), embedding)
        return Found(float(scores.max()), int(rows[scores.argmax()]))

    def _folded(self, found: Iterator[Found], *, n: int) -> Iterator[Found]:
        """Fold what sounds nearly the same as something better, up to the hit after the first `n`."""
        kept: list[Found] = []
        folds: Folds | None = None
        for one in found:
            embedding = self._ranking.embeddings(np.array([one.row], np.int64))[0]
            folds = folds or Folds(embedding_dim=len(embedding))
            same = folds.fold(embedding)
            if same is None:
                kept.append(one)
                if len(kept) > n:
                    break
            elif same < n:
                kept[same].folded.append(one.row)
        return iter(kept)

    def _hit(self, rank: int, found: Found, query: EmbeddedQuery, options: SearchOptions) -> Hit:
        row = found.row
        clip_id = int(self._rows.clip_ids[row])
        clip = self._clips.rows[clip_id]
        score = max(-1.0, min(1.0, found.score))
        bank = self._bank if query.is_text else None
        return Hit(
            rank=rank,
            score=score,
            path=clip.path,
            start_s=float(self._rows.start_s[row]),
            end_s=float(self._rows.end_s[row]),
            duration_s=clip.duration_s,
            clip_id=clip_id,
            segment_id=int(self._rows.segment_ids[row]),
            path_bytes=clip.path_bytes,
            calibrated=None if bank is None else bank.calibrated(score),
            spans=self._spans(found, clip_id, score, query, options),
            folded=tuple(self._clips.rows[int(self._rows.clip_ids[other])].path for other in found.folded),
            text_rank=found.text_rank,
        )

    def _spans(
        self, found: Found, clip_id: int, score: float, query: EmbeddedQuery, options: SearchOptions
    ) -> tuple[Span, ...]:
        rows = np.array([found.row]) if options.by == "segment" else self._rows.of_clip(clip_id)
        if len(rows) == 1:
            return (Span(float(self._rows.start_s[rows[0]]), float(self._rows.end_s[rows[0]]), score),)
        scores = dots(self._ranking.embeddings(rows), query.embedding)
        bar = options.min_score
        if bar is None:
            average = float(self._average @ query.embedding)
            bar = average + (score - average) / 2
        # The best segment answers by definition, whatever the last digit of its score.
        answers = (scores >= min(bar, score)) | (rows == found.row)
        rows = rows[answers]
        return merge_spans(self._rows.start_s[rows], self._rows.end_s[rows], np.clip(scores[answers], -1, 1))

    @cached_property
    def _average(self) -> Float:
        """The mean of the collection's embeddings [embedding_dim], by a sample that is always the same."""
        average: Float = self._ranking.embeddings(self._rows.drawn(_N_AVERAGED)).mean(axis=0)
        return average
