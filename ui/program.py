"""The program: its subcommands, its exit codes and its one way of reporting an error."""

from __future__ import annotations

import errno
import io
import logging
import os
import sys
import warnings
from typing import Annotated

import typer

from ..model.errors import SoundgrepError, SoundgrepWarning
from ..model.system_errors import system_error
from .commands import (
    caption,
    classify,
    compact,
    convert,
    evaluate,
    index,
    metadata,
    models,
    queries,
    relocate,
    search,
    serve,
    show,
    sql,
    ui,
    verify,
)
from .commands import map as map_
from .help import PlainCommand, PlainGroup
from .screen import PROGRAM, say, write_line

EXIT_FAILED = 1
EXIT_MISTAKE = 2
_FAILURES = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
"""Errors of the system that are no mistake of the user's, whoever they stop."""

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
app.command("index", cls=PlainCommand, help=index.HELP, epilog=index.EXAMPLES)(index.index)
app.command("metadata", cls=PlainCommand, help=metadata.HELP, epilog=metadata.EXAMPLES)(metadata.metadata)
app.command("search", cls=PlainCommand, help=search.HELP, epilog=search.EXAMPLES)(search.search)
app.command("sql", cls=PlainCommand, help=sql.HELP, epilog=sql.EXAMPLES)(sql.sql)
app.command("show", cls=PlainCommand, help=show.HELP, epilog=show.EXAMPLES)(show.show)
app.command("evaluate", cls=PlainCommand, help=evaluate.HELP, epilog=evaluate.EXAMPLES)(evaluate.evaluate)
app.command("classify", cls=PlainCommand, help=classify.HELP, epilog=classify.EXAMPLES)(classify.classify)
app.command("caption", cls=PlainCommand, help=caption.HELP, epilog=caption.EXAMPLES)(caption.caption)
app.command("relocate", cls=PlainCommand, help=relocate.HELP, epilog=relocate.EXAMPLES)(relocate.relocate)
app.command("queries", cls=PlainCommand, help=queries.HELP, epilog=queries.EXAMPLES)(queries.queries)
app.command("map", cls=PlainCommand, help=map_.HELP, epilog=map_.EXAMPLES)(map_.map_)
app.command("serve", cls=PlainCommand, help=serve.HELP, epilog=serve.EXAMPLES)(serve.serve)
app.command("ui", cls=PlainCommand, help=ui.HELP, epilog=ui.EXAMPLES)(ui.ui)
app.command("verify", cls=PlainCommand, help=verify.HELP, epilog=verify.EXAMPLES)(verify.verify)
app.command("compact", cls=PlainCommand, help=compact.HELP, epilog=compact.EXAMPLES)(compact.compact)
app.add_typer(models.models_app, name="models")
app.command("convert", cls=PlainCommand, help=convert.HELP, epilog=convert.EXAMPLES)(convert.convert)


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
    """Hold the options that come before a command."""


def run() -> int:
    """Run the command line of this process.

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
        return EXIT_FAILED if system_error(error) in _FAILURES else EXIT_MISTAKE
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
    """Send what is left in the buffer nowhere, or Python tries to write it again when it ends, and fails again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _mistake_in_arguments(error: typer.TyperException) -> int:
    """Report an unknown option, a missing argument and the like on one line, with where to look."""
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
