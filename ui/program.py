"""The program: its subcommands, its exit codes and its one way of reporting an error."""

from __future__ import annotations

import io
import logging
import os
import sys
import warnings
from typing import Annotated

import typer

from ..model.errors import SoundgrepError, SoundgrepWarning
from . import (
    annotating,
    browsing,
    captioning,
    classifying,
    compacting,
    converting,
    evaluating,
    indexing,
    inspecting,
    mapping,
    modelling,
    relocating,
    remembering,
    searching,
    serving,
    verifying,
)
from .help import PlainCommand, PlainGroup
from .screen import PROGRAM, say, write_line

EXIT_FAILED = 1
EXIT_MISTAKE = 2

app = typer.Typer(
    name=PROGRAM,
    cls=PlainGroup,
    help="Find sounds by describing them.",
    epilog="""\
Start here:
  soundgrep index ~/Sounds sounds.soundgrep
  soundgrep search sounds.soundgrep dog barking in the rain

Each command has examples of its own: soundgrep search --help""",
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("index", cls=PlainCommand, help=indexing.HELP, epilog=indexing.EXAMPLES)(indexing.index)
app.command("metadata", cls=PlainCommand, help=annotating.HELP, epilog=annotating.EXAMPLES)(annotating.metadata)
app.command("search", cls=PlainCommand, help=searching.HELP, epilog=searching.EXAMPLES)(searching.search)
app.command("sql", cls=PlainCommand, help=inspecting.SQL_HELP, epilog=inspecting.SQL_EXAMPLES)(inspecting.sql)
app.command("show", cls=PlainCommand, help=inspecting.SHOW_HELP, epilog=inspecting.SHOW_EXAMPLES)(inspecting.show)
app.command("evaluate", cls=PlainCommand, help=evaluating.HELP, epilog=evaluating.EXAMPLES)(evaluating.evaluate)
app.command("classify", cls=PlainCommand, help=classifying.HELP, epilog=classifying.EXAMPLES)(classifying.classify)
app.command("caption", cls=PlainCommand, help=captioning.HELP, epilog=captioning.EXAMPLES)(captioning.caption)
app.command("relocate", cls=PlainCommand, help=relocating.HELP, epilog=relocating.EXAMPLES)(relocating.relocate)
app.command("queries", cls=PlainCommand, help=remembering.HELP, epilog=remembering.EXAMPLES)(remembering.queries)
app.command("map", cls=PlainCommand, help=mapping.HELP, epilog=mapping.EXAMPLES)(mapping.map_)
app.command("serve", cls=PlainCommand, help=serving.HELP, epilog=serving.EXAMPLES)(serving.serve)
app.command("ui", cls=PlainCommand, help=browsing.HELP, epilog=browsing.EXAMPLES)(browsing.ui)
app.command("verify", cls=PlainCommand, help=verifying.HELP, epilog=verifying.EXAMPLES)(verifying.verify)
app.command("compact", cls=PlainCommand, help=compacting.HELP, epilog=compacting.EXAMPLES)(compacting.compact)
app.add_typer(modelling.models_app, name="models")
app.command("convert", cls=PlainCommand, help=converting.HELP, epilog=converting.EXAMPLES)(converting.convert)


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        write_line(f"{PROGRAM} {version(PROGRAM)}")
        raise typer.Exit


@app.callback()
def _soundgrep(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Holds the options that come before a command."""


def run() -> int:
    """Runs the command line of this process.

    Returns:
        0 if all went well (files that failed are reported, not an error), 2 after a mistake of the user, 1 if the
        system failed (disk full, ...), 3 if it found something that a person must look at (clips kept
        though their files are gone, a collection that is damaged).

    Raises:
        KeyboardInterrupt: After Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show is no reason to stop
    warnings.showwarning = _show_warning
    logging.getLogger(PROGRAM).addHandler(_Notes(logging.WARNING))
    try:
        code = app(prog_name=PROGRAM, standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        return _mistake_in_arguments(error)
    except SoundgrepError as error:
        say(str(error))
        return EXIT_MISTAKE
    except typer.Abort as error:
        raise KeyboardInterrupt from error
    except BrokenPipeError:
        _drop_output()  # the reader has seen enough (`| head`)
        return EXIT_FAILED
    except OSError as error:
        _drop_output()
        say(f"{error.filename}: {error.strerror}" if error.filename else f"{error.strerror or error}")
        return EXIT_FAILED
    return code if isinstance(code, int) else 0


def _drop_output() -> None:
    """Sends what is left in the buffer nowhere, or Python tries to write it again when it ends, and fails again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _mistake_in_arguments(error: typer.TyperException) -> int:
    """Reports an unknown option, a missing argument and the like on one line, with where to look."""
    context: typer.Context | None = getattr(error, "ctx", None)
    if context is not None and type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(context.get_help() + "\n")
        return EXIT_MISTAKE
    sentence = " ".join(error.format_message().split()).rstrip(".")
    command = context.command_path if context is not None else PROGRAM
    say(f"{sentence}. Try '{command} --help'.")
    return EXIT_MISTAKE


class _Notes(logging.Handler):
    """Shows what the library logs on one line each; the traceback of an unforeseen error is for its developers."""

    def emit(self, record: logging.LogRecord) -> None:
        say(f"note: {record.getMessage()}")


def _show_warning(message: Warning | str, category: type[Warning], *_where: object, **_more: object) -> None:
    """Our own warnings are for the user; those of other libraries are for their developers, who use Python."""
    if issubclass(category, SoundgrepWarning):
        say(f"note: {message}")
