"""`soundgrep serve`: collections asked over HTTP."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Annotated

import typer

from ...model.extras import need_extra
from ..access import AllowHosts, NoToken, TokenFile, say_who_may, served_settings, shown_address
from ..listening import address_of, listening
from ..options import CollectionFolders, Host
from ..screen import shown_path, write_line

DEFAULT_PORT = 8765

HELP = """\
Answer searches over HTTP.

For programs, and for pages that search: /search, /clips/ID with its file and
previews, /health, /metrics for Prometheus, /openapi.json. Several collections
of one encoder are ranked together. Nothing can be changed, and only files of
these collections can be had. A collection that is indexed again meanwhile is
opened again by itself.

At 127.0.0.1 it answers programs of the user who runs it, and asks others for a
token; anywhere else it asks everybody. The token is the first line of
--token-file, or is made anew and printed with the address. Programs send it as
"Authorization: Bearer TOKEN"; a browser shows it once, as ?token=TOKEN."""

EXAMPLES = """\
Examples:
  soundgrep serve sounds.soundgrep
  soundgrep serve field.soundgrep studio.soundgrep --port 9000 --workers 4
  soundgrep serve sounds.soundgrep --host 0.0.0.0 --token-file token.txt

  curl "http://127.0.0.1:8765/search?q=dog+barking&k=3"
  curl --data-binary @bark.wav http://127.0.0.1:8765/search/audio"""


def serve(
    collections: CollectionFolders,
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="Port; 0 takes a free one.")] = DEFAULT_PORT,
    workers: Annotated[
        int, typer.Option(metavar="N", min=1, help="Processes that answer, sharing the collections in memory.")
    ] = 1,
    max_k: Annotated[int, typer.Option(metavar="N", min=1, help="Most hits of a search.")] = 1_000,
    max_body_mb: Annotated[int, typer.Option(metavar="MB", min=1, help="Largest sound to search by.")] = 32,
    time_limit_s: Annotated[float, typer.Option(metavar="SECONDS", min=0.1, help="Longest that an answer takes.")] = 30,
    token_file: TokenFile = None,
    no_token: NoToken = False,
    allow_host: AllowHosts = None,
) -> None:
    """Serve until it is stopped."""
    need_extra("serve", wanted_by="soundgrep serve")
    from ..service.server import serve_alone, serve_together

    settings = replace(
        served_settings(
            collections,
            host=host,
            token_file=token_file,
            no_token=no_token,
            allow_hosts=allow_host,
            writes=False,
        ),
        max_k=max_k,
        max_body_bytes=max_body_mb << 20,
        time_limit_s=time_limit_s,
    )
    with listening(host, port) as listener:
        say_who_may(settings, writes=False)
        address = shown_address(settings, address_of(host, listener), token_file=token_file)
        announcement = f"serving {', '.join(shown_path(folder) for folder in collections)} at {address} (Ctrl-C stops)"
        if workers == 1:
            serve_alone(settings, listener, ready=lambda: _announce(announcement))
        else:
            serve_together(settings, listener, n_workers=workers, ready=lambda: _announce(announcement))


def _announce(announcement: str) -> None:
    write_line(announcement)
    sys.stdout.flush()
