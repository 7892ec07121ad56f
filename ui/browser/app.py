"""The application: Streamlit's pages and our own addresses, on one port."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..web.attended import attend
from ..web.collections import watched
from ..web.executor import Desk
from ..web.guard import Guard
from . import resources
from .downloads import download_routes
from .media import PREFIX, media_routes

_SCRIPT = Path(__file__).with_name("script.py")

# Streamlit's scripts make styles, workers and components as they go, and its charts compile expressions.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; "
    "connect-src 'self' data: blob:; frame-ancestors 'self'"
)


def create_app(desk: Desk) -> st.App:
    """Make the application over a desk, whose collections are looked at now and then for what was written to them."""
    resources.install(desk)

    @contextlib.asynccontextmanager
    async def lifespan(_app: st.App) -> AsyncIterator[dict[str, Any]]:
        async with watched(desk.live, every_s=desk.settings.check_s, changed=lambda: None):
            yield {}

    return st.App(
        _SCRIPT,
        lifespan=lifespan,
        routes=[*media_routes(desk), *download_routes()],
        middleware=[Middleware(Guard, settings=desk.settings), Middleware(Confined)],
    )


class Confined:
    """Tells browsers what the page may reach: its own address alone; and ends our own answers when a client goes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""

        async def confined(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Referrer-Policy"] = "same-origin"
                if headers.get("content-type", "").startswith("text/html"):
                    headers["Content-Security-Policy"] = _POLICY
            await send(message)

        if scope["type"] == "http" and scope["method"] == "GET" and scope["path"].startswith(f"{PREFIX}/"):
            await attend(self._app, scope, receive, confined, body=b"")
        else:
            await self._app(scope, receive, confined)
