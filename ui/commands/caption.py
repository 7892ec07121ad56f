"""`soundgrep caption`: says in sentences what sounds are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...model.paths import user_path
from ..screen import EXIT_ATTENTION, counted, printable, quoted, say, shown_path, write_json, write_line

if TYPE_CHECKING:
    from ...indexer.maintenance.captions import Caption, CaptionReport, Manner
    from ...model.captioning.captioner import Captioner

HELP = """\
Say in sentences what sounds are.

TARGET is a collection, whose captions are kept in it: search --text-match finds
their words, and SQL has them as the table captions. Or it is files, whose
captions are printed. A longer sound is heard in a few places. What has its
captions already is left alone, so a run may be stopped and run again."""

EXAMPLES = """\
Examples:
  soundgrep caption door.wav rain.ogg
  soundgrep caption sounds.soundgrep
  soundgrep caption sounds.soundgrep --captioner ./clapcap --beams 1

Where there is no network, convert the weights first:
  soundgrep convert clapcap_weights_2023.pth clapcap --tokenizer gpt2"""


def caption(
    context: typer.Context,
    targets: Annotated[list[str], typer.Argument(metavar="TARGET", help="A collection, or files.", show_default=False)],
    captioner: Annotated[
        str, typer.Option(metavar="NAME", help="What writes: clapcap, or the folder of a converted one.")
    ] = "clapcap",
    segments: Annotated[int, typer.Option(metavar="N", min=1, help="In how many places a longer sound is heard.")] = 3,
    beams: Annotated[
        int, typer.Option(metavar="N", min=1, help="Beginnings kept at once; 1 is quickest, 5 the reference's way.")
    ] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print captions, or the report, as JSON.")] = False,
) -> None:
    """Captions: one call of `caption_collection`, or one of `caption_file` for each file."""
    from ...indexer.maintenance.captions import Manner, caption_collection
    from ...model.captioning.captioner import Captioner, CaptionSearch
    from ...search.store.manifest import has_manifest
    from ..counting import counting

    manner = Manner(n_segments=segments, search=CaptionSearch(n_beams=beams))
    is_collection = len(targets) == 1 and has_manifest(user_path(targets[0]))
    if not is_collection:
        _check_files(targets)
    writer = Captioner.from_pretrained(captioner)
    if not is_collection:
        n_failed = _caption_files(targets, writer, manner, as_json=as_json)
    else:
        with counting("clips captioned") as progress:
            report = caption_collection(targets[0], captioner=writer, manner=manner, progress=progress)
        n_failed = len(report.failures)
        if as_json:
            write_json(report.to_json())
        else:
            _write_report(report)
    if n_failed:
        context.exit(EXIT_ATTENTION)


def _check_files(targets: list[str]) -> None:
    """Refuse folders before anything is loaded."""
    from ...model.errors import UsageError

    for target in targets:
        if user_path(target).is_dir():
            raise UsageError(f"{target}: is a folder; give files, or one collection (soundgrep index makes one)")


def _caption_files(paths: list[str], captioner: Captioner, manner: Manner, *, as_json: bool) -> int:
    from ...indexer.maintenance.captions import caption_file
    from ...model.errors import AudioError

    found: list[dict[str, Any]] = []
    n_failed = 0
    for path in paths:
        try:
            captions = caption_file(path, captioner=captioner, manner=manner)
        except AudioError as error:
            if len(paths) == 1:
                raise
            say(str(error))
            n_failed += 1
            continue
        found.append({"path": path, "captions": [one.to_json() for one in captions]})
        if not as_json:
            _write_captions(path, captions)
    if as_json:
        write_json(found)
    return n_failed


def _write_captions(path: str, captions: list[Caption]) -> None:
    for one in captions:
        where = f" {one.start_s:.1f}-{one.end_s:.1f}" if len(captions) > 1 else ""
        write_line(f"{shown_path(path)}{where}: {printable(one.text)}")


def _write_report(report: CaptionReport) -> None:
    write_line(
        f"{shown_path(report.collection)}: {counted(report.n_captioned, 'clip')} captioned by "
        f"{printable(report.captioner)}, {report.n_known:,} had their captions; "
        f"{counted(report.n_captions, 'caption')} in all"
    )
    for failure in report.failures:
        say(f"{shown_path(failure.path)}: {failure.reason}")
    write_line(f'next: soundgrep sql {quoted(report.collection)} "FROM captions"')
