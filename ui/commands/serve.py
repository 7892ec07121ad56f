"""`soundgrep serve`: collections asked over HTTP."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from ...model.extras import need_extra
from ...model.paths import user_path
from ..listening import address_of, listening
from ..screen import say, shown_path, write_line

DEFAULT_PORT = 8765

HELP = """\
Answer searches over HTTP.

For programs, and for pages that search: /search, /clips/ID with its file and
previews, /health, /metrics for Prometheus, /openapi.json. Several collections
of one encoder are ranked together. Nothing can be changed, and only files of
these collections can be had. A collection that is indexed again meanwhile is
opened again by itself.

There is no password: whoever reaches the port can search and listen, which on
127.0.0.1 means the users of this machine."""

EXAMPLES = """\
Examples:
  soundgrep serve sounds.soundgrep
  soundgrep serve field.soundgrep studio.soundgrep --port 9000 --workers 4

  curl "http://127.0.0.1:8765/search?q=dog+barking&k=3"
  curl --data-binary @bark.wav http://127.0.0.1:8765/search/audio"""


def serve(
    collections: Annotated[
        list[Path], typer.Argument(metavar="COLLECTION", help="Folders that soundgrep index wrote.", show_default=False)
    ],
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="Port; 0 takes a free one.")] = DEFAULT_PORT,
    workers: Annotated[
        int, typer.Option(metavar="N", min=1, help="Processes that answer, sharing the collections in memory.")
    ] = 1,
    max_k: Annotated[int, typer.Option(metavar="N", min=1, help="Most hits of a search.")] = 1_000,
    max_body_mb: Annotated[int, typer.Option(metavar="MB", min=1, help="Largest sound to search by.")] = 32,
    time_limit_s: Annotated[float, typer.Option(metavar="SECONDS", min=0.1, help="Longest that an answer takes.")] = 30,
) -> None:
    """Serves until it is stopped."""
    need_extra("serve", wanted_by="soundgrep serve")
    from ..service.server import serve_alone, serve_together
    from ..web.settings import LOOPBACK_HOSTS, Settings

    settings = Settings(
        collections=tuple(os.path.abspath(user_path(folder)) for folder in collections),  # noqa: PTH100 - keeps links
        host=host,
        max_k=max_k,
        max_body_bytes=max_body_mb << 20,
        time_limit_s=time_limit_s,
    )
    if host not in LOOPBACK_HOSTS:
        say(f"note: whoever reaches {host} can search these collections and listen to them")
    with listening(host, port) as listener:
        address = address_of(host, listener)
        announcement = f"serving {', '.join(shown_path(folder) for folder in collections)} at {address} (Ctrl-C stops)"
        if workers == 1:
            serve_alone(settings, listener, ready=lambda: _announce(announcement))
        else:
            serve_together(settings, listener, n_workers=workers, ready=lambda: _announce(announcement))


def _announce(announcement: str) -> None:
    write_line(announcement)
    sys.stdout.flush()
