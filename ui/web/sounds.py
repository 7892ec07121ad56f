"""Sounds over HTTP: a clip's own file, whole or in part, and a stretch of it as wav."""

from __future__ import annotations

import mimetypes
import urllib.parse
from typing import BinaryIO

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ...model.audio.clip_files import open_clip
from ...model.audio.indexed_clip import IndexedClip
from ...model.paths import readable_path
from ...search.union import Collections
from .executor import Desk
from .ranges import UnsatisfiableError, blocks, parse_range
from .refusals import RefusedError

PREVIEW_RATE_HZ = 44_100


async def file_answer(clip: IndexedClip, request: Request) -> Response:
    """Answer with a clip's own file, or the range of it that was asked for.

    Args:
        clip: The clip, as `Desk.clip_of` gives it.
        request: What was asked.

    Raises:
        RefusedError: If the file is not to be had or not what was indexed, or the range lies beyond its end.
    """
    file, etag, path = await _opened(clip), f'"{clip.content_hash}"', clip.path
    size = clip.size_bytes
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


async def preview_answer(desk: Desk, clip_id: str, *, start_s: float, end_s: float | None) -> Response:
    """Answer with a stretch of a clip as a mono wav file.

    Args:
        desk: Who is asked.
        clip_id: The clip.
        start_s: Where the stretch starts, from 0.
        end_s: Where it ends; None for 10 s after its start.

    Raises:
        RefusedError: If there is no such clip, or the stretch is empty or too long.
        AudioError: If the clip cannot be decoded, or ends before the stretch starts.
    """
    from ...model.audio.excerpt import decode_excerpt, wav_bytes

    clip = await desk.clip_of(clip_id)
    most_s = desk.settings.max_sound_s
    end = start_s + min(10.0, most_s) if end_s is None else end_s
    if not start_s < end <= start_s + most_s:
        raise RefusedError(422, f"end_s: must be above start_s, and by at most {most_s:g} s")

    def excerpt(_collections: Collections) -> bytes:
        waveform = decode_excerpt(
            clip,
            start_s=start_s,
            end_s=end,
            sampling_rate_hz=PREVIEW_RATE_HZ,
            limit_s=desk.settings.decoding_limit_s,
        )
        return wav_bytes(waveform, sampling_rate_hz=PREVIEW_RATE_HZ)

    return Response(await desk.ask(excerpt), media_type="audio/wav")


async def _opened(clip: IndexedClip) -> BinaryIO:
    try:
        return await anyio.to_thread.run_sync(open_clip, clip)
    except OSError as error:
        reason = (error.strerror or "it cannot be read").lower()
        raise RefusedError(404, f"{readable_path(clip)}: the clip's file is not to be had ({reason})") from None


def _file_name(path: bytes) -> str:
    return urllib.parse.quote(path.rpartition(b"/")[2], safe="")


def _media_type(path: bytes) -> str:
    guessed = mimetypes.guess_type(readable_path(path))[0] or ""
    # Whatever a file is called, a browser is never told that it is a page.
    return guessed if guessed.startswith(("audio/", "video/")) else "application/octet-stream"
