"""`soundgrep search`: the clips that sound most like a text or like another sound."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .screen import is_terminal, printable, say, shortened, shown_path, terminal_width, write_json, write_line

if TYPE_CHECKING:
    from ..search import Collection, Hit

HELP = """\
Find the clips that sound most like TEXT.

Each line is a hit: its rank, its score (1 is the most alike), the seconds of
the clip that fit best, and the file. Instead of TEXT, --audio FILE finds
what sounds like another sound."""

EXAMPLES = """\
Examples:
  soundgrep search sounds.soundgrep dog barking in the rain
  soundgrep search sounds.soundgrep --audio bark.wav -k 3
  soundgrep search sounds.soundgrep siren --where "duration_s < 30"
  soundgrep search sounds.soundgrep siren --json

--where takes any SQL condition on a clip: path, codec, duration_s,
sampling_rate_hz, n_channels, rms_dbfs, title, artist and more."""


def search(
    collection: Annotated[
        Path, typer.Argument(metavar="COLLECTION", help="A folder that soundgrep index wrote.", show_default=False)
    ],
    text: Annotated[
        list[str] | None, typer.Argument(metavar="TEXT", help="What you want to hear.", show_default=False)
    ] = None,
    k: Annotated[int, typer.Option("-k", metavar="N", help="How many hits.")] = 10,
    where: Annotated[
        str | None, typer.Option(metavar="SQL", help="Only clips for which this is true.", show_default=False)
    ] = None,
    audio: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Find what sounds like this file.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the hits as a JSON list.")] = False,
) -> None:
    """Searches a collection: one call of `Collection.search` and a line a hit."""
    from ..search import Collection

    opened = Collection.open(collection)
    # Words need no quotes: `search sounds.soundgrep dog barking` asks for "dog barking".
    hits = opened.search(" ".join(text) if text else None, audio=audio, k=k, where=where)
    if as_json:
        write_json([hit.to_json() for hit in hits])
    elif not hits:
        say(_no_hits(opened, where))
    elif is_terminal(sys.stdout):
        _write_table(hits)
    else:
        for hit in hits:
            write_line(f"{hit.rank} {hit.score:.4f} {_seconds(hit)} {shown_path(hit.path)}")


def _seconds(hit: Hit) -> str:
    return f"{hit.start_s:.1f}-{hit.end_s:.1f}"


def _no_hits(collection: Collection, where: str | None) -> str:
    if collection.n_clips == 0:
        return f"no hits: {shown_path(collection.path)} holds no clips"
    return f"no hits: no clip passes --where {printable(where or '')!r}"


def _write_table(hits: Sequence[Hit]) -> None:
    """Aligned columns for a person; the path comes last and gives way where the terminal is narrow."""
    from rich.console import Console
    from rich.text import Text

    seconds = ["seconds", *(_seconds(hit) for hit in hits)]
    n_seconds = max(map(len, seconds))
    console = Console(highlight=False, soft_wrap=True)
    console.print(Text(f"rank   score  {seconds[0]:>{n_seconds}}  path", style="dim"))
    n_path_cells = max(terminal_width() - len("rank   score    ") - n_seconds, 20)
    for hit, span in zip(hits, seconds[1:], strict=True):
        line = Text(f"{hit.rank:>4}  ")
        line.append(f"{hit.score:6.3f}", style="bold")
        line.append(f"  {span:>{n_seconds}}  ")
        line.append(shortened(shown_path(hit.path), n_cells=n_path_cells))
        console.print(line)
