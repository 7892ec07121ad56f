"""Hits as lines of text: for a pipe, or aligned for a person."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .screen import is_terminal, printable, shortened, shown_path, terminal_width, write_line

if TYPE_CHECKING:
    from ..search import Hit


def write_hits(hits: Sequence[Hit]) -> None:
    """Write a line a hit on stdout."""
    if is_terminal(sys.stdout):
        _write_table(hits)
        return
    for hit in hits:
        encoder = "" if hit.encoder is None else f"{printable(hit.encoder)} "
        write_line(f"{hit.rank} {hit.score:.4f} {_seconds(hit)} {encoder}{shown_path(hit.path)}")


def _seconds(hit: Hit) -> str:
    return f"{hit.start_s:.1f}-{hit.end_s:.1f}"


def _seconds_and_more(hit: Hit) -> str:
    n_more = len(hit.spans) - 1
    return f"{_seconds(hit)} +{n_more}" if n_more > 0 else _seconds(hit)


def _write_table(hits: Sequence[Hit]) -> None:
    """Aligned columns for a person; the path comes last and gives way where the terminal is narrow."""
    from rich.console import Console
    from rich.text import Text

    has_scale = any(hit.calibrated is not None for hit in hits)
    seconds = ["seconds", *map(_seconds_and_more, hits)]
    n_seconds = max(map(len, seconds))
    # Of several encoders, the one whose score and seconds are shown.
    encoders = ["encoder" if any(hit.encoder for hit in hits) else "", *(printable(hit.encoder or "") for hit in hits)]
    n_encoder = max(map(len, encoders))
    console = Console(highlight=False, soft_wrap=True)
    by = f"{encoders[0]:<{n_encoder}}  " if n_encoder else ""
    head = f"rank   score  {'/100  ' if has_scale else ''}{seconds[0]:>{n_seconds}}  {by}path"
    console.print(Text(head, style="dim"))
    for hit, span, encoder in zip(hits, seconds[1:], encoders[1:], strict=True):
        line = Text(f"{hit.rank:>4}  ")
        line.append(f"{hit.score:6.3f}", style="bold")
        if has_scale:
            line.append(f"  {'-' if hit.calibrated is None else format(hit.calibrated, '.0f'):>4}")
        line.append(f"  {span:>{n_seconds}}  ")
        line.append(f"{encoder:<{n_encoder}}  " if n_encoder else "")
        alike = f"  (+{len(hit.folded)} alike)" if hit.folded else ""
        n_path_cells = max(terminal_width() - len(head) + len("path") - len(alike), 8)
        line.append(shortened(shown_path(hit.path), n_cells=n_path_cells) + alike)
        console.print(line)
