"""`soundgrep convert`: the original MSCLAP weights as a checkpoint that soundgrep can use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .screen import counted, quoted, shown_path, write_line

HELP = """\
Make the original MSCLAP 2023 weights usable.

You need this once, and only on a machine that cannot download by itself:
elsewhere --encoder msclap-2023 does it for you. WEIGHTS is the file
CLAP_weights_2023.pth, --tokenizer a folder with GPT-2's vocab.json and
merges.txt."""

EXAMPLES = """\
Example:
  soundgrep convert CLAP_weights_2023.pth msclap-2023 --tokenizer gpt2
  soundgrep index ~/Sounds sounds.soundgrep --encoder ./msclap-2023"""


def convert(
    weights: Annotated[Path, typer.Argument(metavar="WEIGHTS", help="The original .pth file.", show_default=False)],
    out_dir: Annotated[Path, typer.Argument(metavar="OUT_DIR", help="The folder to write.", show_default=False)],
    tokenizer: Annotated[
        Path, typer.Option(metavar="DIR", help="A folder with GPT-2's tokenizer files.", show_default=False)
    ],
) -> None:
    """Converts a checkpoint: one call of `convert_checkpoint` and what it found."""
    from ..model.msclap.conversion import convert_checkpoint

    report = convert_checkpoint(weights, out_dir, tokenizer=tokenizer)
    write_line(
        f"{shown_path(report.out_dir)}: {counted(report.n_tensors, 'tensor')} taken, {report.n_ignored:,} not needed"
    )
    write_line(f"mel bank: {report.mel}")
    # Without a slash, a folder called msclap-2023 would be read as the name of the encoder to download.
    folder = quoted(report.out_dir)
    folder = folder if "/" in folder else f"./{folder}"
    write_line(f"next: soundgrep index ~/Sounds sounds.soundgrep --encoder {folder}")
