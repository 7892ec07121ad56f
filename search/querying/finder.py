"""Finder: from a query's embedding to the hits, as the options want them listed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from ...model.errors import QueryError
from ..index.dots import dots
from .fusion import reciprocal_rank_fusion
from .hit import Hit, Span
from .neighbours import Folds, merge_spans
from .options import SearchOptions
from .ranking import Ranking
from .rows import ClipRows, SegmentRows
from .terms import Asked

if TYPE_CHECKING:
    from .lexical import Lexical

Float = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

# Two rankings are fused at least this deep: what both know is then fused by both.
_FUSED = 100
_N_AVERAGED = 512


class Calibration(Protocol):
    """What puts a score on the scale of 0 to 100."""

    def calibrated(self, score: float) -> float:
        """Give the place of a score, from 0 for nothing to 100 for the best."""
        ...


@dataclass
class _Found:
    """A hit in the making."""

    score: float
    row: int
    text_rank: int | None = None
    folded: list[int] = field(default_factory=list)


class Finder:
    """Finds and lists hits; threads may share it.

    Args:
        rows: The collection's segments.
        clips: The collection's clips.
        ranking: Their ranking by sound.
        lexical: Gives their ranking by words; asked only for queries that want it.
        calibration: The scale of scores of texts, or None if there is none.
    """

    def __init__(
        self,
        rows: SegmentRows,
        clips: ClipRows,
        ranking: Ranking,
        *,
        lexical: Callable[[], Lexical],
        calibration: Calibration | None,
    ) -> None:
        self._rows = rows
        self._clips = clips
        self._ranking = ranking
        self._lexical = lexical
        self._calibration = calibration

    def find(self, asked: Asked, *, k: int, allowed: Bool | None, options: SearchOptions) -> list[Hit]:
        """Find the hits of a query.

        Args:
            asked: The query.
            k: Hits wanted, at least 1.
            allowed: Whether each segment may be returned [n_segments]; None for all.
            options: How they are listed.

        Raises:
            QueryError: If words shall be looked for and the query has none.
        """
        if options.text_match != "off" and not asked.words:
            raise QueryError("there are no words to look for: text_match needs a text in the query")
        found = self._stream(asked, k, allowed, options)
        if options.fold:
            found = self._folded(found, n=options.offset + k)
        page = islice(found, options.offset, options.offset + k)
        return [self._hit(rank, one, asked, options) for rank, one in enumerate(page, start=options.offset + 1)]

    def _stream(self, asked: Asked, k: int, allowed: Bool | None, options: SearchOptions) -> Iterator[_Found]:
        """Give everything found, best first.

        What is asked for first is as much as one page holds, and after it twice that, and so on, each time passing over
        what was given before: so a page stands where it stood when the page before it was asked for.
        """
        listed: set[int] = set()
        n = k
        while True:
            if options.text_match == "off":
                n_found, found = self._by_sound(asked, n, allowed, options)
            else:
                n = max(n, _FUSED)
                n_found, found = self._fused(asked, n, allowed, options)
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
        self, asked: Asked, n: int, allowed: Bool | None, options: SearchOptions
    ) -> tuple[int, Iterator[tuple[int, _Found]]]:
        """Give the number of the nearest `n` clips or segments that there are, and them by clip or row, best first."""
        if options.by == "clip":
            n_more = len(asked.left_out)
            scores, rows = self._ranking.best_of_clips(asked.embedding, n + n_more, allowed=allowed)
        else:
            n_more = sum(len(self._rows.of_clip(clip_id)) for clip_id in asked.left_out)
            scores, rows = self._ranking.best_segments(asked.embedding, n + n_more, allowed=allowed)
        clip_ids = self._rows.clip_ids[rows]
        if asked.left_out:
            kept = ~np.isin(clip_ids, asked.left_out)
            scores, rows, clip_ids = scores[kept], rows[kept], clip_ids[kept]
        keys = clip_ids if options.by == "clip" else rows
        pairs = zip(keys.tolist(), scores.tolist(), rows.tolist(), strict=True)
        return len(rows), ((key, _Found(score, row)) for key, score, row in pairs)

    def _fused(
        self, asked: Asked, n: int, allowed: Bool | None, options: SearchOptions
    ) -> tuple[int, Iterator[tuple[int, _Found]]]:
        """Give the number of clips found by sound or words, and them by clip, best first."""
        by_sound: dict[int, _Found] = {}
        n_found = 0
        if options.text_match == "on":
            n_found, found = self._by_sound(asked, n, allowed, options)
            by_sound = dict(islice(found, n))
        by_words = self._lexical().best(
            asked.words, n, allowed=lambda clip_id: self._is_allowed(clip_id, asked, allowed)
        )
        text_rank = {clip_id: rank for rank, clip_id in enumerate(by_words, start=1)}

        def fused() -> Iterator[tuple[int, _Found]]:
            for clip_id in reciprocal_rank_fusion(list(by_sound), by_words):
                one = by_sound.get(clip_id) or self._best_of(clip_id, asked.embedding)
                one.text_rank = text_rank.get(clip_id)
                yield clip_id, one

        return max(n_found, len(by_words)), fused()

    def _is_allowed(self, clip_id: int, asked: Asked, allowed: Bool | None) -> bool:
        rows = self._rows.of_clip(clip_id)
        return bool(len(rows)) and clip_id not in asked.left_out and (allowed is None or bool(allowed[rows[0]]))

    def _best_of(self, clip_id: int, embedding: Float) -> _Found:
        """Find the best segment of a clip that was not found by its sound."""
        rows = self._rows.of_clip(clip_id)
        scores = dots(self._ranking.embeddings(rows), embedding)
        return _Found(float(scores.max()), int(rows[scores.argmax()]))

    def _folded(self, found: Iterator[_Found], *, n: int) -> Iterator[_Found]:
        """Fold what sounds nearly the same as something better, up to the hit after the first `n`."""
        kept: list[_Found] = []
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

    def _hit(self, rank: int, found: _Found, asked: Asked, options: SearchOptions) -> Hit:
        row = found.row
        clip_id = int(self._rows.clip_ids[row])
        clip = self._clips[clip_id]
        score = max(-1.0, min(1.0, found.score))
        is_scaled = asked.is_text and self._calibration is not None
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
            calibrated=self._calibration.calibrated(score) if is_scaled and self._calibration else None,
            spans=self._spans(found, clip_id, score, asked, options),
            folded=tuple(self._clips[int(self._rows.clip_ids[other])].path for other in found.folded),
            text_rank=found.text_rank,
        )

    def _spans(
        self, found: _Found, clip_id: int, score: float, asked: Asked, options: SearchOptions
    ) -> tuple[Span, ...]:
        rows = np.array([found.row]) if options.by == "segment" else self._rows.of_clip(clip_id)
        if len(rows) == 1:
            return (Span(float(self._rows.start_s[rows[0]]), float(self._rows.end_s[rows[0]]), score),)
        scores = dots(self._ranking.embeddings(rows), asked.embedding)
        bar = options.min_score
        if bar is None:
            average = float(self._average @ asked.embedding)
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
