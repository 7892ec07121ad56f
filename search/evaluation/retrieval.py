"""Evaluation: how well a collection's encoder finds its clips by captions that people wrote, and captions by clips."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ...model.errors import SoundgrepWarning, UsageError
from ...model.metrics import Ranks, Retrieval
from ...model.paths import readable_path
from ..collection import Collection
from ..encoding import Encoding
from ..querying.fusion import RANK_OFFSET
from .captions import Caption, normalised, read_captions
from .listing import LeftOut

if TYPE_CHECKING:
    from ...model.encoders.encoder import Encoder

Float = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]

# Scores held at a time.
_MAX_SCORES = 4_000_000
# Texts embedded between two reports of progress.
_N_TEXTS = 32


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found.

    Attributes:
        encoder_id: The encoder that was judged.
        n_clips: Clips that were ranked: those that have captions.
        n_captions: Different texts that were asked.
        text_to_audio: How well the texts find their clips.
        audio_to_text: How well the clips find their texts.
        by_category: The same two for the texts and clips of each category, ranked among those of all.
        left_out: Captions and files that could not be used.
    """

    encoder_id: str
    n_clips: int
    n_captions: int
    text_to_audio: Retrieval
    audio_to_text: Retrieval
    by_category: dict[str, tuple[Retrieval, Retrieval]]
    left_out: tuple[LeftOut, ...]

    def to_json(self) -> dict[str, object]:
        """Return it as plain values that JSON can hold."""
        return {
            "encoder_id": self.encoder_id,
            "n_clips": self.n_clips,
            "n_captions": self.n_captions,
            **_both(self.text_to_audio, self.audio_to_text),
            "by_category": {name: _both(*figures) for name, figures in self.by_category.items()},
            "left_out": [some.to_json() for some in self.left_out],
        }


