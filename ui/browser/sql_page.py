"""The page "SQL": one SELECT over a collection, its rows, a picture of them, and the rows to take away."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import pyarrow as pa
import streamlit as st

from ...model.errors import SoundgrepError
from ...search import Collection
from ..rows_file import FORMATS, rows_as
from ..screen import counted, printable
from . import resources
from .chart import Chart, chart_of
from .downloads import file_name, offer
from .state import as_text
from .takeaway import show_link

MAX_ROWS = 10_000
MAX_SAVED_ROWS = 1_000_000
MAX_KEPT_BYTES = 32 << 20
TIME_LIMIT_S = 20.0
_TYPES = {".parquet": "application/vnd.apache.parquet", ".csv": "text/csv", ".json": "application/json"}
_KEY = "sql_text"
_COLOUR = "#2b8fa1"  # to be seen on both grounds
_MAX_CELL = 400  # characters of a text, numbers of an embedding are fewer


@dataclass(frozen=True)
class _Answer:
    """What was asked last, and its rows."""

    query: str
    folder: str
    rows: pa.Table
    took_s: float


def show() -> None:
    """Draw the page."""
    st.header("SQL")
    members = resources.current().members
    member = members[0]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="sql_examples"):
        st.caption("Examples", width="content")
        for name, query in _examples(members[0]).items():
            st.button(name, key=f"example_{name}", on_click=_take, args=(query,), type="tertiary")
    with st.form("sql_form", border=False, enter_to_submit=True):
        if len(members) > 1:
            place = st.selectbox(
                "Collection", range(len(members)), format_func=lambda one: printable(members[one].path.name)
            )
            member = members[place or 0]
        st.text_area(
            "One SELECT in DuckDB's dialect", key=_KEY, height=132, placeholder="SELECT path, duration_s FROM clips"
        )
        ran = st.form_submit_button("Run", icon=":material/play_arrow:", type="primary", shortcut="Ctrl+Enter")
    _show_tables(member)
    if ran or st.session_state.pop("sql_asked", False):
        _ask(member)
    problem = st.session_state.get("sql_problem")
    if problem:
        st.error(as_text(printable(problem)), icon=":material/error:")
        return
    answer = st.session_state.get("sql_answer")
    if isinstance(answer, _Answer):
        _show_rows(answer)


def _examples(member: Collection) -> dict[str, str]:
    """Query to begin with; they name only what this collection has."""
    examples = {
        "By codec": (
            "SELECT codec, count(*) AS clips, round(sum(duration_s)) AS seconds\n"
            "FROM clips GROUP BY codec ORDER BY clips DESC"
        ),
        "Longest clips": (
            "SELECT path, round(duration_s, 1) AS duration_s, sampling_rate_hz\n"
            "FROM clips ORDER BY duration_s DESC LIMIT 50"
        ),
        "Folders of a search": (
            "SELECT regexp_extract(path, '([^/]*)/[^/]*$', 1) AS folder,\n"
            "       count(*) AS clips, round(max(score), 3) AS best\n"
            "FROM search('thunder', 200) JOIN clips USING (clip_id)\nGROUP BY folder ORDER BY best DESC LIMIT 30"
        ),
        "Score and length": (
            "SELECT round(duration_s, 1) AS duration_s, round(score, 3) AS score\n"
            "FROM search('a dog barking', 200) JOIN clips USING (clip_id)"
        ),
    }
    if "labels" in member.manifest.annexes:
        examples["Labels"] = (
            "SELECT label, count(*) AS clips, round(avg(score), 2) AS mean_score\n"
            "FROM labels WHERE rank = 1 GROUP BY label ORDER BY clips DESC LIMIT 40"
        )
    examples["Columns"] = "DESCRIBE clips"
    return examples


def _take(query: str) -> None:
    st.session_state[_KEY] = query
    st.session_state["sql_asked"] = True


def _show_tables(member: Collection) -> None:
    names = ["clips", "segments", *sorted(member.manifest.annexes)]
    st.caption(
        f"Tables: {', '.join(as_text(name) for name in names)}; `search('thunder', 200)` is one too: rank, score, "
        "clip_id, segment_id, start_s, end_s. Nothing can be changed, and no file can be read."
    )


def _ask(member: Collection) -> None:
    query = str(st.session_state.get(_KEY, "")).strip()
    st.session_state["sql_problem"] = ""
    st.session_state.pop("sql_answer", None)
    if not query:
        st.session_state["sql_problem"] = "there is no query yet: type one, or take an example"
        return
    started = time.perf_counter()
    try:
        with st.spinner("Asking the tables"):
            rows = member.sql(query, time_limit_s=TIME_LIMIT_S, max_rows=MAX_ROWS + 1)
    except SoundgrepError as error:
        st.session_state["sql_problem"] = str(error)
        return
    if rows.nbytes > MAX_KEPT_BYTES:  # every visitor's is kept as long as the page is open
        st.session_state["sql_problem"] = (
            f"the answer has {rows.nbytes / 1e6:,.0f} MB, more than the page shows: ask for fewer columns or rows"
        )
        return
    st.session_state["sql_answer"] = _Answer(query, str(member.path), rows, time.perf_counter() - started)


def _show_rows(answer: _Answer) -> None:
    rows = answer.rows
    if not rows.num_columns:
        st.info("The statement gives no rows.")
        return
    is_cut = rows.num_rows > MAX_ROWS
    shown = _shown(rows[:MAX_ROWS])
    chart = chart_of(rows) if not is_cut else None
    said = f"the first {MAX_ROWS:,} rows; the files below hold more" if is_cut else counted(rows.num_rows, "row")
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="sql_foot"):
        st.caption(f"{said} in {answer.took_s:.2f} s")
        for ending in FORMATS:
            name = file_name("rows", ending)
            show_link(name, offer(name, _TYPES[ending], partial(_file, answer, ending)), quiet=True)
    if chart is not None:
        _draw(rows, chart)
    st.dataframe(shown, hide_index=True, width="stretch", height=min(560, 38 + 35 * max(1, shown.num_rows)))


def _draw(rows: pa.Table, chart: Chart) -> None:
    draw: Callable[..., object] = {"bars": st.bar_chart, "line": st.line_chart, "points": st.scatter_chart}[chart.kind]
    data = {"x": rows.column(chart.x), "y": rows.column(chart.y)}
    if pa.types.is_boolean(data["x"].type):
        data["x"] = data["x"].cast(pa.string())
    names = {"x": "x", "y": "y", "x_label": printable(chart.x), "y_label": printable(chart.y), "color": _COLOUR}
    if chart.kind == "bars":  # names are read from left to right
        draw(pa.table(data), **names, horizontal=True, sort=False, height=70 + 24 * rows.num_rows)
    else:
        draw(pa.table(data), **names, height=280)


def _shown(rows: pa.Table) -> pa.Table:
    """Make rows fit to be looked at: ids as text, because JavaScript rounds them; what is long is cut; names differ."""
    columns: list[pa.Array] = []
    names: list[str] = []
    for place, name in enumerate(rows.column_names):
        column = rows.column(place)
        if pa.types.is_integer(column.type) and name.endswith("_id"):
            column = column.cast(pa.string())
        elif not (pa.types.is_primitive(column.type) or pa.types.is_boolean(column.type)):
            texts = [None if value is None else _cut(value) for value in column.to_pylist()]
            column = pa.array(texts, pa.string())
        columns.append(column)
        names.append(name if name not in names else f"{name} {place + 1}")
    return pa.table(columns, names=[printable(name) for name in names]) if columns else pa.table({})


def _cut(value: object) -> str:
    if isinstance(value, list) and len(value) > 8:
        value = f"[{', '.join(str(one) for one in value[:4])}, ... {len(value):,} values]"
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    return printable(text if len(text) <= _MAX_CELL else f"{text[:_MAX_CELL]}…")


def _file(answer: _Answer, ending: str) -> Iterable[bytes]:
    """Make a file of all the rows; what was cut short on the page is asked again."""
    rows = answer.rows
    if rows.num_rows > MAX_ROWS:
        member = next((one for one in resources.current().members if str(one.path) == answer.folder), None)
        if member is not None:
            rows = member.sql(answer.query, time_limit_s=3 * TIME_LIMIT_S, max_rows=MAX_SAVED_ROWS)
    yield rows_as(rows, ending)
