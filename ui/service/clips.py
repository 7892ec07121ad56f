"""The addresses of one clip: what is known of it, its file, and a stretch of it to listen to."""

from __future__ import annotations

import datetime
import hashlib
import math
import mimetypes
import os
import urllib.parse
from typing import Annotated, BinaryIO

import anyio.to_thread
from fastapi import APIRouter, Request
from fastapi import Query as Parameters
from fastapi.responses import Response, StreamingResponse

from ...model.clip_files import clip_state, open_clip
from ...model.paths import readable_path
from ...search.union import Collections
from .desk import Desk, no_such_clip
from .problems import RefusedError
from .ranges import UnsatisfiableError, blocks, parse_range

PREVIEW_RATE_HZ = 44_100


def clip_routes(desk: Desk) -> APIRouter:
    """The addresses, over a desk."""
    routes = APIRouter(prefix="/clips/{clip_id}", tags=["clips"])

    @routes.get("", summary="What is known of a clip")
    async def clip(clip_id: str) -> dict[str, object]:
        await desk.path_of(clip_id)  # or there is none

        def look_up(collections: Collections) -> dict[str, object]:
            home = collections.home(int(clip_id))
            if home is None:
                raise no_such_clip(clip_id)
            rows = home.sql("SELECT * FROM clips WHERE clip_id = $id", values={"id": int(clip_id)}).to_pylist()
            known: dict[str, object] = {name: _plain(value) for name, value in rows[0].items() if name != "path_bytes"}
            return known | {"clip_id": clip_id, "collection": home.path.name, "audio": f"/clips/{clip_id}/audio"}

        return await desk.ask(look_up)

    @routes.api_route("/audio", methods=["GET", "HEAD"], summary="The clip's own file, whole or in part")
    async def audio(clip_id: str, request: Request) -> Response:
        path = await desk.path_of(clip_id)
        file, size, etag = await _opened(path)
        headers = {
            "Accept-Ranges": "bytes",
            "ETag": etag,
            "Content-Disposition": f"inline; filename*=UTF-8''{_file_name(path)}",
            "X-Content-Type-Options": "nosniff",
        }
        if request.headers.get("if-none-match") == etag:
            file.close()
            return Response(status_code=304, headers=headers)
        wanted = request.headers.get("range")
        if request.headers.get("if-range", etag) != etag:
            wanted = None  # the part would be one of another file
        try:
            part = parse_range(wanted, size=size)
        except UnsatisfiableError:
            file.close()
            sentence = f"the range {wanted} is beyond the {size:,} bytes of the file"
            raise RefusedError(416, sentence, headers={"Content-Range": f"bytes */{size}"}) from None
        whole = range(size)
        headers["Content-Length"] = str(len(whole if part is None else part))
        if part is not None:
            headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
        status, media_type = (200 if part is None else 206), _media_type(path)
        if request.method == "HEAD":
            file.close()
            return Response(status_code=status, headers=headers, media_type=media_type)
        return StreamingResponse(
            blocks(file, whole if part is None else part), status_code=status, headers=headers, media_type=media_type
        )

    @routes.get("/preview", summary="A stretch of the clip as a mono wav file", response_class=Response)
    async def preview(
        clip_id: str,
        start_s: Annotated[float, Parameters(ge=0, allow_inf_nan=False)] = 0.0,
        end_s: Annotated[float | None, Parameters(gt=0, allow_inf_nan=False)] = None,
    ) -> Response:
        from ...model.excerpt import decode_excerpt, wav_bytes

        path = await desk.path_of(clip_id)
        most_s = desk.settings.max_sound_s
        end = start_s + min(10.0, most_s) if end_s is None else end_s
        if not start_s < end <= start_s + most_s:
            raise RefusedError(422, f"end_s: must be above start_s, and by at most {most_s:g} s")

        def excerpt(_collections: Collections) -> bytes:
            waveform = decode_excerpt(path, start_s=start_s, end_s=end, sampling_rate_hz=PREVIEW_RATE_HZ)
            return wav_bytes(waveform, sampling_rate_hz=PREVIEW_RATE_HZ)

        return Response(await desk.ask(excerpt), media_type="audio/wav")

    return routes


async def _opened(path: bytes) -> tuple[BinaryIO, int, str]:
    """Open a clip's file, and tell its size and what to know it by."""

    def work() -> tuple[BinaryIO, int, str]:
        state = clip_state(path)
        file = open_clip(path)
        size = file.seek(0, os.SEEK_END)
        name = hashlib.blake2b(f"{state.mtime_ns} {state.size_bytes} {size}".encode() + path, digest_size=8)
        return file, size, f'"{name.hexdigest()}"'

    try:
        return await anyio.to_thread.run_sync(work)
    except OSError as error:
        reason = (error.strerror or "it cannot be read").lower()
        raise RefusedError(404, f"{readable_path(path)}: the clip's file is not to be had ({reason})") from None


def _file_name(path: bytes) -> str:
    return urllib.parse.quote(path.rpartition(b"/")[2], safe="")


def _media_type(path: bytes) -> str:
    guessed = mimetypes.guess_type(readable_path(path))[0] or ""
    # Whatever a file is called, a browser is never told that it is a page.
    return guessed if guessed.startswith(("audio/", "video/")) else "application/octet-stream"


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
