"""Query: what is searched for, as a weighted sum of texts, sounds and embeddings."""

from __future__ import annotations

import math
import operator
import os
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ...model.errors import QueryError
from ...model.paths import readable_path
from .hit import Hit

Sound = str | os.PathLike[str] | npt.NDArray[np.float32]
ClipReference = Hit | str | os.PathLike[str] | int

_LANGUAGE_NOTE = (
    "the encoders learned English, and a text in other letters tells them little: ask in English if the hits make no "
    "sense"
)
_LOUDEST = 1e12  # whole numbers of 32 bits are far below; the power of more than that is no float32


@dataclass(frozen=True, eq=False)
class Term:
    """One summand of a query.

    Attributes:
        kind: What `value` is.
        value: A text; a sound (file or waveform); something in the collection (hit, path or id); or an embedding.
        weight: How much it counts; below zero, it is to be unlike it.
    """

    kind: Literal["text", "audio", "like", "embedding"]
    value: object
    weight: float = 1.0

    def __str__(self) -> str:
        match self.value:
            case Hit():
                what = self.value.path
            case np.ndarray():
                what = "..."
            case _:
                what = readable_path(str(self.value))
        return what if self.kind == "text" else f"{self.kind}({what})"


@dataclass(frozen=True, eq=False)
class Query:
    """A question to a collection: a text, a sound, or a weighted sum of several.

    Each summand counts as an embedding of unit length, times its weight; the sum's length does not matter.

    Example:
        >>> query = Query.text("rain") + "wind" - 0.5 * Query.text("music")
        >>> str(query)
        'rain + wind - 0.5 * music'

    Attributes:
        terms: The summands.
    """

    terms: tuple[Term, ...]

    # NumPy's numbers leave `number * query` to the query.
    __array_ufunc__ = None

    @classmethod
    def text(cls, text: str) -> Query:
        """Ask by a description of the sound.

        Raises:
            QueryError: If it holds nothing but white space, or is not valid Unicode text.
        """
        if not isinstance(text, str) or not text.strip():
            raise QueryError("the text to search for is empty" if isinstance(text, str) else f"{text!r} is not a text")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise QueryError("the text to search for is not valid Unicode text") from None
        return cls((Term("text", text),))

    @classmethod
    def audio(cls, audio: Sound) -> Query:
        """Ask by a sound.

        Args:
            audio: A file, or a mono waveform [n_samples] at the encoder's rate. One longer than a segment counts as the
                mean of its segments.

        Raises:
            QueryError: If a waveform is not [n_samples], is empty, or holds NaN or infinite samples.
        """
        if not isinstance(audio, str | os.PathLike):
            audio = _checked_waveform(audio)
        return cls((Term("audio", audio),))

    @classmethod
    def like(cls, what: ClipReference) -> Query:
        """Ask by something in the collection, whose own clip is left out of the hits.

        Args:
            what: A hit; the path of a clip; or the id of a clip or of a segment. A clip counts as the mean of its
                segments, a hit as the segment it names.

        Raises:
            QueryError: If it is none of these.
        """
        if not isinstance(what, Hit | str | os.PathLike):
            try:
                what = operator.index(what)
            except TypeError:
                raise QueryError(f"{what!r} is no hit, path, clip_id or segment_id") from None
        return cls((Term("like", what),))

    @classmethod
    def embedding(cls, embedding: npt.ArrayLike) -> Query:
        """Ask by an embedding [embedding_dim] made elsewhere by the collection's encoder; its length does not matter.

        Raises:
            QueryError: If it is no row of numbers, holds NaN or infinite ones, or is zero.
        """
        try:
            numbers = np.array(embedding, dtype=np.float32)
        except (TypeError, ValueError):
            raise QueryError("the embedding is not an array of numbers") from None
        if numbers.ndim != 1 or not len(numbers):
            raise QueryError(f"the embedding has shape {numbers.shape}, but [embedding_dim] is needed")
        return cls((Term("embedding", unit(numbers, "the embedding")),))

    @property
    def texts(self) -> list[str]:
        """The texts among the summands, in order."""
        return [str(term.value) for term in self.terms if term.kind == "text"]

    def __add__(self, other: Query | str) -> Query:
        added = _as_query(other)
        return NotImplemented if added is None else Query(self.terms + added.terms)

    def __radd__(self, other: str) -> Query:
        added = _as_query(other)
        return NotImplemented if added is None else added + self

    def __sub__(self, other: Query | str) -> Query:
        taken = _as_query(other)
        return NotImplemented if taken is None else self + -taken

    def __rsub__(self, other: str) -> Query:
        taken_from = _as_query(other)
        return NotImplemented if taken_from is None else taken_from + -self

    def __neg__(self) -> Query:
        return self * -1.0

    def __mul__(self, weight: float) -> Query:
        try:
            factor = math.nan if isinstance(weight, str) else float(weight)
        except (TypeError, ValueError):
            return NotImplemented
        if not math.isfinite(factor):
            raise QueryError(f"a query can be weighted by a finite number, not by {weight!r}")
        return Query(tuple(Term(term.kind, term.value, term.weight * factor) for term in self.terms))

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> Query:
        if divisor == 0:
            raise QueryError("a query cannot be divided by zero")
        return self * (1 / divisor)

    def __str__(self) -> str:
        text = ""
        for number, term in enumerate(self.terms):
            size = abs(term.weight)
            sign = " - " if term.weight < 0 else " + "
            text += (sign if number else sign.strip().strip("+")) + (f"{size:g} * " if size != 1 else "") + str(term)
        return text


