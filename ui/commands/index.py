"""`soundgrep index`: makes sounds searchable, wherever they are."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ...model.errors import UsageError
from ...model.paths import user_path
from .. import interrupts, options
from ..screen import (
    EXIT_ATTENTION,
    counted,
    is_terminal,
    printable,
    quoted,
    say,
    shortened,
    shown_path,
    spoken_duration,
    terminal_width,
    write_json,
    write_line,
)

if TYPE_CHECKING:
    from ...indexer.report import IndexReport

N_SHOWN_FAILURES = 20
N_SHOWN_SOURCES = 3
N_SHOWN_SUFFIXES = 8
COMPANIONS = frozenset({".md", ".rst", ".log", ".ini", ".cfg", ".yaml", ".yml", ".toml", ".jsonl", ".parquet", ".db"})
"""Suffixes of what lies beside sounds and is none, beyond the texts and pictures that Python knows."""
HELP = """\
Make a folder of sounds searchable.

Listens to every sound of SOURCE (wav, flac, ogg, opus, mp3, m4a, aiff, and the
sound of videos) and writes what it heard into COLLECTION, a folder of its own.
Your files are only read. A SOURCE is

\b
  a folder, with everything below it;
  a pattern in quotes, as '~/Sounds/**/*.flac';
  a list: a csv, tsv, Parquet or JSON lines file with a column path or file;
    its other columns become metadata of the clips;
  a tar archive, as of WebDataset: each member is a clip; or a folder of them;
  the URL of any of these, as s3://bucket/sounds (needs soundgrep[s3]).

