"""Resources: what is open once for all visitors of the page: the collections, and the sounds they searched by."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import zip_longest
from threading import Lock
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ...indexer.phrases import PHRASES
from ...model.errors import SoundgrepError
from ...search.suggestions import suggest
from ...search.union import Collections
from ..web.executor import Desk

Answer = TypeVar("Answer")
N_SOUNDS = 256
N_IDEAS = 8


@dataclass(frozen=True)
class Sound:
    """A sound that somebody searched by.

    Attributes:
        name: What it is called on the page.
        embedding: What it became [embedding_dim]; the sound itself is not kept.
        encoder: Digest of the encoder it was embedded by.
        note: What there is to say about it, if anything.
    """

    name: str
    embedding: npt.NDArray[np.float32]
    encoder: str
    note: str = ""


class _Opened:
    """The one desk of this process, and the sounds of its visitors."""

    def __init__(self) -> None:
        self.desk: Desk | None = None
        self.sounds: OrderedDict[str, Sound] = OrderedDict()
        self.ideas: Future[list[str]] | None = None
        self.lock = Lock()


_opened = _Opened()


def install(desk: Desk) -> None:
    """Set what is open; done once, before the page is served."""
    _opened.desk = desk
    # What could be asked is looked for meanwhile; the thread also opens the catalog before anybody waits for it.
    thinking = ThreadPoolExecutor(1, thread_name_prefix="soundgrep-ideas")
    _opened.ideas = thinking.submit(_ideas, desk.live.current)
    thinking.shutdown(wait=False)


def ideas(*, wait_s: float = 1.0) -> list[str]:
    """Texts that could be asked, drawn from the collections; none as long as they are not known yet."""
    try:
        return [] if _opened.ideas is None else _opened.ideas.result(timeout=wait_s)
    except (TimeoutError, SoundgrepError):
        return []


def _ideas(collections: Collections) -> list[str]:
    drawn = [suggest(member, PHRASES, n=N_IDEAS) for member in collections.members]
    rounds = [idea for ideas in zip_longest(*drawn) for idea in ideas if idea is not None]
    return list(dict.fromkeys(rounds))[:N_IDEAS]


def desk() -> Desk:
    """Return the desk that hands questions to the collections.

    Raises:
        RuntimeError: If nothing was installed: the page runs only under `soundgrep ui`.
    """
    if _opened.desk is None:
        raise RuntimeError("the page is started by `soundgrep ui`")
    return _opened.desk


def current() -> Collections:
    """Return the collections as they stand now, for a whole run of the page."""
    return desk().live.current


def ask(question: Callable[[Collections], Answer]) -> Answer:
    """Answer a question; if tables were cleaned away under it, once more with what is there now.

    Raises:
        SoundgrepError: What the question raises.
    """
    return desk().live.ask(question)


def problem() -> str | None:
    """Why what is on the disk now is not what is open, or None if it is."""
    return desk().live.problem


def keep_sound(digest: str, sound: Sound) -> None:
    """Remember a sound that is searched by, so that a link to the search works; the oldest ones are forgotten."""
    with _opened.lock:
        _opened.sounds[digest] = sound
        _opened.sounds.move_to_end(digest)
        while len(_opened.sounds) > N_SOUNDS:
            _opened.sounds.popitem(last=False)


def kept_sound(digest: str) -> Sound | None:
    """Return a sound that was searched by, or None if it is not known here."""
    with _opened.lock:
        return _opened.sounds.get(digest)
