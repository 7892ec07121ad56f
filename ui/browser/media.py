"""Media: the addresses of the page that are not Streamlit's: a clip's sound, its picture, and our own scripts."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ...model.errors import SoundgrepError
from ..web.executor import Desk
from ..web.refusals import RefusedError, refusal, refusal_of
from ..web.sounds import file_answer, preview_answer
from .assets import ASSETS, asset_version

PREFIX = "/soundgrep"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}


def media_routes(desk: Desk) -> list[Route]:
    """The addresses, over a desk. All are read-only, and only clips of its collections can be had."""

    async def audio(request: Request) -> Response:
        return await file_answer(await desk.clip_of(request.path_params["clip_id"]), request)

    async def preview(request: Request) -> Response:
        start_s, end_s = _seconds(request, "start_s"), _seconds(request, "end_s")
        return await preview_answer(desk, request.path_params["clip_id"], start_s=start_s or 0.0, end_s=end_s)

    async def picture(request: Request) -> Response:
        from .pictures import picture_answer

        start_s, end_s = _seconds(request, "start_s"), _seconds(request, "end_s")
        return await picture_answer(desk, request.path_params["clip_id"], start_s=start_s or 0.0, end_s=end_s)

    async def asset(request: Request) -> Response:
        content, media_type = _asset(request.path_params["name"])
        fresh = request.path_params["version"] == asset_version()
        return Response(content, media_type=media_type, headers=_FOR_EVER if fresh else {"Cache-Control": "no-store"})

    async def points(request: Request) -> Response:
        from .points import points_answer

        return await points_answer(desk, request)

    clip = PREFIX + "/clips/{clip_id}"
    return [
        Route(f"{clip}/audio", _answering(audio), methods=["GET", "HEAD"]),
        Route(f"{clip}/preview", _answering(preview)),
        Route(f"{clip}/picture", _answering(picture)),
        Route(PREFIX + "/maps/{place}", _answering(points)),
        Route(PREFIX + "/assets/{version}/{name}", _answering(asset)),
    ]


def _answering(answer: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Have an answer say its failures in one sentence."""

    async def answered(request: Request) -> Response:
        try:
            return await answer(request)
        except RefusedError as problem:
            return refusal(problem.status, problem.sentence, problem.headers)
        except SoundgrepError as error:
            return refusal_of(error)

    return answered


def _seconds(request: Request, name: str) -> float | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise RefusedError(422, f"{name}: {text[:40]!r} is not a number of seconds")
    return seconds


@cache
def _asset(name: str) -> tuple[bytes, str]:
    known = {path.name: path for path in ASSETS.iterdir() if path.suffix in _TYPES}
    path: Path | None = known.get(name)
    if path is None:
        raise RefusedError(404, "there is nothing at this address")
    return path.read_bytes(), _TYPES[path.suffix]
