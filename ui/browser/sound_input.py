"""Sounds to search by: recorded here, or a file from anywhere."""

from __future__ import annotations

import hashlib
from typing import Protocol

import numpy as np
import streamlit as st

from ...model.errors import QueryError, SoundgrepError
from ...search import Query
from ...search.union import Collections
from ..screen import printable
from ..web.uploads import decode_sent
from . import resources, state
from .state import as_text

QUIETEST_DBFS = -70.0
"""A sound of which no sample is louder is taken for silence."""


class _Upload(Protocol):
    name: str

    def getvalue(self) -> bytes: ...


def show_sound_input() -> None:
    """Draw the button behind which a sound can be given."""
    n_given = st.session_state.setdefault("n_sounds_given", 0)  # a new key empties the inputs, and their memory
    with st.popover("Sound", icon=":material/mic:", help="Search by a sound"):
        st.audio_input("Record a sound", key=f"recorded_{n_given}", on_change=_given, args=("recorded",))
        st.file_uploader("Or give a sound file", key=f"uploaded_{n_given}", on_change=_given, args=("uploaded",))


def show_sound_problem() -> None:
    """Show what is wrong with the sound that was given last, or to be known about it."""
    problem = st.session_state.get("sound_problem")
    if problem:
        st.error(as_text(problem), icon=":material/error:")
    note = st.session_state.get("sound_note")
    if note and state.current().sound:
        st.info(as_text(note), icon=":material/info:")


def hear(content: bytes, name: str) -> str:
    """Embed a sound, and remember it.

    Args:
        content: The file.
        name: What it is called on the page.

    Returns:
        What `resources.kept_sound` knows it by.

    Raises:
        QueryError: If nothing can be heard in it.
        AudioError: If it cannot be decoded.
    """
    shown = printable(name)
    settings = resources.desk().settings
    most_s = settings.max_sound_s

    def listen(collections: Collections) -> resources.Sound:
        member = collections.members[0]
        rate = member.encoder.sampling_rate_hz
        waveform, is_longer = decode_sent(
            content, name=shown, most_s=most_s, sampling_rate_hz=rate, limit_s=settings.decoding_limit_s
        )
        if float(np.abs(waveform).max()) < 10 ** (QUIETEST_DBFS / 20):
            raise QueryError(f"{shown}: nothing can be heard in it (no sample is louder than {QUIETEST_DBFS:g} dBFS)")
        embedding = member.encoding.embed([Query.audio(waveform)])[0].embedding
        note = f"{shown} is long: the search goes by its first {most_s:g} s." if is_longer else ""
        return resources.Sound(shown, embedding, member.manifest.encoding.encoder.digest, note)

    sound = resources.ask(listen)
    digest = hashlib.blake2b(content, digest_size=8).hexdigest()
    resources.keep_sound(digest, sound)
    return digest


def _given(kind: str) -> None:
    """Search by what was recorded or uploaded."""
    upload: _Upload | None = st.session_state.get(f"{kind}_{st.session_state['n_sounds_given']}")
    st.session_state["sound_problem"] = st.session_state["sound_note"] = ""
    if upload is None:
        return
    name = "your recording" if kind == "recorded" else upload.name
    try:
        digest = hear(upload.getvalue(), name)
    except SoundgrepError as error:
        st.session_state["sound_problem"] = str(error)
        return
    finally:
        st.session_state["n_sounds_given"] += 1
    sound = resources.kept_sound(digest)
    st.session_state["sound_note"] = "" if sound is None else sound.note
    state.change(sound=digest)
