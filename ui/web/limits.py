"""Limits: what a request may ask of the service before any of our code sees it."""

from __future__ import annotations

import anyio
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from .attended import attend
from .refusals import RefusedError
from .settings import Settings

SOUND_PATH = "/search/audio"


class Limits:
    """Turns away requests whose bodies are too long or too slow.

    Bodies are read whole before the application is called, so that none of it works on half a request, and none of it
    goes on when the client has gone.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            body = await self._body(scope, receive)
        except RefusedError as problem:
            await problem.send(scope, receive, send)
            return
        await attend(self._app, scope, receive, send, body=body)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        settings = self._settings
        most = settings.max_body_bytes if scope["path"] == SOUND_PATH else settings.max_json_bytes
        too_long = RefusedError(413, f"the body is longer than {most:,} bytes", headers={"Connection": "close"})
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdecimal() and int(announced) > most:
            raise too_long
        body = bytearray()
        try:
            with anyio.fail_after(settings.time_limit_s):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise RefusedError(400, "the request broke off")
                    body += message.get("body", b"")
                    if len(body) > most:
                        raise too_long
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            raise RefusedError(
                408, f"the body did not arrive within {settings.time_limit_s:g} s", headers={"Connection": "close"}
            ) from None
