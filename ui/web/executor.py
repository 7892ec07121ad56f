"""The desk: where requests wait for the engine, in threads, and not for ever."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import anyio

from ...model.askers import Asker, current_asker
from ...model.audio.indexed_clip import IndexedClip
from ...search.live import LiveCollections
from ...search.union import Collections
from .refusals import RefusedError
from .settings import Settings

Result = TypeVar("Result")

N_THREADS = 16
N_THREADS_OF_ONE = 12
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
        self._threads = ThreadPoolExecutor(N_THREADS, thread_name_prefix="soundgrep-ask")
        self._queues: dict[str, anyio.CapacityLimiter] = {}

    async def ask(self, question: Callable[[Collections], Result]) -> Result:
        """Answer a question.

        Its thread ends with it: whatever it still waits for when the time is up, or when the client has gone, is ended.

        Raises:
            RefusedError: If it takes too long.
            SoundgrepError: What the question raises.
        """
        limit_s = self.settings.time_limit_s
        try:
            with anyio.fail_after(limit_s):
                async with self._turn() as asker:
                    return await self._in_thread(lambda: self.live.ask(question), asker)
        except TimeoutError:
            raise RefusedError(504, f"there was no answer within {limit_s:g} s") from None

    async def _in_thread(self, work: Callable[[], Result], asker: Asker) -> Result:
        """Do something in one of the threads, of which there are never more, however many gave up waiting."""
        context = contextvars.copy_context()
        context.run(current_asker.set, asker)
        try:
            return await asyncio.wrap_future(self._threads.submit(context.run, work))
        except asyncio.CancelledError:
            asker.is_gone.set()
            raise

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[Asker]:
        """Wait until few enough others ask for the same client: no client takes all threads."""
        caller = current_asker.get()
        name = "" if caller is None else caller.name
        queue = self._queues.setdefault(name, anyio.CapacityLimiter(N_THREADS_OF_ONE))
        try:
            async with queue:
                yield Asker(name)
        finally:
            if not queue.borrowed_tokens and not queue.statistics().tasks_waiting:
                self._queues.pop(name, None)

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
