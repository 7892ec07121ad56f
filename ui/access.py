"""Access: who may come to what `serve` and `ui` put on the network, as the command line says it."""

from __future__ import annotations

import atexit
import html
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from ..model.errors import UsageError
from ..model.paths import user_path
from .screen import say

if TYPE_CHECKING:
    from .web.settings import Settings

TokenFile = Annotated[
    Path | None,
    typer.Option("--token-file", metavar="FILE", help="The token that is asked for, on its first line."),
]
NoToken = Annotated[bool, typer.Option("--no-token", help="Ask nobody for a token.")]
AllowHosts = Annotated[
    list[str] | None,
    typer.Option("--allow-host", metavar="NAME", help="A name it may be called by, behind a proxy; can be repeated."),
]

READS = "search these collections, read their tables and listen to their clips"
WRITES = f"{READS}, store labels in them, save and delete queries, and make their maps"


def served_settings(
    collections: Sequence[Path],
    *,
    host: str,
    token_file: Path | None,
    no_token: bool,
    allow_hosts: Sequence[str] | None,
    writes: bool,
) -> Settings:
    """Return the settings of a server.

    A token is asked for by default. Only what reads and is reached from this machine alone lets in the programs of the
    user who runs it without one, where the system says whose they are.

    Args:
        collections: What is served.
        host: Where it listens.
        token_file: File of the token, or None.
        no_token: Whether nobody is asked for one.
        allow_hosts: Further names it may be called by.
        writes: Whether visitors can change something.

    Raises:
        UsageError: If the token cannot be read, or is both given and not asked for.
    """
    from ..model.system import can_tell_connections
    from .web.settings import LOOPBACK_HOSTS, Settings
    from .web.token import new_token, read_token

    if no_token and token_file is not None:
        raise UsageError("--token-file and --no-token exclude each other")
    token = None if no_token else new_token() if token_file is None else read_token(user_path(token_file))
    return Settings(
        collections=tuple(os.path.abspath(user_path(folder)) for folder in collections),  # noqa: PTH100 - keeps links
        host=host,
        token=token,
        admits_owner=token is not None and host in LOOPBACK_HOSTS and not writes and can_tell_connections(),
        allow_hosts=tuple(allow_hosts or ()),
    )


def say_who_may(settings: Settings, *, writes: bool) -> None:
    """Print what others may do, where others can reach it."""
    deeds = WRITES if writes else READS
    if not settings.is_local:
        whoever = f"whoever reaches {settings.host}{'' if settings.token is None else ' and knows the token'}"
        say(f"note: {whoever} can {deeds}")
    elif settings.token is None:
        say(f"note: every user of this machine can {deeds}")


def shown_address(settings: Settings, address: str, *, token_file: Path | None) -> str:
    """Write the address to print: with the token in it, where it is asked for and stands nowhere else."""
    if settings.token is None or settings.admits_owner or token_file is not None:
        return address
    return _with_token(settings, address)


def open_browser(settings: Settings, address: str) -> None:
    """Open a browser, without showing the token to other users in the list of processes."""
    import webbrowser

    if settings.token is None:
        webbrowser.open(address)
        return
    handle, name = tempfile.mkstemp(prefix="soundgrep-", suffix=".html")  # nobody else can read it
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        target = html.escape(_with_token(settings, address))
        file.write(
            f'<!doctype html><meta charset="utf-8"><title>soundgrep</title>'
            f'<meta name="referrer" content="no-referrer"><meta http-equiv="refresh" content="0;url={target}">'
            f'<a href="{target}">soundgrep</a>\n'
        )
    atexit.register(Path(name).unlink, missing_ok=True)
    webbrowser.open(Path(name).as_uri())


def _with_token(settings: Settings, address: str) -> str:
    return f"{address}/?token={quote(settings.token or '', safe='')}"
