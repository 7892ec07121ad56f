"""Downloads: what visitors were offered to take away, at addresses that nobody can guess, made when it is asked."""

from __future__ import annotations

import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from threading import Lock

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ...model.errors import SoundgrepError
from ..web.refusals import refusal, refusal_of

PREFIX = "/soundgrep/take"
N_OFFERS = 512


@dataclass(frozen=True)
class Offer:
    """Something to take away.

    Attributes:
        name: The file's name: ASCII letters, digits, dots, dashes.
        media_type: What it is.
        make: Gives it, piece by piece; called anew for each download.
    """

    name: str
    media_type: str
    make: Callable[[], Iterable[bytes]]


class _Offers:
    def __init__(self) -> None:
        self.kept: OrderedDict[str, Offer] = OrderedDict()
        self.lock = Lock()


_offers = _Offers()


def offer(name: str, media_type: str, make: Callable[[], Iterable[bytes]]) -> str:
    """Offer something, and give its address; the oldest offers are forgotten."""
    token = secrets.token_urlsafe(18)
    with _offers.lock:
        _offers.kept[token] = Offer(name, media_type, make)
        while len(_offers.kept) > N_OFFERS:
            _offers.kept.popitem(last=False)
    return f"{PREFIX}/{token}/{name}"


def file_name(text: str, suffix: str) -> str:
    """Make a file's name of a text."""
    words = re.findall(r"[a-z0-9]+", text.lower(), re.ASCII)
    return f"{'-'.join(words)[:60].strip('-') or 'hits'}{suffix}"


def download_routes() -> list[Route]:
    """Yield the address of what was offered."""

    async def download(request: Request) -> Response:
        token, name = request.path_params["token"], request.path_params["name"]
        with _offers.lock:
            offered = _offers.kept.get(token)
        if offered is None or offered.name != name:
            return refusal(404, "this is not offered any more: ask for it again on the page")
        try:
            pieces = iter(offered.make())
            # The first piece is made before anything is answered, so that a failure can be told.
            first = await anyio.to_thread.run_sync(lambda: next(pieces, b""))
        except SoundgrepError as error:
            return refusal_of(error)

        def all_of_it() -> Iterator[bytes]:
            yield first
            yield from pieces

        return StreamingResponse(
            all_of_it(),
            media_type=offered.media_type,
            headers={
                "Content-Disposition": f'attachment; filename="{offered.name}"',
                "Cache-Control": "no-store",
                "X-Content-Type-Options": "nosniff",
            },
        )

    return [Route(PREFIX + "/{token}/{name}", download)]
