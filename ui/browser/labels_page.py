"""The page "Labels": what the sounds are, out of labels that somebody types, and labels kept in the collection."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import streamlit as st

from ...model.errors import SoundgrepError
from ...search import Classification, Collection, Collections, Hit, Query
from ...search.evaluation.labelling import TEMPLATES
from ...search.evaluation.labels import labels_of
from ..screen import counted, printable
from . import resources
from .hits import show_hits
from .state import SearchState, as_text
from .tags import tags_of

Places = npt.NDArray[np.int64]

MAX_LABELS = 1_000
N_EXAMPLES = 12
_N_KEPT = 2
_TEXT, _TEMPLATE, _LEAST = "labels_text", "labels_template", "labels_least"
_HINT = "a dog barking\nrain\npeople talking\nan engine\nmusic"

_found: OrderedDict[tuple[object, ...], Classification] = OrderedDict()
_lock = Lock()


def show() -> None:
    """Draw the page."""
    st.header("Labels")
    members = resources.current().members
    member = members[0]
    st.session_state.setdefault(_TEMPLATE, TEMPLATES[0])
    st.session_state.setdefault(_TEXT, "\n".join(_stored(member)))
    with st.form("labels_form", border=False):
        st.text_area("Labels, one a line", key=_TEXT, height=148, placeholder=_HINT)
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            if len(members) > 1:
                names = [printable(one.path.name) for one in members]
                place = st.selectbox("Collection", range(len(members)), format_func=names.__getitem__)
                member = members[place or 0]
            st.text_input("Sentence", key=_TEMPLATE, help="What a label becomes, {} standing for it")
            ran = st.form_submit_button("Count", icon=":material/sell:", type="primary")
    if ran:
        st.session_state["labels_asked"] = _asked()
        st.session_state["labels_said"] = ""
    asked = st.session_state.get("labels_asked")
    if not asked:
        st.caption(
            "Each sound is called by the label that it is nearest to. Nothing has to be trained or marked before."
        )
        return
    try:
        found = _classified(member, *asked)
    except SoundgrepError as error:
        st.error(as_text(printable(str(error))), icon=":material/error:")
        return
    if not found.paths:
        st.info("There are no sounds in this collection.")
        return
    _show(member, found, template=asked[1])


def _asked() -> tuple[tuple[str, ...], str]:
    lines = str(st.session_state.get(_TEXT, "")).splitlines()
    return tuple(lines[:MAX_LABELS]), str(st.session_state.get(_TEMPLATE, ""))


def _classified(member: Collection, texts: tuple[str, ...], template: str) -> Classification:
    """Classify, or remember; a few answers are kept for all visitors."""
    from ...indexer.maintenance.labels import classify_collection

    labels = labels_of(texts, source="the list of labels")
    manifest = member.manifest
    key = (str(member.path), manifest.clips_version, manifest.encoding.segments_version, labels.names, template)
    with _lock:
        if key in _found:
            _found.move_to_end(key)
            return _found[key]
    with st.spinner("Listening for the labels"):
        found = classify_collection(member, labels, templates=(template,))
    with _lock:
        _found[key] = found
        while len(_found) > _N_KEPT:
            _found.popitem(last=False)
    return found


def _show(member: Collection, found: Classification, *, template: str) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="labels_tools"):
        least = st.slider(
            "Least score", 0.0, 1.0, 0.0, 0.05, key=_LEAST, help="A label's share among all labels, from 0 to 1"
        )
        called = found.called(least_score=least)
        n_called = sum(map(len, called))
        label = f"Keep the labels of {counted(n_called, 'clip')}"
        kept = st.button(label, icon=":material/save:", key="labels_keep", disabled=not n_called)
    if kept:
        _store(member, found, least)
    said = st.session_state.get("labels_said")
    if said:
        st.success(as_text(said), icon=":material/check:")
    problem = st.session_state.pop("labels_problem", None)
    if problem:
        st.error(as_text(printable(problem)), icon=":material/error:")
    order = sorted(range(len(found.names)), key=lambda place: (-len(called[place]), place))
    _draw_counts(found, called, order, n_called)
    names = {place: f"{printable(found.names[place])} ({len(called[place]):,})" for place in order}
    chosen = st.selectbox("Listen to", order, format_func=names.__getitem__, key="labels_chosen")
    if chosen is not None:
        _draw_examples(member, found, called[chosen], chosen, template)


def _draw_counts(found: Classification, called: Sequence[Places], order: Sequence[int], n_called: int) -> None:
    total = len(found.paths)
    st.caption(f"{n_called:,} of {counted(total, 'clip')} called by {counted(len(found.names), 'label')}")
    counts = [len(called[place]) for place in order]
    rows = pa.table({"label": [printable(found.names[place]) for place in order], "clips": counts})
    bar = st.column_config.ProgressColumn("clips", format="%d", min_value=0, max_value=max(1, *counts))
    height = min(320, 38 + 35 * len(order))
    st.dataframe(rows, hide_index=True, width="stretch", height=height, column_config={"clips": bar})


def _draw_examples(member: Collection, found: Classification, places: Places, chosen: int, template: str) -> None:
    ids = [int(found.clip_ids[place]) for place in places[:N_EXAMPLES].tolist()]
    if not ids:
        st.info("No sound is called so.")
        return
    text = template.replace("{}", labels_of((found.names[chosen], "-"), source="").texts()[0])
    hits: list[Hit] = member.search(
        Query.text(text), k=len(ids), where="clip_id IN (SELECT unnest($ids))", where_values={"ids": ids}
    )
    show_hits(
        hits,
        state=SearchState(text=text),
        signature=repr((found.names[chosen], ids)),
        count=f"The surest {len(hits):,} of {len(places):,}",
        done=True,
        encoders=(),
        tags=tags_of(Collections([member]), [hit.clip_id for hit in hits]),
        answer=lambda _event: None,
    )


def _store(member: Collection, found: Classification, least: float) -> None:
    from ...indexer.maintenance.labels import store_labels

    try:
        with st.spinner("Writing the labels"):
            n = store_labels(member.path, found, least_score=least)
            resources.desk().live.refresh()
    except SoundgrepError as error:
        st.session_state["labels_said"] = ""
        st.session_state["labels_problem"] = str(error)
        return
    name = printable(member.path.name)
    st.session_state["labels_said"] = (
        f"{counted(n, 'clip')} of {name} now have labels: narrow a search by them, or ask the table labels in SQL."
    )


def _stored(member: Collection) -> list[str]:
    """Return the labels that the collection has, the most frequent first."""
    if "labels" not in member.manifest.annexes:
        return []
    try:
        rows = member.sql("SELECT label FROM labels GROUP BY label ORDER BY count(*) DESC, label LIMIT 200")
    except SoundgrepError:
        return []
    return [str(label) for label in rows.column("label").to_pylist()]
