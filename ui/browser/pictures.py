"""Pictures: a clip's waveform and mel spectrogram, as the page's scripts read them."""

from __future__ import annotations

from starlette.responses import Response

from ...search.union import Collections
from ..service.desk import Desk
from ..service.refusals import RefusedError

MAX_PICTURE_S = 120.0


async def picture_answer(desk: Desk, clip_id: str, *, start_s: float, end_s: float | None) -> Response:
    """Answer with the picture of a stretch of a clip.

    Raises:
        RefusedError: If there is no such clip, or the stretch is empty or too long.
        AudioError: If the clip cannot be decoded, or ends before the stretch starts.
    """
    from ...model.picture import draw_picture

    path = await desk.path_of(clip_id)
    end = start_s + MAX_PICTURE_S if end_s is None else end_s
    if not start_s < end <= start_s + MAX_PICTURE_S:
        raise RefusedError(422, f"end_s: must be above start_s, and by at most {MAX_PICTURE_S:g} s")

    def drawn(_collections: Collections) -> bytes:
        return draw_picture(path, start_s=start_s, end_s=end).to_bytes()

    content = await desk.ask(drawn)
    headers = {"Cache-Control": "private, max-age=600"}
    return Response(content, media_type="application/octet-stream", headers=headers)
