"""Problems: every failure as one sentence in JSON, with the status that fits it."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from ...model.errors import AudioError, CollectionError, QueryError, SoundgrepError

_STATUS: tuple[tuple[type[SoundgrepError], int], ...] = ((QueryError, 422), (AudioError, 422), (CollectionError, 503))

_log = logging.getLogger(__name__)


class RefusedError(Exception):
    """A request that is not answered.

    Attributes:
        status: HTTP status.
        sentence: Why, for a person.
        headers: Further headers of the answer.
    """

    def __init__(self, status: int, sentence: str, *, headers: dict[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.headers = status, sentence, headers

    async def send(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request with it."""
        await _answer(self.status, self.sentence, self.headers)(scope, receive, send)


def install(app: FastAPI) -> None:
    """Have an application answer its failures so."""
    app.exception_handler(RefusedError)(_of_problem)
    app.exception_handler(SoundgrepError)(_of_library)
    app.exception_handler(RequestValidationError)(_of_validation)
    app.exception_handler(HTTPException)(_of_framework)
    app.exception_handler(Exception)(_of_bug)


async def _of_problem(_request: Request, problem: RefusedError) -> JSONResponse:
    return _answer(problem.status, problem.sentence, problem.headers)


async def _of_library(_request: Request, error: SoundgrepError) -> JSONResponse:
    return _answer(next((status for kind, status in _STATUS if isinstance(error, kind)), 500), str(error))


async def _of_validation(_request: Request, error: RequestValidationError) -> JSONResponse:
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return _answer(422, "the body is not JSON")
    place = ".".join(str(part) for part in first["loc"][1:])
    message = " ".join(str(first["msg"]).split()).removeprefix("Value error, ")
    return _answer(422, f"{place}: {message}" if place else message)


async def _of_framework(_request: Request, error: HTTPException) -> JSONResponse:
    sentence = {
        400: "the body cannot be read as JSON",
        404: "there is nothing at this address",
        405: "this address does not take that method",
    }
    return _answer(error.status_code, sentence.get(error.status_code, str(error.detail)), dict(error.headers or {}))


async def _of_bug(request: Request, error: Exception) -> JSONResponse:
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _answer(500, "something went wrong here; the service's log says what")


def _answer(status: int, sentence: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": sentence}, status_code=status, headers=headers)
