"""The addresses that search."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import numpy.typing as npt
from fastapi import APIRouter, Body
from fastapi import Query as Parameters

from ...search import Query
from ...search.querying.request import ALL_ENCODERS
from ...search.union import Collections
from ..screen import printable
from ..web.executor import Desk
from ..web.limits import SOUND_PATH
from ..web.refusals import RefusedError
from ..web.settings import Settings
from ..web.uploads import decode_sent
from .questions import Answer, Answers, Hear, Listing, Question, Questions, ShortQuestion, answer


def search_routes(desk: Desk) -> APIRouter:
    """The addresses, over a desk."""
    routes = APIRouter(tags=["search"])

    async def found(question: Listing, query: Query) -> Answer:
        request = question.request(query, settings=desk.settings)

        def search(collections: Collections) -> Answer:
            _check_encoder(collections, question.encoder)
            return answer(collections.answer(request)[0], collections, query)

        return await desk.ask(search)

    @routes.get("/search", summary="Search by a text, by a clip, or by both")
    async def by_address(question: Annotated[ShortQuestion, Parameters()]) -> Answer:
        return await found(question, question.query())

    @routes.post("/search", summary="Search by texts, clips, sounds and embeddings, weighted and summed up")
    async def by_body(question: Question) -> Answer:
        return await found(
            question, await desk.ask(lambda opened: question.query(_decoder(opened, question, desk.settings)))
        )

    @routes.post("/search/many", summary="Search by several such at once")
    async def by_many(questions: Questions) -> Answers:
        def search(collections: Collections) -> Answers:
            _check_encoder(collections, questions.encoder)
            queries = [one.query(_decoder(collections, questions, desk.settings)) for one in questions.queries]
            answers = collections.answer(questions.request(*queries, settings=desk.settings))
            return Answers(answers=[answer(hits, collections, one) for hits, one in zip(answers, queries, strict=True)])

        return await desk.ask(search)

    @routes.post(SOUND_PATH, summary="Search by a sound: the body is the file, of any kind that can be indexed")
    async def by_sound(
        question: Annotated[Listing, Parameters()],
        sound: Annotated[bytes, Body(media_type="application/octet-stream")] = b"",
    ) -> Answer:
        if not sound:
            raise RefusedError(422, "the body is empty: it must be the sound to search by")
        waveform = await desk.ask(lambda opened: _decoder(opened, question, desk.settings)(sound))
        return await found(question, Query.audio(waveform))

    return routes


def _check_encoder(collections: Collections, encoder: str | None) -> None:
    there = collections.members[0].encoders
    if encoder is not None and encoder not in (*there, *ALL_ENCODERS):
        raise RefusedError(422, f"encoder: none is called {printable(encoder)!r} here, only {', '.join(there)}")


def _decoder(collections: Collections, question: Listing, settings: Settings) -> Hear:
    """Return what decodes a sound to the rate of the encoder that a question names."""
    _check_encoder(collections, question.encoder)
    if question.encoder is not None and question.encoder not in ALL_ENCODERS:
        collections = collections.with_encoder(question.encoder)

    def decode(sound: bytes) -> npt.NDArray[np.float32]:
        most_s = settings.max_sound_s
        waveform, is_longer = decode_sent(
            sound,
            name="the sound",
            most_s=most_s,
            sampling_rate_hz=collections.encoder.sampling_rate_hz,
            limit_s=settings.decoding_limit_s,
        )
        if is_longer:
            raise RefusedError(422, f"the sound is longer than {most_s:g} s; send the part to search by")
        return waveform

    return decode
