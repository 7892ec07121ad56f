"""Text on a screen: shortened in the middle, wide characters counted, tables that fit."""

from __future__ import annotations

import datetime

import pytest
from rich.cells import cell_len

from soundgrep.ui.screen import shortened, spoken_duration, spoken_size
from soundgrep.ui.table import cell_text, table_lines


@pytest.mark.parametrize("n_cells", [1, 2, 3, 10, 19, 20, 40])
@pytest.mark.parametrize(
    "text", ["", "short", "/some/folders/and/more/of/them/a-name.wav", "/音/とても長いフォルダ名/音.wav"]
)
def test_shortened_text_fits(text: str, n_cells: int) -> None:
    short = shortened(text, n_cells=n_cells)
    assert cell_len(short) <= n_cells
    assert short == text or "…" in short


def test_shortening_keeps_the_end_of_a_path() -> None:
    assert shortened("/some/folders/and/more/of/them/a-name.wav", n_cells=20) == "/some/f…m/a-name.wav"


@pytest.mark.parametrize(
    ("seconds", "spoken"),
    [(0, "0.0 s"), (3.21, "3.2 s"), (59.96, "1 min 0 s"), (250, "4 min 10 s"), (3599.9, "1.0 h"), (113_040, "31.4 h")],
)
def test_durations(seconds: float, spoken: str) -> None:
    assert spoken_duration(seconds) == spoken


@pytest.mark.parametrize(
    ("n_bytes", "spoken"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (4_210_000, "4.2 MB"), (312e6, "312 MB")]
)
def test_sizes(n_bytes: int, spoken: str) -> None:
    assert spoken_size(n_bytes) == spoken


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "NULL"),
        (True, "true"),
        (0.0, "0.0"),
        (2.0, "2.0"),
        (0.123456, "0.1235"),
        (1.5e-7, "1.5e-07"),
        (12345.6789, "12345.6789"),
        ("a\nb\x1b[2J", "a\\nb\\x1b[2J"),
        (b"caf\xe9", "caf\\xe9"),
        ([0.1, 0.2], "[0.1, 0.2]"),
        ([0.125] * 1024, "[0.125, 0.125, 0.125, ... 1024 numbers]"),
        (datetime.datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=datetime.UTC), "2026-01-02 03:04:05+00:00"),
    ],
)
def test_values_in_a_table(value: object, text: str) -> None:
    assert cell_text(value) == text


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_line_of_a_table_is_wider_than_the_terminal(width: int) -> None:
    rows = [["x" * 100, 1, "短い" * 30], ["y", 1_000_000, None]]
    lines = list(table_lines(["path", "n", "title"], rows, width=width))
    assert all(cell_len(line) <= width for line in lines)
    assert any("1000000" in line for line in lines)
