"""Collections that are served: opened, warmed up, and looked at now and then for what was written to them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable

import anyio.to_thread

from ...search.live import LiveCollections
from .settings import Settings

_log = logging.getLogger(__name__)


def open_collections(settings: Settings) -> LiveCollections:
    """Open the collections, and load their text tower before anybody waits for it.

    Raises:
        CollectionError: If a collection cannot be opened, or was made by another encoder than the first.
        CheckpointError: If their encoder is not on this machine any more.
    """
    live = LiveCollections(settings.collections)
    live.current.members[0].encoder.embed_text(["a sound"])
    return live


@contextlib.asynccontextmanager
async def watched(live: LiveCollections, *, every_s: float, changed: Callable[[], None]) -> AsyncIterator[None]:
    """Look at the collections every `every_s` seconds while an application runs, and call `changed` where one did."""

    async def watch() -> None:
        while True:
            await asyncio.sleep(every_s)
            try:
                if await anyio.to_thread.run_sync(live.refresh):
                    changed()
            except Exception:  # noqa: BLE001 - whatever it was, the next look may go better
                _log.exception("the collections could not be looked at")

    watching = asyncio.create_task(watch())
    yield
    watching.cancel()