Stop it at any time. Run the same command again to go on, and whenever sounds
were added, changed or removed: it does only what is new."""

EXAMPLES = """\
Examples:
  soundgrep index ~/Sounds sounds.soundgrep
  soundgrep index ~/Sounds sounds.soundgrep --encoder msclap-2023
  soundgrep index ~/Sounds sounds.soundgrep --encoder laion/clap-htsat-unfused
  soundgrep index ~/Talks talks.soundgrep --hop-s 2 --exclude drafts
  soundgrep index takes.csv 'shards/*.tar' s3://sounds/foley all.soundgrep
  soundgrep index /shared/Sounds sounds.soundgrep --engine ray"""


def index(
    sources: options.Sources,
    collection: options.WrittenFolder,
    encoder: options.IndexEncoder = None,
    hop_s: options.HopSeconds = None,
    workers: options.IndexWorkers = None,
    exclude: options.Exclude = None,
    prune: options.Prune = False,
    retry_failed: options.RetryFailed = False,
    engine: options.Engine = "local",
    address: options.Address = None,
    recall: options.Recall = None,
    rebuild_index: options.RebuildIndex = False,
    report_file: options.ReportFile = None,
    as_json: options.ReportAsJson = False,
) -> None:
    """Index sources: one call of `soundgrep.build_collection` between a progress bar and a report."""
    # With --json stdout holds the report and nothing else.
    announce = say if as_json else write_line
    try:
        from ...indexer import BuildOptions, build_collection
        from ...indexer.encoders import Encoders
        from ...model.encoders.runtime import leaves_gpu_idle
        from ..progress import IndexingProgress

        encoders = Encoders.open(user_path(collection), encoder)
        if encoders.absent:
            say(f"note: {_absence(encoders.absent)}")
        if leaves_gpu_idle():
            say("note: this machine's GPU is not used, because torch is not installed: pip install 'soundgrep[torch]'")
        with IndexingProgress(on_start=lambda: announce(_announcement([one.id for one in encoders.here]))) as shown:
            interrupts.let_it_save()
            report = build_collection(
                sources,
                collection,
                encoder=None if encoder is None else encoders.chosen,
                hop_s=hop_s,
                n_workers=workers,
                progress=shown.update,
                options=BuildOptions(
                    prune=prune,
                    retry_failed=retry_failed,
                    engine=engine,
                    address=address,
                    recall=recall,
                    rebuild_index=rebuild_index,
                    exclude=tuple(exclude or ()),
                ),
            )
    except KeyboardInterrupt:
        _say_stopped(collection)
        interrupts.stop_now(is_told=True)
    if report_file is not None:
        _save_report(report, report_file)
    if as_json:
        write_json(report.to_json())
    else:
        _write_report(report, collection)
    if _needs_attention(report, sources, collection):
        raise typer.Exit(EXIT_ATTENTION)


def _needs_attention(report: IndexReport, sources: Sequence[str], collection: Path) -> bool:
    """Print on stderr what somebody should look at, and return whether there is anything."""
    if report.n_unknown:
        say(
            f"the files of {counted(report.n_unknown, 'clip')} of {shown_path(collection)} could not be looked at, so "
            "that they may be there or not: the clips were kept"
        )
    if report.n_withheld:
        say(
            f"the files of {counted(report.n_withheld, 'clip')} are gone or broken, which is more than half of what "
            f"{shown_path(collection)} has from {_named(sources)}, or all that it has from one of them: the clips were "
            "kept, and --prune would drop them"
        )
    if report.n_withheld or report.n_unknown:
        return True
    if report.failures and not report.n_clips:
        say(f"none of the files of {_named(sources)} could be read: {shown_path(collection)} is empty")
        return True
    n_read = report.n_added + report.n_replaced + report.n_unchanged
    if len(report.failures) > n_read:
        say(f"more files of {_named(sources)} failed ({len(report.failures):,}) than could be read ({n_read:,})")
        return True
    return False


def _named(sources: Sequence[str]) -> str:
    """Return the sources in a sentence: a shell may have made thousands of a pattern."""
    shown = ", ".join(shown_path(source) for source in sources[:N_SHOWN_SOURCES])
    n_more = len(sources) - N_SHOWN_SOURCES
    return f"{shown} and {n_more:,} more" if n_more > 0 else shown


def _announcement(encoder_ids: Sequence[str]) -> str:
    if encoder_ids == ["mini"]:
        return "encoder: mini (small; stronger: --encoder msclap-2023, or soundgrep convert)"
    return f"encoder{'' if len(encoder_ids) == 1 else 's'}: {', '.join(map(printable, encoder_ids))}"


def _absence(encoder_ids: Sequence[str]) -> str:
    names, verb = ", ".join(map(printable, encoder_ids)), "is" if len(encoder_ids) == 1 else "are"
    return f"{names} {verb} not on this machine: it embeds what is new in a run that has it"


def _say_stopped(collection: Path) -> None:
    if (collection / "manifest.json").exists():
        say(f"stopped. {shown_path(collection)} is good so far; run the same command again to go on.")
    else:
        say("stopped before anything was written; run the same command again to start.")


def _save_report(report: IndexReport, path: Path) -> None:
    try:
        path.write_text(json.dumps(report.to_json(), indent=2) + "\n", "utf-8")
    except OSError as error:
        reason = f"{shown_path(path)}: the report cannot be written ({error.strerror})"
        raise UsageError(reason) from error


def _write_report(report: IndexReport, collection: Path) -> None:
    changes = [
        f"{n:,} {what}"
        for n, what in (
            (report.n_added, "added"),
            (report.n_replaced, "replaced"),
            (report.n_removed, "removed"),
            (report.n_unchanged, "unchanged"),
            (len(report.failures), "failed"),
        )
        if n
    ]
    write_line(
        f"{shown_path(collection)}: {counted(report.n_clips, 'clip')} in {counted(report.n_segments, 'segment')} "
        f"({', '.join(changes) or 'nothing changed'})"
    )
    for encoder_id, n_clips in report.embedded.items():
        if n_clips:
            write_line(f"{printable(encoder_id)} embedded {counted(n_clips, 'clip')}")
    heard = f"listened to {spoken_duration(report.audio_s)} of sound in " if report.audio_s else "took "
    write_line(heard + spoken_duration(report.elapsed_s))
    if report.failures:
        _write_failures(report)
    passed_over = _passed_over(report)
    if passed_over:
        write_line(passed_over)
    if report.notes:
        _write_notes(report)
    if report.n_clips:
        write_line(f"next: soundgrep search {quoted(collection)} dog barking")


def _passed_over(report: IndexReport) -> str:
    """Return what was not taken for sound, but for texts, pictures and the like; nothing if there was no such file."""
    from mimetypes import MimeTypes

    types = MimeTypes()  # those of Python, not of the machine
    counts = [
        (suffix, n)
        for suffix, n in report.passed_over.items()
        if suffix
        and suffix not in COMPANIONS
        and (
            suffix == ".tar"
            or not (types.guess_type("x" + suffix)[0] or "").startswith(("text/", "image/", "application/"))
        )
    ]
    if not counts:
        return ""
    named = [f"{n:,} {printable(suffix)}" for suffix, n in counts[:N_SHOWN_SUFFIXES]]
    more = ", ..." if len(counts) > N_SHOWN_SUFFIXES else ""
    return f"passed over as no sound: {', '.join(named)}{more}"


def _failure_lines(path: str, reason: str) -> Sequence[str]:
    """One line a failure; on a terminal too narrow for it, the reason goes below the path."""
    line = f"  {path}: {reason}"
    width = terminal_width()
    if not is_terminal(sys.stdout) or len(line) <= width:
        return [line]
    reasons = textwrap.wrap(reason, width, initial_indent="    ", subsequent_indent="    ")
    return [f"  {shortened(path, n_cells=width - 2)}", *reasons]


def _write_failures(report: IndexReport) -> None:
    write_line(f"{counted(len(report.failures), 'file')} could not be read:")
    _write_first([(failure.path, failure.reason) for failure in report.failures])


def _write_notes(report: IndexReport) -> None:
    write_line(f"of what was indexed, {counted(len(report.notes), 'thing')} may matter:")
    _write_first([(note.path, note.note) for note in report.notes])


def _write_first(said: Sequence[tuple[str, str]]) -> None:
    """Write what is said of files, path and sentence each, and how many more there are."""
    for path, sentence in said[:N_SHOWN_FAILURES]:
        for line in _failure_lines(shown_path(path), printable(sentence)):
            write_line(line)
    n_more = len(said) - N_SHOWN_FAILURES
    if n_more > 0:
        write_line(f"  and {n_more:,} more (--json lists them all)")
