"""`soundgrep classify`: what each sound is, out of a list of labels."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..screen import counted, is_terminal, printable, quoted, say, shown_path, terminal_width, write_json, write_line

if TYPE_CHECKING:
    from ...model.metrics import Estimate
    from ...search.evaluation.classification import Accuracy, Classification

HELP = """\
Name the kind of each sound, out of your labels.

LABELS is a text file with a label a line, or a csv file with a column label,
category or class; if it has a column of file names too, as ESC-50's and
UrbanSound8K's have, it says what is right, and the accuracy is shown. No
training is needed: a label is a text, and the nearest text wins.

The score is the label's share among all labels (a softmax at the encoder's
own temperature): it says which label, not whether any of them fits."""

EXAMPLES = """\
Examples:
  soundgrep classify ~/Sounds --labels labels.txt
  soundgrep classify sounds.soundgrep --labels labels.txt --store
  soundgrep classify ESC-50/audio --labels ESC-50/meta/esc50.csv

With --store, SQL and --where can use the table labels: clip_id, label, rank,
score, cosine. Labels go along with files that are moved, and go where a file
comes to hold another sound; the others stay until --store is used again."""


def classify(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A collection, or a folder of sounds, or whatever else can be indexed.",
            show_default=False,
        ),
    ],
    labels: Annotated[Path, typer.Option(metavar="FILE", help="What a sound may be called.", show_default=False)],
    encoder: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What listens to a folder: mini (the default), msclap-2023, or the folder of a checkpoint.",
            show_default=False,
        ),
    ] = None,
    template: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT",
            help="What a label becomes, {} standing for it; given several times, their mean counts. "
            "By default 'this is the sound of {}'.",
            show_default=False,
        ),
    ] = None,
    store: Annotated[bool, typer.Option("--store", help="Keep the labels in the collection.")] = False,
    workers: Annotated[
        int | None,
        typer.Option(metavar="N", help="How many processes read a folder, by default one a core.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print every clip's best five labels as JSON.")] = False,
) -> None:
    """Classify clips: one call of `soundgrep.classify` and a table."""
    from ...indexer.maintenance.labels import Watch
    from ...indexer.maintenance.labels import classify as classify_clips
    from ...search.evaluation.labelling import TEMPLATES
    from ..counting import counting
    from ..progress import IndexingProgress

    with counting("labels read") as texts, IndexingProgress(on_start=lambda: None) as shown:
        found = classify_clips(
            source,
            labels,
            encoder=encoder,
            templates=tuple(template or TEMPLATES),
            store=store,
            n_workers=workers,
            watch=Watch(texts=texts, files=shown.update),
        )
    if as_json:
        write_json(found.to_json())
    elif not found.paths:
        say(f"{shown_path(source)} holds no clips")
    else:
        _write_report(found)
    if store:
        collection = quoted(source)
        say(f"the labels are stored; next: soundgrep sql {collection} 'FROM labels WHERE rank = 1'")


def _write_report(found: Classification) -> None:
    for some in found.left_out:
        write_line(f"left out: {printable(str(some))}")
    if found.accuracy is None:
        _write_clips(found)
    else:
        _write_accuracy(found, found.accuracy)


def _write_clips(found: Classification) -> None:
    best = zip(found.best.scores[:, 0], found.best.labels[:, 0], found.paths, strict=True)
    _write_table(
        ["score", "label", "path"],
        [(f"{score:.3f}", found.names[label], shown_path(path)) for score, label, path in best],
    )


def _write_accuracy(found: Classification, accuracy: Accuracy) -> None:
    write_line(
        f"{printable(found.encoder_id)}: {counted(accuracy.n_clips, 'clip')}, {counted(len(found.names), 'label')}; "
        "shares in percent"
    )
    n_unknown = len(found.paths) - accuracy.n_clips
    if n_unknown:
        write_line(f"not counted: {counted(n_unknown, 'clip')} of which nobody says what they are")
    write_line()
    figures = [("best label right", accuracy.first), ("among the best 5", accuracy.among_five)]
    rows = [(name, *_cells(estimate)) for name, estimate in figures if estimate is not None]
    _write_table(["", "value", "95 % interval", "chance"], rows)
    write_line()
    _write_table(
        ["label", "clips", "right", "mostly taken for"],
        [
            (name, one.n_clips, f"{100 * one.accuracy:5.1f}", one.mistaken_for or "")
            for name, one in accuracy.by_label.items()
        ],
    )


def _cells(estimate: Estimate) -> tuple[str, str, str]:
    ends = [estimate.low, estimate.high]
    interval = " to ".join(f"{100 * end:5.1f}" for end in ends if end is not None)
    return f"{100 * estimate.value:5.1f}", interval, f"{100 * (estimate.chance or 0):5.1f}"


def _write_table(names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    from ..table import table_lines

    for line in table_lines(names, rows, width=terminal_width() if is_terminal(sys.stdout) else None):
        write_line(line)
