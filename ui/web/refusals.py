"""Refusals: what is answered where there is no answer, as one sentence in JSON."""

from __future__ import annotations

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from ...model.errors import AudioError, CollectionError, QueryError, SoundgrepError

_STATUS: tuple[tuple[type[SoundgrepError], int], ...] = ((QueryError, 422), (AudioError, 422), (CollectionError, 503))


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
        await refusal(self.status, self.sentence, self.headers)(scope, receive, send)


def refusal(status: int, sentence: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Answer with a sentence as every failure is said."""
    return JSONResponse({"error": sentence}, status_code=status, headers=headers)


def refusal_of(error: SoundgrepError) -> JSONResponse:
    """Answer with an error of the library, with the status that fits it."""
    return refusal(next((status for kind, status in _STATUS if isinstance(error, kind)), 500), str(error))
