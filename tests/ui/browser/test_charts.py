"""Which picture an answer in SQL gets; without a browser."""

from __future__ import annotations

import datetime

import pyarrow as pa
import pytest

from soundgrep.ui.browser.chart import Chart, chart_of


@pytest.mark.parametrize(
    ("columns", "chart"),
    [
        ({"codec": ["a", "b"], "n": [1, 2], "s": [0.5, 1.5]}, Chart("bars", "codec", "n")),
        ({"day": [datetime.date(2026, 1, 1), datetime.date(2026, 1, 2)], "n": [1, 2]}, Chart("line", "day", "n")),
        ({"x": [1.5, 1.5, 2.0], "y": [1, 2, 3]}, Chart("points", "x", "y")),
        ({"n_channels": [1, 2], "n": [5, 6]}, Chart("bars", "n_channels", "n")),
        ({"clip_id": [1, 2], "n": [5, 6]}, None),
        ({"codec": ["a", "a"], "n": [5, 6]}, None),
        ({"codec": ["a"], "n": [5]}, None),
        ({"path": ["a", "b"]}, None),
        ({"path": [f"{n}" for n in range(100)], "n": list(range(100))}, None),
    ],
)
def test_columns_that_name_and_count_are_drawn(columns: dict[str, list[object]], chart: Chart | None) -> None:
    assert chart_of(pa.table(columns)) == chart
