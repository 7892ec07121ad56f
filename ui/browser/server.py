"""The server: Streamlit, quiet and dressed, under a port that is ours already."""

from __future__ import annotations

import gc
import logging
import socket
import warnings
from collections.abc import Callable
from typing import Any

import uvicorn

from ...model.errors import SoundgrepWarning
from ..web.collections import open_collections
from ..web.connection import SERVER_OPTIONS
from ..web.executor import Desk
from ..web.settings import Settings
from .theme import THEME

MAX_UPLOAD_MB = 200

_QUIET: dict[str, Any] = {
    "browser.gatherUsageStats": False,
    "client.toolbarMode": "minimal",
    "client.showErrorDetails": "none",
    "global.suppressDeprecationWarnings": True,
    "logger.level": "error",
    "logger.hideWelcomeMessage": True,
    "runner.magicEnabled": False,
    "server.fileWatcherType": "none",
    "server.headless": True,
    "server.maxUploadSize": MAX_UPLOAD_MB,
    "server.showEmailPrompt": False,
}


def serve_page(settings: Settings, listener: socket.socket, *, ready: Callable[[], None]) -> None:
    """Serve the page until a signal stops it.

    Args:
        settings: What is served.
        listener: Where, bound.
        ready: Called when the collections are open.

    Raises:
        CollectionError: If a collection cannot be opened, or was made by another encoder than the first.
        CheckpointError: If their encoder is not on this machine any more.
    """
    warnings.simplefilter("ignore", SoundgrepWarning)  # what somebody asked is not for the terminal
    live = open_collections(settings)
    _configure()
    from .app import create_app  # Streamlit makes its own of the options when it is imported

    config = uvicorn.Config(
        create_app(Desk(live, settings)),
        **SERVER_OPTIONS,
        log_level=logging.ERROR,
        timeout_graceful_shutdown=2,
        ws="websockets-sansio",
    )
    # Streamlit collects garbage after every run of the page: what is loaded for good need not be looked through then.
    gc.collect()
    gc.freeze()
    ready()
    uvicorn.Server(config).run(sockets=[listener])


def _configure() -> None:
    """Set Streamlit's options: it asks nothing, reports nothing to anybody, and looks like us."""
    from streamlit import config

    for name, value in (_QUIET | THEME).items():
        config.set_option(name, value)
    for name in ("streamlit", "uvicorn"):
        logging.getLogger(name).setLevel(logging.ERROR)
