"""Embedder: how the summands of queries become one embedding for each query."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from ...model.errors import QueryError
from ...model.paths import encoded_path, readable_path
from ..encoders import EncoderSource
from ..store.identity import clip_id_of, path_of
from .clips import Clips
from .hit import Hit
from .query import Query, Sound, Term, unit
from .ranking import Ranking

if TYPE_CHECKING:
    from ...model.encoders.encoder import Encoder

Float = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]

_N_SEGMENTS_AT_ONCE = 64


@dataclass(frozen=True)
class EmbeddedQuery:
    """A query ready to be searched for.

    Attributes:
        embedding: The weighted sum of its terms [embedding_dim], unit length.
        left_out: Clips that hits are to be like, and that are therefore no hits themselves.
        is_text: Whether it is made of texts alone.
        words: What its texts say that is wanted (those of positive weight).
    """

    embedding: Float
    left_out: tuple[int, ...]
    is_text: bool
    words: str


class QueryEmbedder:
    """Embeds queries for one encoding.

    Args:
        source: The encoding's encoder; opened only if there is a text or a sound to embed.
        ranking: The encoding's segments, for what hits are to be like.
        clips: The collection's clips.
        hop_s: Distance between the starts of neighbouring segments.
        embedding_dim: Numbers in an embedding.
        place: How messages name the collection.
    """

    def __init__(
        self,
        source: EncoderSource,
        ranking: Ranking,
        clips: Clips,
        *,
        hop_s: float,
        embedding_dim: int,
        place: str,
    ) -> None:
        self._source = source
        self._ranking = ranking
        self._rows = ranking.rows
        self._clips = clips
        self._hop_s = hop_s
        self._embedding_dim = embedding_dim
        self._place = place

    def embed(self, queries: Sequence[Query]) -> list[EmbeddedQuery]:
        """Embed queries, all their texts in one go.

        Raises:
            QueryError: If an embedding is of another dimension, something is not in the collection, or a sum is zero.
            AudioError: If a sound cannot be decoded.
        """
        texts = list(dict.fromkeys(text for query in queries for text in query.texts))
        by_text = dict(zip(texts, self._source.encoder.embed_text(texts), strict=True)) if texts else {}
        return [self._embedded(query, by_text) for query in queries]

    def _embedded(self, query: Query, by_text: dict[str, Float]) -> EmbeddedQuery:
        if not query.terms:
            raise QueryError("the query is empty")
        left_out: list[int] = []
        total = np.zeros(self._embedding_dim, np.float64)
        for term in query.terms:
            match term.kind:
                case "text":
                    embedding = by_text[str(term.value)]
                case "audio":
                    embedding = self._of_sound(cast("Sound", term.value))
                case "embedding":
                    embedding = self._checked(cast("Float", term.value))
                case "like":
                    rows = self._rows_like(term)
                    left_out.append(int(self._rows.clip_ids[rows[0]]))
                    embedding = unit(self._ranking.embeddings(rows).mean(axis=0), f"the mean of {term}")
            total += term.weight * embedding
        # One term alone keeps its embedding to the bit.
        is_lone = len(query.terms) == 1 and query.terms[0].weight == 1
        return EmbeddedQuery(
            embedding=embedding if is_lone else unit(total.astype(np.float32), f"the sum {str(query)!r}"),
            left_out=tuple(dict.fromkeys(left_out)),
            is_text=all(term.kind == "text" for term in query.terms),
            words=" ".join(str(term.value) for term in query.terms if term.kind == "text" and term.weight > 0),
        )

    def _of_sound(self, audio: Sound) -> Float:
        """Embed a sound; one longer than a segment as the mean of its segments."""
        encoder = self._source.encoder
        hop_samples = max(1, round(self._hop_s * encoder.sampling_rate_hz))
        segments = _segments(audio, encoder, hop_samples=hop_samples)
        rows = []
        # A sound of hours is never whole in memory.
        while some := list(itertools.islice(segments, _N_SEGMENTS_AT_ONCE)):
            rows.append(encoder.embed_audio(some))
        return unit(np.concatenate(rows).mean(axis=0), "the mean of the audio's embeddings")

    def _checked(self, embedding: Float) -> Float:
        if embedding.shape != (self._embedding_dim,):
            raise QueryError(
                f"the embedding has shape {embedding.shape}, but the collection's have {(self._embedding_dim,)}"
            )
        return embedding

    def _rows_like(self, term: Term) -> Int:
        """Find the rows of what hits shall be like: of one segment, or all of a clip."""
        what = term.value
        if isinstance(what, Hit):
            name, rows = what.path, self._row_of_segment(what.segment_id)
            if not len(rows) and what.encoder is not None:  # another encoder's segment, of a clip that this one has too
                rows = self._rows.of_clip(what.clip_id)
        elif isinstance(what, int):
            rows = self._rows.of_clip(what)
            name, rows = str(what), rows if len(rows) else self._row_of_segment(what)
        else:
            name, rows = readable_path(cast("str", what)), self._rows_of_path(cast("str | os.PathLike[str]", what))
        if not len(rows):
            kind = "the hit" if isinstance(what, Hit) else "the clip"
            raise QueryError(f"{name}: {kind} to find more like is not in {self._place}, or not any more")
        return rows

    def _row_of_segment(self, segment_id: int) -> Int:
        found = (
            self._rows.find(np.array([segment_id], np.int64)) if abs(segment_id) < 1 << 63 else np.empty(0, np.int64)
        )
        return found[found >= 0]

    def _rows_of_path(self, path: str | os.PathLike[str]) -> Int:
        # As it lies below the current folder; as it is (in a store or an archive); as hits print it.
        for exact in (path_of(path), encoded_path(path)):
            rows = self._rows.of_clip(clip_id_of(exact))
            if len(rows):
                return rows
        for name in (os.fspath(path), os.fsdecode(path_of(path))):
            clip_id = self._clips.rows.find_path(name)
            if clip_id is not None:
                return self._rows.of_clip(clip_id)
        return np.empty(0, np.int64)


def _segments(audio: Sound, encoder: Encoder, *, hop_samples: int) -> Iterator[Float]:
    """Cut a sound into the segments that the encoder takes."""
    from ...model.audio.segments import SegmentCutter

    cutter = SegmentCutter(segment_samples=encoder.segment_samples, hop_samples=hop_samples)
    for block in _blocks(audio, encoder):
        yield from cutter.add(block)
    yield from cutter.finish()


def _blocks(audio: Sound, encoder: Encoder) -> Iterable[Float]:
    """Return a waveform as it is, or a file decoded in a process of its own."""
    if isinstance(audio, np.ndarray):
        return [audio]
    from ...model.audio.excerpt import excerpt_blocks

    return excerpt_blocks(audio, sampling_rate_hz=encoder.sampling_rate_hz)
