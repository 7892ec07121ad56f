"""`soundgrep ui`: collections on a page in the browser."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ...model.errors import UsageError
from ..access import AllowHosts, NoToken, TokenFile, open_browser, say_who_may, served_settings, shown_address
from ..listening import address_of, listening
from ..options import CollectionFolders, Host
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
page to index a folder into.

As visitors can store labels, delete saved queries and make maps, the page asks
for a token: it stands in the address that is printed and opened, and a cookie
takes its place. With --token-file it is that file's first line."""

EXAMPLES = """\
Examples:
  soundgrep ui sounds.soundgrep
  soundgrep ui field.soundgrep studio.soundgrep --no-open --port 9000
  soundgrep ui new.soundgrep"""


def ui(
    collections: CollectionFolders,
    host: Host = "127.0.0.1",
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
    token_file: TokenFile = None,
    no_token: NoToken = False,
    allow_host: AllowHosts = None,
) -> None:
    """Serve the page until it is stopped."""
    from ..browser.server import serve_page

    settings = served_settings(
        collections, host=host, token_file=token_file, no_token=no_token, allow_hosts=allow_host, writes=True
    )
    with _free(host, port) as listener:
        say_who_may(settings, writes=True)
        address = address_of(host, listener)
        shown = shown_address(settings, address, token_file=token_file)

        def ready() -> None:
            write_line(f"{', '.join(shown_path(folder) for folder in collections)} at {shown} (Ctrl-C stops)")
            sys.stdout.flush()
            if not no_open:
                open_browser(settings, address)

        with _started(settings):
            serve_page(settings, listener, ready=ready)


def _started(settings: Settings) -> contextlib.AbstractContextManager[None]:
    """Start the one collection that was asked for and is not there yet, where the page may index into it."""
    folder, *more = settings.collections
    if more or not settings.is_local or not folder.endswith(ENDING) or os.path.lexists(folder):
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
