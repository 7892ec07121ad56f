"""The application: one engine behind a few read-only addresses."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import AsyncIterator

import anyio.to_thread
from fastapi import FastAPI
from fastapi.responses import Response

from ...model.errors import SoundgrepWarning
from ..web.collections import open_collections, watched
from ..web.executor import Desk
from ..web.guard import Guard
from ..web.limits import Limits
from ..web.settings import Settings
from .clips import clip_routes
from .metrics import CONTENT_TYPE, Metrics, Observed
from .problems import REFUSALS, install
from .searching import search_routes

DESCRIPTION = "Find sounds by describing them. Read-only; failures are {'error': 'one sentence'}."


def create_app(settings: Settings) -> FastAPI:
    """Make the application, its collections open and its encoder loaded.

    Raises:
        CollectionError: If a collection cannot be opened, or was made by another encoder than the first.
        CheckpointError: If their encoder is not on this machine any more.
    """
    live = open_collections(settings)
    metrics = Metrics()
    metrics.describe(live.current, again=False)
    desk = Desk(live, settings)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with watched(live, every_s=settings.check_s, changed=lambda: metrics.describe(live.current, again=True)):
            yield

    # The pages with a form for each address would be fetched from somebody else's server: only the description is here.
    app = FastAPI(
        title="soundgrep",
        description=DESCRIPTION,
        version=_version(),
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        responses=REFUSALS,
    )
    install(app)
    app.include_router(search_routes(desk))
    app.include_router(clip_routes(desk))
    _status_routes(app, desk, metrics)
    app.add_middleware(Limits, settings=settings)
    app.add_middleware(Guard, settings=settings)
    app.add_middleware(Observed, metrics=metrics)
    return app


def from_environment() -> FastAPI:
    """Make the application of a worker process, whose parent has handed the settings on."""
    warnings.simplefilter("ignore", SoundgrepWarning)  # what somebody asked is not for the log
    return create_app(Settings.handed_on())


def _status_routes(app: FastAPI, desk: Desk, metrics: Metrics) -> None:
    @app.get("/", summary="What is here")
    async def root() -> dict[str, str]:
        return {"soundgrep": app.version, "openapi": "/openapi.json", "health": "/health", "metrics": "/metrics"}

    @app.get("/health", summary="Whether it works, and what is open")
    async def health() -> dict[str, object]:
        opened = desk.live.current
        problem = desk.live.problem
        return {
            "status": "ok" if problem is None else "stale",
            "problem": problem,
            "collections": [
                {
                    "name": member.path.name,
                    "n_clips": member.n_clips,
                    "n_segments": member.n_segments,
                    "encoder": member.manifest.encoding.encoder.id,
                    "encoders": member.encoders,
                    "embedding_dim": member.manifest.encoding.embedding_dim,
                    "updated_at": member.manifest.updated_at,
                }
                for member in opened.members
            ],
        }

    @app.get("/metrics", summary="Figures for Prometheus", response_class=Response)
    async def figures() -> Response:
        text = await anyio.to_thread.run_sync(metrics.text)
        return Response(text, headers={"Content-Type": CONTENT_TYPE})


def _version() -> str:
    from importlib.metadata import version

    return version("soundgrep")
