"""The addresses of one clip: what is known of it, its file, and a stretch of it to listen to."""

from __future__ import annotations

import datetime
import math
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi import Query as Parameters
from fastapi.responses import Response

from ...search.union import Collections
from ..web.executor import Desk, no_such_clip
from ..web.sounds import file_answer, preview_answer


def clip_routes(desk: Desk) -> APIRouter:
    """The addresses, over a desk."""
    routes = APIRouter(prefix="/clips/{clip_id}", tags=["clips"])

    @routes.get("", summary="What is known of a clip")
    async def clip(clip_id: str) -> dict[str, object]:
        await desk.clip_of(clip_id)  # or there is none

        def look_up(collections: Collections) -> dict[str, object]:
            home = collections.home(int(clip_id))
            if home is None:
                raise no_such_clip(clip_id)
            rows = home.sql("SELECT * FROM clips WHERE clip_id = $id", values={"id": int(clip_id)}).to_pylist()
            known: dict[str, object] = {name: _plain(value) for name, value in rows[0].items() if name != "path_bytes"}
            return known | {"clip_id": clip_id, "collection": home.path.name, "audio": f"/clips/{clip_id}/audio"}

        return await desk.ask(look_up)

    @routes.head("/audio", include_in_schema=False)
    @routes.get("/audio", summary="The clip's own file, whole or in part", response_class=Response)
    async def audio(clip_id: str, request: Request) -> Response:
        return await file_answer(await desk.clip_of(clip_id), request)

    @routes.get("/preview", summary="A stretch of the clip as a mono wav file", response_class=Response)
    async def preview(
        clip_id: str,
        start_s: Annotated[float, Parameters(ge=0, allow_inf_nan=False)] = 0.0,
        end_s: Annotated[float | None, Parameters(gt=0, allow_inf_nan=False)] = None,
    ) -> Response:
        return await preview_answer(desk, clip_id, start_s=start_s, end_s=end_s)

    return routes


def _plain(value: object) -> object:
    """A value of a table as JSON can hold it."""
    match value:
        case datetime.datetime() | datetime.date():
            return value.isoformat()
        case bytes():
            return value.decode("utf-8", "backslashreplace")
        case float():
            return value if math.isfinite(value) else None
        case list():
            return [_plain(item) for item in value]
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case bool() | int() | str() | None:
            return value
        case _:
            return str(value)
