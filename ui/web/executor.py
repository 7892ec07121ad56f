"""The desk: where requests wait for the engine, in threads, and not for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread

from ...model.audio.indexed_clip import IndexedClip
from ...search.live import LiveCollections
from ...search.union import Collections
from .refusals import RefusedError
from .settings import Settings

Result = TypeVar("Result")

N_THREADS = 16
_LARGEST_ID = (1 << 63) - 1


class Desk:
    """Hands questions to the collections as they stand now.

    Args:
        live: The collections.
        settings: What a request may take.

    Attributes:
        live: The collections.
        settings: What a request may take.
    """

    def __init__(self, live: LiveCollections, settings: Settings) -> None:
        self.live = live
        self.settings = settings
        self._limiter = anyio.CapacityLimiter(N_THREADS)

    async def ask(self, question: Callable[[Collections], Result]) -> Result:
        """Answer a question.

        Raises:
            RefusedError: If it takes too long.
            SoundgrepError: What the question raises.
        """
        limit_s = self.settings.time_limit_s
        try:
            with anyio.fail_after(limit_s):
                return await anyio.to_thread.run_sync(
                    lambda: self.live.ask(question), abandon_on_cancel=True, limiter=self._limiter
                )
        except TimeoutError:
            raise RefusedError(504, f"there was no answer within {limit_s:g} s") from None

    async def clip_of(self, clip_id: str) -> IndexedClip:
        """Return a clip's file, as it was indexed.

        Raises:
            RefusedError: If there is no such clip.
        """

        def look_up(collections: Collections) -> IndexedClip | None:
            home = collections.home(_number(clip_id))
            return None if home is None else home.clip_file(_number(clip_id))

        clip = await self.ask(look_up)
        if clip is None:
            raise no_such_clip(clip_id)
        return clip


def no_such_clip(clip_id: str) -> RefusedError:
    """What is answered to an id of no clip."""
    return RefusedError(404, f"there is no clip {clip_id[:40]!r}")


def _number(clip_id: str) -> int:
    number = int(clip_id) if clip_id.isascii() and clip_id.isdecimal() and len(clip_id) < 20 else -1
    if not 0 <= number <= _LARGEST_ID:
        raise no_such_clip(clip_id)
    return number
