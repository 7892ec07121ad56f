"""Questions: what a search request may say, checked, and what is answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, model_validator

from ...search import Hit, Hits, Query, SearchOptions, SearchRequest
from ...search.querying.condition import Condition
from ...search.querying.query import language_note
from ...search.union import Collections
from ..web.refusals import RefusedError
from ..web.settings import Settings

MAX_TEXT = 10_000
MAX_TERMS = 32
MAX_DIM = 65_536
MAX_SAMPLES = 1 << 22
MAX_QUERIES = 100
KINDS = "text, like, embedding, audio or waveform"
_LARGEST_ID = (1 << 63) - 1

Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
Weight = Annotated[float, Field(ge=-1_000, le=1_000, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
WhereValues = Annotated[
    dict[str, str | int | float | bool | None] | None, Field(description="Values for $names in `where`.")
]
Hear = Callable[[bytes], npt.NDArray[np.float32]]
Id = Annotated[str, Field(pattern=r"^[0-9]{1,19}$", description="A clip_id or segment_id, as hits give it.")]


class Listing(BaseModel):
    """Which hits are listed, and how."""

    model_config = ConfigDict(extra="forbid")

    k: Annotated[int, Field(ge=1, description="Hits wanted.")] = 10
    offset: Annotated[int, Field(ge=0, description="Hits to pass over, for the next page.")] = 0
    where: Annotated[str | None, Field(max_length=MAX_TEXT, description="SQL condition on a clip.")] = None
    by: Annotated[Literal["clip", "segment"], Field(description="Each clip once, or every segment.")] = "clip"
    min_score: Annotated[float | None, Field(allow_inf_nan=False, description="Least cosine.")] = None
    fold: Annotated[bool, Field(description="Fold near-duplicates into one hit.")] = False
    text_match: Annotated[
        Literal["off", "on", "only"], Field(description="Search names, tags and captions for the words too.")
    ] = "off"
    encoder: Annotated[
        str | None, Field(max_length=MAX_TEXT, description="Which of the encoders is asked; both: all, fused by rank.")
    ] = None
    explain: Annotated[bool, Field(description="Say how the search went.")] = False

    def condition(self) -> Condition:
        """The library's filter."""
        return Condition.of(self.where)

    def request(self, *queries: Query, settings: Settings) -> SearchRequest:
        """The library's request for queries, if the service allows so much."""
        if self.k * len(queries) > settings.max_k:
            of_all = ", of all queries" if len(queries) > 1 else ""
            raise RefusedError(422, f"k: at most {settings.max_k:,} hits can be asked for at once{of_all}")
        if self.offset > settings.max_offset:
            raise RefusedError(422, f"offset: at most {settings.max_offset:,} hits can be passed over")
        return SearchRequest(
            queries,
            k=self.k,
            condition=self.condition(),
            options=SearchOptions(self.by, self.offset, self.min_score, self.fold, self.text_match),
            encoder=self.encoder,
            explain=self.explain,
        )


class ShortQuestion(Listing):
    """A question that fits into an address."""

    q: Annotated[Text | None, Field(description="A description of the sound.")] = None
    minus: Annotated[Text | None, Field(description="What it is not to sound like.")] = None
    like: Annotated[Id | None, Field(description="A clip or segment to find more like.")] = None

    def query(self) -> Query:
        """The library's query."""
        query = None if self.q is None else Query.text(self.q)
        if self.like is not None:
            known = _known(self.like)
            query = known if query is None else query + known
        if query is None:
            raise RefusedError(422, "there is nothing to search for: give q, like, or both")
        return query if self.minus is None else query - self.minus


