"""The addresses that search."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import numpy.typing as npt
from fastapi import APIRouter, Body
from fastapi import Query as Parameters

from ...search import Query
from ...search.querying.condition import Values
from ...search.several import BOTH
from ...search.union import Collections
from ..web.executor import Desk
from ..web.limits import SOUND_PATH
from ..web.refusals import RefusedError
from ..web.uploads import decode_sent
from .questions import Answer, Answers, Listing, Question, Questions, ShortQuestion, answer


def search_routes(desk: Desk) -> APIRouter:
    """The addresses, over a desk."""
    routes = APIRouter(tags=["search"])

    async def found(question: Listing, query: Query, values: Values | None = None) -> Answer:
        options = question.options(desk.settings)

        def search(collections: Collections) -> Answer:
            hits = collections.search(
                query,
                k=question.k,
                where=question.where,
                where_values=values,
                options=options,
                encoder=question.encoder,
                explain=question.explain,
            )
            return answer(hits, collections)

        return await desk.ask(search)

    @routes.get("/search", summary="Search by a text, by a clip, or by both")
    async def by_address(question: Annotated[ShortQuestion, Parameters()]) -> Answer:
        return await found(question, question.query())

    @routes.post("/search", summary="Search by texts, clips, sounds and embeddings, weighted and summed up")
    async def by_body(question: Question) -> Answer:
        query = await desk.ask(
            lambda opened: question.query(lambda sound: _waveform(sound, _heard(opened, question.encoder)))
        )
        return await found(question, query, question.where_values)

    @routes.post("/search/many", summary="Search by several such at once")
    async def by_many(questions: Questions) -> Answers:
        options = questions.options(desk.settings)

        def search(collections: Collections) -> Answers:
            hits = collections.search_many(
                [
                    one.query(lambda sound: _waveform(sound, _heard(collections, questions.encoder)))
                    for one in questions.queries
                ],
                k=questions.k,
                where=questions.where,
                where_values=questions.where_values,
                options=options,
                encoder=questions.encoder,
            )
            return Answers(answers=[answer(some, collections) for some in hits])

        return await desk.ask(search)

    @routes.post(SOUND_PATH, summary="Search by a sound: the body is the file, of any kind that can be indexed")
    async def by_sound(
        question: Annotated[Listing, Parameters()],
        sound: Annotated[bytes, Body(media_type="application/octet-stream")] = b"",
    ) -> Answer:
        if not sound:
            raise RefusedError(422, "the body is empty: it must be the sound to search by")
        waveform = await desk.ask(lambda opened: _waveform(sound, _heard(opened, question.encoder)))
        return await found(question, Query.audio(waveform))

    def _heard(collections: Collections, encoder: str | None) -> Collections:
        return collections if encoder is None or encoder in BOTH else collections.heard_by(encoder)

    def _waveform(sound: bytes, collections: Collections) -> npt.NDArray[np.float32]:
        most_s = desk.settings.max_sound_s
        rate = collections.members[0].encoder.sampling_rate_hz
        waveform, is_longer = decode_sent(
            sound, name="the sound", most_s=most_s, sampling_rate_hz=rate, limit_s=desk.settings.decoding_limit_s
        )
        if is_longer:
            raise RefusedError(422, f"the sound is longer than {most_s:g} s; send the part to search by")
        return waveform

    return routes
