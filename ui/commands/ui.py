"""`soundgrep ui`: collections on a page in the browser."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...model.errors import UsageError
from ...model.paths import user_path
from ..listening import address_of, listening
from ..screen import say, shown_path, write_line

if TYPE_CHECKING:
    from ..web.settings import Settings

DEFAULT_PORT = 8501
ENDING = ".soundgrep"
N_TRIED = 50

HELP = """\
Open collections on a page in the browser.

Type, hear, narrow down, keep. Several collections of one encoder are ranked
together; one that is indexed again meanwhile is opened again by itself. The
page is for this machine alone unless --host says otherwise, and asks nothing
of any other. A name.soundgrep that is not there yet is started empty, for the
page to index a folder into."""

EXAMPLES = """\
Examples:
  soundgrep ui sounds.soundgrep
  soundgrep ui field.soundgrep studio.soundgrep --no-open --port 9000
  soundgrep ui new.soundgrep"""


def ui(
    collections: Annotated[
        list[Path], typer.Argument(metavar="COLLECTION", help="Folders that soundgrep index wrote.", show_default=False)
    ],
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            max=65535,
            help=f"Port, {DEFAULT_PORT} or the next free one by default; 0 takes any.",
            show_default=False,
        ),
    ] = None,
    no_open: Annotated[bool, typer.Option("--no-open", help="Only say where the page is.")] = False,
) -> None:
    """Serves the page until it is stopped."""
    from ..browser.server import serve_page
    from ..web.settings import LOOPBACK_HOSTS, Settings

    settings = Settings(
        collections=tuple(os.path.abspath(user_path(folder)) for folder in collections),  # noqa: PTH100 - keeps links
        host=host,
    )
    with _free(host, port) as listener:
        address = address_of(host, listener)
        if host not in LOOPBACK_HOSTS:
            say(f"note: whoever reaches {host} can search these collections and listen to them")

        def ready() -> None:
            write_line(f"{', '.join(shown_path(folder) for folder in collections)} at {address} (Ctrl-C stops)")
            sys.stdout.flush()
            if not no_open:
                import webbrowser

                webbrowser.open(address)

        with _started(settings):
            serve_page(settings, listener, ready=ready)


def _started(settings: Settings) -> contextlib.AbstractContextManager[None]:
    """Start the one collection that was asked for and is not there yet, where the page may index into it."""
    from ..web.settings import LOOPBACK_HOSTS

    folder, *more = settings.collections
    if more or settings.host not in LOOPBACK_HOSTS or not folder.endswith(ENDING) or os.path.lexists(folder):
        return contextlib.nullcontext()
    from ...indexer.maintenance.starting import started_collection

    say(f"note: {shown_path(folder)} is new; the page Index listens to a folder for it")
    return started_collection(folder)


def _free(host: str, port: int | None) -> socket.socket:
    """Take the port that was asked for, or the first free one from the usual one on."""
    if port is not None:
        return listening(host, port)
    for candidate in range(DEFAULT_PORT, DEFAULT_PORT + N_TRIED):
        try:
            return listening(host, candidate)
        except UsageError:
            continue
    return listening(host, 0)