def evaluate(
    collection: Collection | str | os.PathLike[str],
    captions: str | os.PathLike[str],
    *,
    encoder: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Judge a collection's encoder by captions of its clips.

    A clip is as near to a text as its best segment, computed for every clip that has a caption, without the index. A
    text that describes several clips, whatever its capitals and full stop, is asked once and may find any of them; a
    clip with several captions may find any of them. Clips without a caption are not ranked: they may be right.

    Args:
        collection: The collection, or its folder.
        captions: A csv file of captions: ours (`file`, `caption`, and `category` if wanted), Clotho's or AudioCaps'.
        encoder: Which of the collection's encoders is judged; None for its first.
        progress: Called with how many texts are embedded, and of how many.

    Returns:
        The figures, with 95 % intervals and what chance would give.

    Raises:
        UsageError: If the captions cannot be read, or none is about a clip of the collection.
        CollectionError: If the collection cannot be read, or has no such encoder.
        CheckpointError: If its encoder is not on this machine, or cannot be loaded.
    """
    opened = collection if isinstance(collection, Collection) else Collection.open(collection)
    encoding = (opened if encoder is None else opened.with_encoder(encoder)).encoding
    return _evaluations(opened, captions, [encoding], progress=progress)[0]


def compare(
    collection: Collection | str | os.PathLike[str],
    captions: str | os.PathLike[str],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> list[Evaluation]:
    """Judge each of a collection's encoders, and all of them fused by rank, by the same captions and clips.

    Args:
        collection: As in `evaluate`.
        captions: As in `evaluate`.
        progress: As in `evaluate`, for each encoder in turn.

    Returns:
        The figures of each, and last, where there are several, those of all fused, as encoder "both".

    Raises:
        UsageError, CollectionError, CheckpointError: As `evaluate`.
    """
    opened = collection if isinstance(collection, Collection) else Collection.open(collection)
    return _evaluations(opened, captions, [*opened.encodings.values()], progress=progress)


def _evaluations(
    collection: Collection,
    captions: str | os.PathLike[str],
    encodings: Sequence[Encoding],
    *,
    progress: Callable[[int, int], None] | None,
) -> list[Evaluation]:
    where = readable_path(collection.path)
    clips = collection.clips.to_arrow(["clip_id", "path"])
    read = read_captions(captions, clips.column("path").to_pylist(), where=where)
    clip_ids = clips.column("clip_id").to_numpy()
    is_encoded = np.all([np.isin(clip_ids, one.rows.clip_ids) for one in encodings], axis=0)
    usable = [caption for caption in read.captions if is_encoded[caption.clip]]
    missing = sorted({clips.column("path")[one.clip].as_py() for one in read.captions if not is_encoded[one.clip]})
    left_out = (*read.left_out, *LeftOut.of("clip is not heard yet", "clips are not heard yet", missing))
    if not usable:
        raise UsageError(f"{where}: none of the clips that have captions was heard by every encoder asked")
    asked = _Asked.of(usable)
    sides = [
        _Side(embed_texts(one.encoder, asked.texts, progress=progress), *_segments(one, clip_ids[asked.clips]))
        for one in encodings
    ]
    judged = [(one.encoder_id, [side]) for one, side in zip(encodings, sides, strict=True)]
    if len(sides) > 1:
        judged.append(("both", sides))
    return [_evaluation(name, some, asked, left_out) for name, some in judged]


def _evaluation(name: str, sides: Sequence[_Side], asked: _Asked, left_out: tuple[LeftOut, ...]) -> Evaluation:
    found = Ranks.joined([*_found(sides, asked)])
    named = Ranks.joined([*_named(sides, asked)])
    return Evaluation(
        encoder_id=name,
        n_clips=len(asked.clips),
        n_captions=len(asked.texts),
        text_to_audio=Retrieval.of(found, groups=asked.first_clips),
        audio_to_text=Retrieval.of(named, groups=np.arange(len(asked.clips))),
        by_category={
            name: (
                Retrieval.of(found[here], groups=asked.first_clips[here]),
                Retrieval.of(named[there], groups=there),
            )
            for name, (here, there) in asked.categories.items()
        },
        left_out=left_out,
    )


def embed_texts(encoder: Encoder, texts: Sequence[str], *, progress: Callable[[int, int], None] | None = None) -> Float:
    """Embed many texts, with one warning for all that are too long instead of one each.

    Args:
        encoder: The encoder.
        texts: The texts.
        progress: Called with how many are done, and of how many.

    Returns:
        Embeddings [n_texts, embedding_dim], unit rows.
    """
    rows = np.empty((len(texts), encoder.embedding_dim), np.float32)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", SoundgrepWarning)
        for start in range(0, len(texts), _N_TEXTS):
            some = texts[start : start + _N_TEXTS]
            rows[start : start + len(some)] = encoder.embed_text(some)
            if progress is not None:
                progress(start + len(some), len(texts))
    n_cut = sum(issubclass(warning.category, SoundgrepWarning) for warning in caught)
    for warning in caught:
        if not issubclass(warning.category, SoundgrepWarning):
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    if n_cut:
        warnings.warn(
            f"{n_cut:,} of {len(texts):,} texts are longer than {encoder.id} reads: the rest of each was left out",
            SoundgrepWarning,
            stacklevel=2,
        )
    return rows


@dataclass(frozen=True)
class _Asked:
    """Captions as questions.

    Attributes:
        texts: The different texts.
        clips: The clips that have captions [n_clips], as places in the clips table.
        pairs: Text and clip of each caption [n_captions, 2].
        first_clips: For each text, the first clip that it describes [n_texts].
        categories: For each category, its texts and its clips.
    """

    texts: tuple[str, ...]
    clips: Int
    pairs: Int
    first_clips: Int
    categories: dict[str, tuple[Int, Int]]

    @classmethod
    def of(cls, captions: Sequence[Caption]) -> _Asked:
        texts: dict[str, str] = {}
        for caption in captions:
            texts.setdefault(normalised(caption.text), caption.text)
        places = {key: place for place, key in enumerate(texts)}
        clips = {clip: place for place, clip in enumerate(dict.fromkeys(caption.clip for caption in captions))}
        pairs = np.array([(places[normalised(caption.text)], clips[caption.clip]) for caption in captions], np.int64)
        names = sorted({caption.category for caption in captions if caption.category is not None})
        of_category = {name: pairs[[caption.category == name for caption in captions]] for name in names}
        return cls(
            tuple(texts.values()),
            np.array([*clips], np.int64),
            pairs,
            pairs[np.unique(pairs[:, 0], return_index=True)[1], 1],
            {name: (np.unique(of[:, 0]), np.unique(of[:, 1])) for name, of in of_category.items()},
        )

    def right(self, *, texts: slice, clips: slice) -> npt.NDArray[np.bool_]:
        """Return which of some texts describe which of some clips [n_texts, n_clips]."""
        right = np.zeros((texts.stop - texts.start, clips.stop - clips.start), np.bool_)
        text, clip = self.pairs[:, 0], self.pairs[:, 1]
        here = (text >= texts.start) & (text < texts.stop) & (clip >= clips.start) & (clip < clips.stop)
        right[text[here] - texts.start, clip[here] - clips.start] = True
        return right


def _segments(encoding: Encoding, clip_ids: Int) -> tuple[Float, Int]:
    """Read the embeddings [n, embedding_dim] of some clips' segments, clip by clip, and where each clip begins."""
    rows = encoding.rows
    order = np.argsort(clip_ids)
    parts: list[Float] = []
    places: list[Int] = []
    for segment_ids, embeddings in encoding.read_embeddings():
        of = rows.clip_ids[rows.find(segment_ids)]
        nearest = np.minimum(np.searchsorted(clip_ids, of, sorter=order), len(clip_ids) - 1)
        wanted = clip_ids[order[nearest]] == of
        parts.append(embeddings[wanted])
        places.append(order[nearest[wanted]])
    place = np.concatenate(places)
    by_clip = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[by_clip], np.arange(len(clip_ids)))
    return np.concatenate(parts)[by_clip], starts