def only_query(
    text: str | Query | None, *, audio: Sound | None, like: ClipReference | None, embedding: npt.ArrayLike | None
) -> Query:
    """Return the one thing that is searched for.

    Raises:
        QueryError: If it is none, several, empty or unusable.
    """
    queries: list[Query] = []
    if text is not None:
        queries.append(text if isinstance(text, Query) else Query.text(text))
    if audio is not None:
        queries.append(Query.audio(audio))
    if like is not None:
        queries.append(Query.like(like))
    if embedding is not None:
        queries.append(Query.embedding(embedding))
    if len(queries) != 1:
        raise QueryError(
            f"a search takes one of text, audio, like and embedding, not {len(queries)}; a Query sums several up"
        )
    return queries[0]


def language_note(texts: Iterable[str]) -> str | None:
    """Return what whoever searches by some texts should know of their language, as a sentence; None if nothing."""
    return _LANGUAGE_NOTE if any(map(_is_foreign, texts)) else None


def unit(embedding: npt.NDArray[np.float32], what: str) -> npt.NDArray[np.float32]:
    """Bring an embedding [embedding_dim] to unit length.

    Raises:
        QueryError: If it holds NaN or infinite values, or is zero.
    """
    length = float(np.linalg.norm(embedding.astype(np.float64)))
    if not np.isfinite(length):
        raise QueryError(f"{what} holds values that are not numbers (NaN or infinite)")
    if length == 0:
        raise QueryError(f"{what} is zero and points nowhere")
    scaled: npt.NDArray[np.float32] = (embedding / length).astype(np.float32)
    return scaled


def _is_foreign(text: str) -> bool:
    """Return whether most letters of a text are of another script than the Latin one."""
    letters = [char for char in text if char.isalpha()]
    n_latin = sum(unicodedata.name(char, "").startswith(("LATIN", "FULLWIDTH LATIN")) for char in letters)
    return 2 * n_latin < len(letters)


def _as_query(other: object) -> Query | None:
    if isinstance(other, str):
        return Query.text(other)
    return other if isinstance(other, Query) else None


def _checked_waveform(audio: object) -> npt.NDArray[np.float32]:
    if not isinstance(audio, np.ndarray):
        raise QueryError(f"the audio is neither a file nor an array of samples but {type(audio).__name__}")
    if audio.ndim != 1 or not len(audio) or not np.issubdtype(audio.dtype, np.floating):
        raise QueryError(
            f"the waveform is {audio.dtype} of shape {audio.shape}, but mono floating-point [n_samples] is needed"
        )
    waveform: npt.NDArray[np.float32] = audio.astype(np.float32)
    if not np.isfinite(waveform).all():
        raise QueryError("the waveform holds samples that are not numbers (NaN or infinite)")
    if np.abs(waveform).max() > _LOUDEST:
        raise QueryError("the waveform holds samples that are too large: full scale is 1")
    return waveform
