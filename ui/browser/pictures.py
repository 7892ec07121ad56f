"""Pictures: a clip's waveform and mel spectrogram, as the page's scripts read them."""

from __future__ import annotations

from functools import lru_cache

from starlette.responses import Response

from ...model.audio.clip_files import checked_clip
from ...model.audio.indexed_clip import IndexedClip
from ...search.union import Collections
from ..web.executor import Desk
from ..web.refusals import RefusedError

MAX_PICTURE_S = 120.0
N_KEPT = 512
"""Pictures remembered, of 25 kB each at most, as long as their files stay as they are."""


async def picture_answer(desk: Desk, clip_id: str, *, start_s: float, end_s: float | None) -> Response:
    """Answer with the picture of a stretch of a clip.

    Raises:
        RefusedError: If there is no such clip, or the stretch is empty or too long.
        AudioError: If the clip cannot be decoded, or ends before the stretch starts.
    """
    clip = await desk.clip_of(clip_id)
    end = start_s + MAX_PICTURE_S if end_s is None else end_s
    if not start_s < end <= start_s + MAX_PICTURE_S:
        raise RefusedError(422, f"end_s: must be above start_s, and by at most {MAX_PICTURE_S:g} s")

    def drawn(_collections: Collections) -> bytes:
        return _drawn(checked_clip(clip), start_s, end, desk.settings.decoding_limit_s)

    content = await desk.ask(drawn)
    headers = {"Cache-Control": "private, max-age=600"}
    return Response(content, media_type="application/octet-stream", headers=headers)


@lru_cache(maxsize=N_KEPT)
def _drawn(clip: IndexedClip, start_s: float, end_s: float, limit_s: float) -> bytes:
    from ...model.audio.picture import draw_picture

    return draw_picture(clip, start_s=start_s, end_s=end_s, limit_s=limit_s).to_bytes()
