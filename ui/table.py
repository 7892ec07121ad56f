"""Rows of a SQL answer as lines of text: a table if it fits the terminal, a block a row if it does not."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence

from .screen import printable, shortened

N_SHOWN_NUMBERS = 3
"""How many numbers of an embedding are shown."""

MIN_TEXT_CELLS = 24
"""A column of text is not squeezed below this; the rows are shown as blocks instead."""

MIN_BLOCK_CELLS = 8
"""Nor a value in a block below this, however long the names are."""

GAP = "  "


def table_lines(names: Sequence[str], rows: Sequence[Sequence[object]], *, width: int | None) -> Iterator[str]:
    """Lay rows out for reading.

    Args:
        names: The columns' names.
        rows: The rows, each as long as `names`.
        width: Columns of the terminal, which no line exceeds; None for a pipe or a file, where nothing is shortened.

    Yields:
        The lines, the names first.
    """
    from rich.cells import cell_len

    heads = [printable(name) for name in names]
    texts = [[cell_text(value) for value in row] for row in rows]
    n_cells = [max(map(cell_len, [head, *column])) for head, *column in zip(heads, *texts, strict=True)]
    if width is not None:
        fitted = _fitted(n_cells, width=width)
        if fitted is None:
            yield from _blocks(heads, texts, width=width)
            return
        n_cells = fitted
    to_the_right = [_is_numeric([row[column] for row in rows]) for column in range(len(names))]
    for line in [heads, ["-" * n for n in n_cells], *texts]:
        yield GAP.join(
            _padded(text, n_cells=n, to_the_right=right)
            for text, n, right in zip(line, n_cells, to_the_right, strict=True)
        ).rstrip()


def cell_text(value: object) -> str:
    """One value on one line: embeddings abbreviated, numbers rounded for reading, NULL for none."""
    match value:
        case None:
            return "NULL"
        case bool():
            return str(value).lower()
        case float():
            return f"{value:.3g}" if 0 < abs(value) < 1e-3 else str(round(value, 4))
        case datetime.datetime():
            return value.isoformat(sep=" ", timespec="seconds")
        case list() if len(value) > N_SHOWN_NUMBERS and all(isinstance(item, float) for item in value):
            shown = ", ".join(f"{item:.3f}" for item in value[:N_SHOWN_NUMBERS])
            return f"[{shown}, ... {len(value)} numbers]"
        case bytes():
            return printable(value.decode("utf-8", errors="backslashreplace"))
        case _:
            return printable(str(value))


def _fitted(n_cells: Sequence[int], *, width: int) -> list[int] | None:
    """Squeeze the widest columns until the table fits, or return None if they would say too little."""
    fitted = list(n_cells)
    excess = sum(fitted) + len(GAP) * (len(fitted) - 1) - width
    while excess > 0:
        widest = max(range(len(fitted)), key=fitted.__getitem__)
        if fitted[widest] <= MIN_TEXT_CELLS:
            return None
        fitted[widest] -= 1
        excess -= 1
    return fitted


def _blocks(heads: Sequence[str], texts: Sequence[Sequence[str]], *, width: int) -> Iterator[str]:
    from rich.cells import cell_len, set_cell_size

    n_head_cells = max(map(cell_len, heads))
    for number, row in enumerate(texts, start=1):
        title = f"-- row {number} "
        yield title + "-" * max(width - len(title), 0)
        for head, text in zip(heads, row, strict=True):
            room = max(width - n_head_cells - len(GAP), MIN_BLOCK_CELLS)
            yield f"{set_cell_size(head, n_head_cells)}{GAP}{shortened(text, n_cells=room)}".rstrip()


def _padded(text: str, *, n_cells: int, to_the_right: bool) -> str:
    from rich.cells import cell_len

    text = shortened(text, n_cells=n_cells)
    spaces = " " * (n_cells - cell_len(text))
    return spaces + text if to_the_right else text + spaces


def _is_numeric(column: Sequence[object]) -> bool:
    from decimal import Decimal

    values = [value for value in column if value is not None]
    return bool(values) and all(
        isinstance(value, int | float | Decimal) and not isinstance(value, bool) for value in values
    )
