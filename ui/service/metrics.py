"""Metrics: what Prometheus is told, of one process or of all workers together."""

from __future__ import annotations

import os
import time

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...search.union import Collections

CONTENT_TYPE = CONTENT_TYPE_LATEST
FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class Metrics:
    """Counts requests and the time they take, by route: never by path, of which there are as many as clips."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "soundgrep_requests", "Requests answered.", ["route", "method", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "soundgrep_request_seconds", "Time to the first byte.", ["route"], buckets=_BUCKETS, registry=self._registry
        )
        self._refreshes = Counter(
            "soundgrep_refreshes", "Times that collections were opened again.", registry=self._registry
        )
        self._clips = self._gauge("soundgrep_clips", "Clips of a collection.", ["collection"])
        self._segments = self._gauge("soundgrep_segments", "Segments of a collection.", ["collection"])

    def describe(self, collections: Collections, *, again: bool) -> None:
        """Note what is open."""
        if again:
            self._refreshes.inc()
        for member in collections.members:
            self._clips.labels(member.path.name).set(member.n_clips)
            self._segments.labels(member.path.name).set(member.n_segments)

    def observe(self, *, route: str, method: str, status: int, took_s: float) -> None:
        """Note an answer."""
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(took_s)

    def text(self) -> bytes:
        """Everything in Prometheus' own format."""
        if not os.environ.get(FOLDER_VARIABLE):
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # its module is not typed
        return generate_latest(registry)

    def _gauge(self, name: str, documentation: str, labels: list[str]) -> Gauge:
        return Gauge(name, documentation, labels, multiprocess_mode="mostrecent", registry=self._registry)


class Observed:
    """Measures an application from the outside, its refusals too."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, noted = time.perf_counter(), False

        async def measured(message: Message) -> None:
            nonlocal noted
            if message["type"] == "http.response.start" and not noted:
                noted = True
                route = getattr(scope.get("route"), "path", "none")
                method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST") else "other"
                self._metrics.observe(
                    route=route, method=method, status=message["status"], took_s=time.perf_counter() - started
                )
            await send(message)

        await self._app(scope, receive, measured)
