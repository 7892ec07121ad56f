"""The page "Index": choose a folder, watch it being listened to, search what is there so far."""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st

from ...indexer.job import IndexTask, JobStatus
from ...indexer.report import Failure, IndexReport, Progress
from ...model.encoders.runtime import usable_cores
from ...model.errors import SoundgrepError
from ...model.paths import readable_path
from ...search import Collection
from ..screen import counted, printable, spoken_duration
from . import resources
from .folders import chosen_folder, completions
from .state import as_text
from .work import jobs

_DEFAULT = "mini"
_FOLDER, _PROBLEM = "folder to index", "why it was not started"


def show() -> None:
    """Draw the page."""
    if not resources.desk().settings.is_local:
        st.info(
            "Other machines can reach this page, so it shows no folders of this one: run `soundgrep index SOURCE"
            " COLLECTION` here, and what is new appears on the page by itself.",
            icon=":material/lock:",
        )
        return
    members = resources.current().members
    latest = jobs().latest
    is_running = latest is not None and latest.is_running
    st.header("Listen to a folder of sounds")
    collection = members[0]
    if len(members) > 1:
        names = [readable_path(member.path) for member in members]
        collection = members[names.index(st.selectbox("Into the collection", names, disabled=is_running))]
    _show_choice(collection, is_running=is_running)
    problem = st.session_state.pop(_PROBLEM, None)
    if problem is not None:
        st.error(as_text(problem), icon=":material/error:")
    if latest is not None:
        if latest.is_running:
            _watch()
        else:
            _show_end(latest)


def _show_choice(collection: Collection, *, is_running: bool) -> None:
    """Draw the box for the folder, what it may go on with, and the button."""
    st.text_input(
        "Folder",
        key=_FOLDER,
        placeholder=os.path.join(os.path.expanduser("~"), "Sounds"),  # noqa: PTH111, PTH118 - text to show
        help="Everything below it is listened to. Your files are only read.",
        disabled=is_running,
    )
    typed = str(st.session_state.get(_FOLDER, ""))
    folders = [] if is_running else completions(typed)
    if folders:
        with st.container(horizontal=True, gap="small", key="completions"):
            for path in folders:
                name = Path(path).name or path
                st.button(
                    as_text(name),
                    key=f"into {path}",
                    on_click=_completed,
                    args=(path,),
                    icon=":material/folder:",
                    type="tertiary",
                )
    encoder = None
    if not collection.n_clips:
        encoder = st.selectbox(
            "What listens",
            _encoders(),
            accept_new_options=True,
            disabled=is_running,
            help="mini comes with soundgrep; others are fetched once, or are folders of checkpoints.",
        )
    st.button(
        "Start listening",
        type="primary",
        icon=":material/hearing:",
        on_click=_started,
        args=(str(collection.path), encoder),
        disabled=is_running,
    )


@st.cache_data(show_spinner=False)
def _encoders() -> list[str]:
    """Return the encoders that go by a name, our own first."""
    from ...model.encoders.registry import known_models

    names = [one.release.name for one in known_models()]
    return sorted(names, key=lambda name: name != _DEFAULT)


def _completed(path: str) -> None:
    st.session_state[_FOLDER] = path


def _started(collection: str, encoder: str | None) -> None:
    try:
        folder = chosen_folder(str(st.session_state.get(_FOLDER, "")))
        # One core is left for those who search meanwhile.
        n_workers = max(1, usable_cores() - 1)
        jobs().start(IndexTask((str(folder),), collection, encoder=encoder, n_workers=n_workers))
    except SoundgrepError as error:
        st.session_state[_PROBLEM] = str(error)


@st.fragment(run_every=1.0)
def _watch() -> None:
    """Draw how far it is, every second, until it has ended."""
    status = jobs().latest
    if status is None or not status.is_running:
        resources.desk().live.refresh()
        st.rerun()
        return
    st.divider()
    progress = status.progress
    share, words = _far(progress)
    st.progress(share, text=f"{as_text(str(status.task))}: {words}" if progress is None else words)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        label = "Stopping" if status.state == "stopping" else "Stop"
        st.button(label, on_click=jobs().stop, disabled=status.state == "stopping", icon=":material/stop_circle:")
        n_clips = resources.current().n_clips
        if n_clips:
            st.caption(f"The page Search finds what is there so far: {counted(n_clips, 'clip')}.", width="content")
    _show_failures(status.failures, 0 if progress is None else progress.n_failed)


def _far(progress: Progress | None) -> tuple[float, str]:
    """Return the share that is done, and the same in words."""
    if progress is None:
        return 0.0, "looking for sounds"
    if progress.n_done >= progress.n_total:
        return 1.0, f"{counted(progress.n_total, 'clip')} heard; the index is being built"
    words = [f"{progress.n_done:,} of {counted(progress.n_total, 'clip')}"]
    if progress.audio_s:
        words.append(f"{progress.clips_per_s:.1f} clips/s")
    if progress.remaining_s is not None:
        words.append(f"{spoken_duration(progress.remaining_s)} left")
    return progress.n_done / max(1, progress.n_total), " · ".join(words)


def _show_end(status: JobStatus) -> None:
    """Show how the latest run ended."""
    if not isinstance(status.task, IndexTask):
        return
    st.divider()
    if status.state == "failed":
        st.error(as_text(str(status.error)), icon=":material/error:")
    elif status.state == "stopped":
        st.info("Stopped. What was heard until then is kept; start again to go on.", icon=":material/pause_circle:")
    elif isinstance(status.report, IndexReport):
        _show_report(status.report)
    _show_failures(status.failures, len(status.failures))


def _show_report(report: IndexReport) -> None:
    numbers = {
        "added": report.n_added,
        "replaced": report.n_replaced,
        "removed": report.n_removed,
        "unchanged": report.n_unchanged,
        "failed": len(report.failures),
    }
    changes = ", ".join(f"{n:,} {what}" for what, n in numbers.items() if n) or "nothing changed"
    heard = f"{spoken_duration(report.audio_s)} of sound in " if report.audio_s else ""
    st.success(
        f"{counted(report.n_clips, 'clip')} are here now ({changes}): {heard}{spoken_duration(report.elapsed_s)}.",
        icon=":material/check_circle:",
    )
    if report.n_withheld:
        st.warning(
            f"The files of {counted(report.n_withheld, 'clip')} are gone, more than half: the clips were kept.",
            icon=":material/warning:",
        )


def _show_failures(failures: tuple[Failure, ...], n: int) -> None:
    """Draw which files could not be heard, and why."""
    if not failures:
        return
    with st.expander(f"{counted(n, 'file')} could not be heard", expanded=n <= 5):
        rows = [{"file": printable(one.path), "why": printable(one.reason)} for one in reversed(failures)]
        st.dataframe(rows, hide_index=True, height="auto" if len(rows) < 8 else 300)
