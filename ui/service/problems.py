"""Problems: every failure as one sentence in JSON, with the status that fits it."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from ...model.errors import SoundgrepError
from ..web.refusals import RefusedError, refusal, refusal_of


class Refused(BaseModel):
    """Every failure.

    Attributes:
        error: What is wrong, in one sentence.
    """

    error: str


REFUSALS: dict[int | str, dict[str, Any]] = {
    422: {"model": Refused, "description": "The question is none that can be answered."},
    "4XX": {"model": Refused, "description": "Refused."},
    "5XX": {"model": Refused, "description": "It cannot be answered now."},
}
"""What every address may answer instead, as the description of the service says it."""

_log = logging.getLogger(__name__)


def install(app: FastAPI) -> None:
    """Have an application answer its failures so."""
    app.exception_handler(RefusedError)(_of_problem)
    app.exception_handler(SoundgrepError)(_of_library)
    app.exception_handler(RequestValidationError)(_of_validation)
    app.exception_handler(HTTPException)(_of_framework)
    app.exception_handler(Exception)(_of_bug)


async def _of_problem(_request: Request, problem: RefusedError) -> JSONResponse:
    return refusal(problem.status, problem.sentence, problem.headers)


async def _of_library(_request: Request, error: SoundgrepError) -> JSONResponse:
    return refusal_of(error)


async def _of_validation(_request: Request, error: RequestValidationError) -> JSONResponse:
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return refusal(422, "the body is not JSON")
    place = ".".join(str(part) for part in first["loc"][1:])
    message = " ".join(str(first["msg"]).split()).removeprefix("Value error, ")
    return refusal(422, f"{place}: {message}" if place else message)


async def _of_framework(_request: Request, error: HTTPException) -> JSONResponse:
    sentence = {
        400: "the body cannot be read as JSON",
        404: "there is nothing at this address",
        405: "this address does not take that method",
    }
    return refusal(error.status_code, sentence.get(error.status_code, str(error.detail)), dict(error.headers or {}))


async def _of_bug(request: Request, error: Exception) -> JSONResponse:
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return refusal(500, "something went wrong here; the service's log says what")
