"""`soundgrep models`: which encoders there are, and whether one works."""

from __future__ import annotations

import dataclasses
import sys
from typing import Annotated

import typer

from ..help import PlainCommand, PlainGroup
from ..screen import is_terminal, printable, spoken_size, terminal_width, write_json, write_line

HELP = """\
List the encoders that go by a name.

Wherever an encoder is asked for, a name of this list will do, or a folder with
a checkpoint, or a repository of the hub as OWNER/NAME (and @REVISION). What is
not on this machine yet is fetched once, and held to what came then."""

EXAMPLES = """\
Examples:
  soundgrep models
  soundgrep models check mini
  soundgrep models check ~/checkpoints/mine"""

CHECK_HELP = """\
Look whether an encoder works.

Loads both towers and asks what every encoder that works does: different texts
differ, texts of the same words lie nearer than others, sounds differ, and
a sound's embedding is the same whatever is embedded beside it. Whether it is
any good is another question: see soundgrep evaluate."""

models_app = typer.Typer(
    cls=PlainGroup, help=HELP, epilog=EXAMPLES, rich_markup_mode=None, invoke_without_command=True, add_completion=False
)

_COLUMNS = ("name", "family", "dim", "segment", "rate", "size", "licence", "here")


@models_app.callback()
def models(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List encoders: one call of `soundgrep.model.encoders.registry.known_models`."""
    if context.invoked_subcommand is not None:
        return
    from ...model.encoders.registry import known_models
    from ..table import table_lines

    found = known_models()
    if as_json:
        write_json([model.to_json() for model in found])
        return
    rows = []
    for model in found:
        traits = model.traits
        told = (
            ("?", "?", "?")
            if traits is None
            else (f"{traits.embedding_dim}", f"{traits.segment_s:g} s", f"{traits.sampling_rate_hz:,} Hz")
        )
        size = "?" if model.n_bytes is None else spoken_size(model.n_bytes)
        here = "no" if model.folder is None else "yes"
        rows.append((model.release.name, model.family, *told, size, model.release.licence, here))
    width = terminal_width() if is_terminal(sys.stdout) else None
    for line in table_lines(_COLUMNS, rows, width=width):
        write_line(line)


@models_app.command("check", cls=PlainCommand, help=CHECK_HELP)
def check(
    encoder: Annotated[
        str, typer.Argument(metavar="NAME_OR_DIR", help="A name, or a checkpoint's folder.", show_default=False)
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print what was seen as JSON.")] = False,
) -> None:
    """Examine an encoder: one call of `Encoder.examine` and what it saw."""
    from ...model.encoders.encoder import Encoder

    seen = Encoder.from_pretrained(encoder).examine()
    if as_json:
        write_json(dataclasses.asdict(seen))
        return
    traits, text = seen.traits, seen.text
    for head, said in (
        ("encoder", f"{printable(seen.id)} ({seen.digest[:19]}), of the family {seen.family}"),
        ("sounds", f"segments of {traits.segment_s:g} s at {traits.sampling_rate_hz:,} Hz"),
        ("embeddings", f"{traits.embedding_dim} numbers; cosines count {seen.logit_scale:.3g} times in a softmax"),
        ("texts", f"different ones at a mean cosine of {text.mean_cosine:.3f}"),
        ("order", f"{text.n_right} of {text.n_triples} times, texts of the same words were nearer than others"),
        ("a tone, noise", f"at a cosine of {1 - seen.audio_distance:.3f}, the same in any batch"),
    ):
        write_line(f"{head:<15}{said}")
    write_line("it works")
