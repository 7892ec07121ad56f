"""Options: what more than one command takes, and all that `search` takes, each declared once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ..model.errors import UsageError
from .screen import printable


def _argument(metavar: str, text: str) -> Any:
    return typer.Argument(metavar=metavar, help=text, show_default=False)


def _option(metavar: str, text: str, *names: str, panel: str | None = None, shows_default: bool = False) -> Any:
    return typer.Option(*names, metavar=metavar, help=text, show_default=shows_default, rich_help_panel=panel)


def json_option(text: str, *, panel: str | None = None) -> Any:
    """Declare `--json`, as every listing has it."""
    return typer.Option("--json", help=text, rich_help_panel=panel)


CollectionFolder = Annotated[Path, _argument("COLLECTION", "A folder that soundgrep index wrote.")]
CollectionFolders = Annotated[list[Path], _argument("COLLECTION", "Folders that soundgrep index wrote.")]
ReportAsJson = Annotated[bool, json_option("Print the report as JSON.")]
Host = Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")]
SqlValues = Annotated[list[str] | None, _option("NAME=VALUE", "The value of $NAME in SQL.")]

# Of `index`.
Sources = Annotated[list[str], _argument("SOURCE", "Where the sounds are.")]
WrittenFolder = Annotated[Path, _argument("COLLECTION", "The folder to write or to bring up to date.")]
IndexEncoder = Annotated[
    str | None,
    _option(
        "NAME",
        "What listens: mini (the default), another that soundgrep models lists, or a checkpoint's folder. "
        "A collection remembers its own; one that it does not have is added.",
    ),
]
HopSeconds = Annotated[
    float | None,
    _option(
        "SECONDS",
        "How far apart the segments of a long clip start; by default they do not overlap. Less is finer in time and "
        "slower.",
    ),
]
IndexWorkers = Annotated[int | None, _option("N", "How many processes work at once, by default one a core.")]
Exclude = Annotated[
    list[str] | None,
    _option(
        "PATTERN",
        "Pass over files and folders of this name, as '*.mp3' or drafts, or of this path below SOURCE, as "
        "'old/*/takes'; may be given several times.",
    ),
]
Prune = Annotated[
    bool,
    typer.Option(
        "--prune", help="Drop the clips whose files are gone even if they are more than half of those from SOURCE."
    ),
]
RetryFailed = Annotated[
    bool, typer.Option("--retry-failed", help="Try again the files that failed before and have not changed since.")
]
Engine = Annotated[
    str,
    _option(
        "NAME",
        "What does the work: local, the processes of this machine (the default), or ray, a Ray cluster whose machines "
        "see the sounds under the same paths (see the extra soundgrep[ray]).",
    ),
]
Address = Annotated[
    str | None,
    _option("HOST:PORT", "Where the Ray cluster is; by default what RAY_ADDRESS says, or this machine alone."),
]
Recall = Annotated[
    float | None,
    _option(
        "SHARE",
        "Of the ten segments nearest to a text, the share that the index of a large collection must find; 0.99 by "
        "default. More is slower.",
    ),
]
RebuildIndex = Annotated[
    bool, typer.Option("--rebuild-index", help="Make the index anew, as `soundgrep show` may advise.")
]
ReportFile = Annotated[Path | None, _option("FILE", "Also write the report to FILE, as JSON.", "--report")]

# Of `search`, in the groups that its help shows.
_QUERY, _PLACE, _LIST = "What to look for", "Where to look", "What to list"

SearchedFolder = Annotated[Path, _argument("COLLECTION...", "A folder that soundgrep index wrote, or several.")]
Words = Annotated[list[str] | None, _argument("TEXT", "What you want to hear.")]
Plus = Annotated[list[str] | None, _option("TEXT", 'And this; "TEXT*0.5" counts half.', panel=_QUERY)]
Minus = Annotated[list[str] | None, _option("TEXT", "But not this.", panel=_QUERY)]
Like = Annotated[
    list[str] | None,
    _option("CLIP", "Like this: a file of the collection, or the id of a clip or segment.", panel=_QUERY),
]
Audio = Annotated[list[Path] | None, _option("FILE", "Like this file, from anywhere.", panel=_QUERY)]
Embedding = Annotated[
    list[Path] | None, _option("FILE", "Like this embedding: .npy, or a list of numbers in JSON.", panel=_QUERY)
]
Saved = Annotated[str | None, _option("NAME", "And what was saved under this name, with its filter.", panel=_QUERY)]
QueryFile = Annotated[
    Path | None,
    _option("FILE", "Instead of TEXT: every line of a text file; prints a line of JSON for each.", panel=_QUERY),
]
Where = Annotated[str | None, _option("SQL", "Only clips for which this is true.", panel=_PLACE)]
WhereValues = Annotated[list[str] | None, _option("NAME=VALUE", "The value of $NAME in --where.", panel=_PLACE)]
EncoderName = Annotated[
    str | None,
    _option(
        "NAME|both",
        "Which of the collection's encoders is asked, by default the first; both: all, fused by rank.",
        panel=_PLACE,
    ),
]
TextMatch = Annotated[
    str,
    _option(
        "off|on|only",
        "Look for the words in names, tags and captions: off, on or only.",
        panel=_PLACE,
        shows_default=True,
    ),
]
Count = Annotated[int, _option("N", "How many hits.", "-k", panel=_LIST, shows_default=True)]
Offset = Annotated[int, _option("N", "How many hits to pass over first.", panel=_LIST, shows_default=True)]
By = Annotated[
    str, _option("clip|segment", "Each clip once, or every segment by itself.", panel=_LIST, shows_default=True)
]
MinScore = Annotated[float | None, _option("SCORE", "Only hits from this score.", panel=_LIST)]
Fold = Annotated[
    bool, typer.Option("--fold", help="List near copies once, as the best of them.", rich_help_panel=_LIST)
]
Save = Annotated[
    str | None, _option("NAME", "Keep the query and its --where in the collection under this name.", panel=_LIST)
]
Output = Annotated[
    Path | None,
    _option("FILE", "Write the hits to a file: .csv, .json, .parquet, .m3u, or .zip for their sounds.", panel=_LIST),
]
Spans = Annotated[str | None, _option("wav|flac", "In the .zip, only the seconds that answer, cut out.", panel=_LIST)]
Explain = Annotated[bool, typer.Option("--explain", help="Say on stderr how the search went.", rich_help_panel=_LIST)]
HitsAsJson = Annotated[bool, json_option("Print the hits as a JSON list.", panel=_LIST)]

_BOUND = re.compile(r"\$?(\w+)=(.*)", re.DOTALL)


def bound_values(given: Sequence[str] | None) -> dict[str, object]:
    """Read the values of `--bind`, by name; SQL turns the texts into what it compares them with.

    Raises:
        UsageError: If one is not `name=value`, or a name comes twice.
    """
    values: dict[str, object] = {}
    for one in given or ():
        bound = _BOUND.fullmatch(one)
        if bound is None:
            raise UsageError(f"--bind takes name=value, not {printable(one)!r}")
        if bound[1] in values:
            raise UsageError(f"--bind gives {bound[1]!r} twice")
        values[bound[1]] = bound[2]
    return values