@dataclass(frozen=True)
class _Side:
    """What one encoder makes of captions and clips.

    Attributes:
        texts: Embeddings of the texts [n_texts, embedding_dim].
        segments: Embeddings of the segments [n_segments, embedding_dim], clip by clip.
        starts: Where each clip begins [n_clips].
    """

    texts: Float
    segments: Float
    starts: Int

    def scores(self, some_texts: slice, some_clips: slice) -> Float:
        """Score some texts with some clips [n_texts, n_clips]."""
        ends = np.append(self.starts[1:], len(self.segments))
        begin, end = self.starts[some_clips.start], ends[some_clips.stop - 1]
        scores = self.texts[some_texts] @ self.segments[begin:end].T
        best: Float = np.maximum.reduceat(scores, self.starts[some_clips] - begin, axis=1)
        return best


def _found(sides: Sequence[_Side], asked: _Asked) -> Iterator[Ranks]:
    """Rank all clips for some texts at a time."""
    everything = slice(0, len(asked.clips))
    for some in _slices(len(asked.texts), width=max(len(side.segments) for side in sides)):
        scores = _fused([side.scores(some, everything) for side in sides])
        yield Ranks.of(scores, asked.right(texts=some, clips=everything))


def _named(sides: Sequence[_Side], asked: _Asked) -> Iterator[Ranks]:
    """Rank all texts for some clips at a time."""
    everything = slice(0, len(asked.texts))
    for some in _slices(len(asked.clips), width=len(asked.texts)):
        scores = _fused([side.scores(everything, some).T for side in sides])
        yield Ranks.of(scores, asked.right(texts=everything, clips=some).T)


def _fused(scores: Sequence[Float]) -> Float:
    """Fuse the scores [n, m] of several encoders by the reciprocal ranks in each row, as searches do."""
    if len(scores) == 1:
        return scores[0]
    ranks = [np.argsort(np.argsort(-one, axis=1, kind="stable"), axis=1, kind="stable") + 1 for one in scores]
    fused: Float = np.sum([1 / (RANK_OFFSET + one) for one in ranks], axis=0).astype(np.float32)
    return fused


def _slices(n: int, *, width: int) -> Iterator[slice]:
    size = max(1, _MAX_SCORES // max(1, width))
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def _both(text_to_audio: Retrieval, audio_to_text: Retrieval) -> dict[str, object]:
    return {"text_to_audio": text_to_audio.to_json(), "audio_to_text": audio_to_text.to_json()}