class Asked(BaseModel):
    """Something to search for, of one kind."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[Text | None, Field(description="A description of the sound.")] = None
    like: Annotated[Id | None, Field(description="A clip or segment to find more like.")] = None
    embedding: Annotated[
        list[Finite] | None,
        Field(max_length=MAX_DIM, description="An embedding made elsewhere by the collections' encoder."),
    ] = None
    audio: Annotated[
        Base64Bytes | None, Field(description="A sound: a file of any kind that can be indexed, in base64.")
    ] = None
    waveform: Annotated[
        list[Finite] | None,
        Field(min_length=1, max_length=MAX_SAMPLES, description="A sound: mono samples at the encoder's rate."),
    ] = None

    def queries(self, hear: Hear) -> list[Query]:
        """The library's query of each kind that is given."""
        found = [] if self.text is None else [Query.text(self.text)]
        if self.like is not None:
            found.append(_known(self.like))
        if self.embedding is not None:
            found.append(Query.embedding(_single(self.embedding)))
        if self.audio is not None:
            found.append(Query.audio(hear(self.audio)))
        if self.waveform is not None:
            found.append(Query.audio(_single(self.waveform)))
        return found


def _single(numbers: list[float]) -> npt.NDArray[np.float32]:
    with np.errstate(over="ignore"):  # what becomes infinite is refused in a sentence of its own
        return np.array(numbers, np.float64).astype(np.float32)


class Summand(Asked):
    """One of several things to search for together."""

    weight: Weight = 1.0

    @model_validator(mode="after")
    def _one_kind(self) -> Summand:
        if sum(value is not None for name, value in self if name != "weight") != 1:
            raise ValueError(f"give exactly one of {KINDS}")
        return self

    def query(self, hear: Hear) -> Query:
        """The library's query."""
        (query,) = self.queries(hear) or [Query(())]
        return query if self.weight == 1 else query * self.weight


class Wanted(Asked):
    """What is searched for: things of several kinds, and weighted ones, summed up."""

    terms: Annotated[
        list[Summand] | None, Field(max_length=MAX_TERMS, description="Several of these, weighted and summed up.")
    ] = None

    def query(self, hear: Hear) -> Query:
        """The library's query."""
        found = [summand.query(hear) for summand in self.terms or []] + self.queries(hear)
        if not found:
            raise RefusedError(422, f"there is nothing to search for: give {KINDS}, or terms")
        return sum(found[1:], start=found[0])


class Bound(Listing):
    """A listing whose filter may have parameters."""

    where_values: WhereValues = None

    def condition(self) -> Condition:
        """The library's filter."""
        return Condition.of(self.where, self.where_values)


class Question(Bound, Wanted):
    """A question of any kind."""


class Questions(Bound):
    """Several questions at once, listed alike; their texts are embedded together."""

    queries: Annotated[list[Wanted], Field(min_length=1, max_length=MAX_QUERIES)]


class HitAnswer(BaseModel):
    """A clip that answers, with its best segment; ids are texts, because they exceed the integers of JavaScript."""

    rank: int
    score: float
    calibrated: float | None
    path: str
    start_s: float
    end_s: float
    duration_s: float
    spans: list[dict[str, float]]
    folded: list[str]
    text_rank: int | None
    encoder: str | None = None
    places: dict[str, int] | None = None
    clip_id: str
    segment_id: str
    collection: str
    audio: str
    preview: str


class Answer(BaseModel):
    """The hits of a search, best first."""

    hits: list[HitAnswer]
    nothing_like_it: bool
    note: str | None = None
    explanation: dict[str, Any] | None = None


class Answers(BaseModel):
    """The answers to several questions, in their order."""

    answers: list[Answer]


def answer(hits: Hits, collections: Collections, query: Query) -> Answer:
    """Say hits in JSON."""
    from dataclasses import asdict

    explanation = None if hits.explanation is None else asdict(hits.explanation)
    return Answer(
        hits=[_hit(hit, collections) for hit in hits],
        nothing_like_it=hits.nothing_like_it,
        note=language_note(query.texts),
        explanation=explanation,
    )


def _hit(hit: Hit, collections: Collections) -> HitAnswer:
    home = collections.home(hit.clip_id)
    more = {
        "collection": "" if home is None else home.path.name,
        "audio": f"/clips/{hit.clip_id}/audio",
        "preview": f"/clips/{hit.clip_id}/preview?start_s={hit.start_s:g}&end_s={hit.end_s:g}",
    }
    return HitAnswer.model_validate(hit.to_json() | more)


def _known(text: str) -> Query:
    number = int(text)
    if number > _LARGEST_ID:
        raise RefusedError(404, f"there is no clip or segment {text}")
    return Query.like(number)
