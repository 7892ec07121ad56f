"""Attended requests: what is done for a client ends when it has gone."""

from __future__ import annotations

import asyncio

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send


async def attend(app: ASGIApp, scope: Scope, receive: Receive, send: Send, *, body: bytes) -> None:
    """Have an application answer a request, and cancel that when the client goes.

    Args:
        app: The application.
        scope: The request.
        receive: What tells of the client; what still comes of its body is dropped.
        send: Where the answer goes.
        body: The request's body.
    """
    gone = anyio.Event()
    messages = [{"type": "http.request", "body": body, "more_body": False}]
    is_answered = False

    async def replay() -> Message:
        if messages:
            return messages.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def noting(message: Message) -> None:
        nonlocal is_answered
        is_answered = message["type"] == "http.response.body" and not message.get("more_body", False)
        await send(message)

    with anyio.CancelScope() as work:

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            gone.set()
            if not is_answered:
                work.cancel()

        watching = asyncio.create_task(watch())
        try:
            await app(scope, replay, noting)
        finally:
            watching.cancel()
