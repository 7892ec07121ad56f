"""`soundgrep evaluate`: how well captions find their clips, and clips their captions."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..options import CollectionFolder
from ..screen import counted, is_terminal, printable, terminal_width, write_json, write_line

if TYPE_CHECKING:
    from ...model.metrics import Estimate, Retrieval
    from ...search import Evaluation

HELP = """\
Measure how well texts find their sounds.

CAPTIONS is a csv file with the columns file and caption, and category if you
like; Clotho's and AudioCaps' files are understood too. Each caption is asked
of all clips that have one, exactly, and each clip is asked for its captions:
R@10 is the share with a right answer among the first ten. Figures are in
percent, with 95 % bootstrap intervals, beside what chance would find."""

EXAMPLES = """\
Examples:
  soundgrep evaluate sounds.soundgrep captions.csv
  soundgrep evaluate clotho.soundgrep clotho_captions_evaluation.csv --json
  soundgrep evaluate sounds.soundgrep captions.csv --encoder both"""


def evaluate(
    collection: CollectionFolder,
    captions: Annotated[
        Path, typer.Argument(metavar="CAPTIONS", help="Which text describes which file.", show_default=False)
    ],
    encoder: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|both",
            help="Which of the collection's encoders is judged, by default the first; both: each and all fused.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all figures as JSON, as shares of 1.")] = False,
) -> None:
    """Evaluate a collection: one call of `soundgrep.evaluate` and its figures."""
    from ...search import compare
    from ...search import evaluate as evaluate_collection
    from ...search.querying.request import ALL_ENCODERS
    from ..counting import counting

    with counting("captions read") as progress:
        if encoder in ALL_ENCODERS:
            all_found = compare(collection, captions, progress=progress)
        else:
            all_found = [evaluate_collection(collection, captions, encoder=encoder, progress=progress)]
    if as_json:
        written = [found.to_json() for found in all_found]
        write_json(written if encoder in ALL_ENCODERS else written[0])
    elif len(all_found) > 1:
        _write_comparison(all_found)
    else:
        _write_report(all_found[0])


def _write_report(found: Evaluation) -> None:
    from ..table import table_lines

    width = terminal_width() if is_terminal(sys.stdout) else None
    write_line(
        f"{printable(found.encoder_id)}: {counted(found.n_captions, 'caption')} of {counted(found.n_clips, 'clip')}; "
        "shares in percent"
    )
    for some in found.left_out:
        write_line(f"left out: {printable(str(some))}")
    write_line()
    rows = [*_rows("text to audio", found.text_to_audio), *_rows("audio to text", found.audio_to_text)]
    for line in table_lines(["", "", "value", "95 % interval", "chance"], rows, width=width):
        write_line(line)
    if found.by_category:
        write_line()
        names = ["text to audio", "captions", "R@1", "R@5", "R@10", "95 % interval", "mAP@10", "median rank"]
        categories = [_category_row(name, figures) for name, (figures, _) in found.by_category.items()]
        for line in table_lines(names, categories, width=width):
            write_line(line)


def _write_comparison(all_found: Sequence[Evaluation]) -> None:
    """Each encoder's figures side by side, and those of all fused by rank."""
    from ..table import table_lines

    first = all_found[0]
    write_line(f"{counted(first.n_captions, 'caption')} of {counted(first.n_clips, 'clip')}; shares in percent")
    for some in first.left_out:
        write_line(f"left out: {printable(str(some))}")
    write_line()
    columns = [
        [*_rows("text to audio", found.text_to_audio), *_rows("audio to text", found.audio_to_text)]
        for found in all_found
    ]
    rows = [
        (*column[0][:2], *(f"{row[2]}  {row[3]}".rstrip() for row in column)) for column in zip(*columns, strict=True)
    ]
    width = terminal_width() if is_terminal(sys.stdout) else None
    for line in table_lines(["", "", *(printable(found.encoder_id) for found in all_found)], rows, width=width):
        write_line(line)


def _rows(direction: str, figures: Retrieval) -> Iterator[tuple[object, ...]]:
    for cutoff, estimate in figures.recall.items():
        chance = "" if estimate.chance is None else _percent(estimate.chance)
        yield direction, f"R@{cutoff}", _percent(estimate.value), _interval(estimate), chance
    yield direction, "mAP@10", _percent(figures.map_at_10.value), _interval(figures.map_at_10), ""
    rank = figures.median_rank
    ends = "" if rank.low is None or rank.high is None else f"{rank.low:5g} to {rank.high:5g}"
    yield direction, "median rank", f"{rank.value:5g}", ends, ""


def _category_row(name: str, figures: Retrieval) -> tuple[object, ...]:
    shares = [_percent(estimate.value) for estimate in figures.recall.values()]
    return (
        name,
        figures.n_queries,
        *shares,
        _interval(figures.recall[10]),
        _percent(figures.map_at_10.value),
        f"{figures.median_rank.value:5g}",
    )


def _percent(share: float) -> str:
    return f"{100 * share:5.1f}"


def _interval(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{_percent(estimate.low)} to {_percent(estimate.high)}"
