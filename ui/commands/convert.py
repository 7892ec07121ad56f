"""`soundgrep convert`: original weights as a checkpoint that soundgrep can use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..screen import counted, quoted, shown_path, write_line

HELP = """\
Make original weights usable: MSCLAP 2023 or 2022, clapcap, LAION CLAP.

You need this for weights of your own, and once on a machine that cannot
download by itself: elsewhere --encoder msclap-2023 does it for you. WEIGHTS
is the .pth or .pt file; the names in it tell what it is. Nothing that stands
in it is run.

--tokenizer is a folder with the tokenizer's files: for MSCLAP 2023 and clapcap
vocab.json and merges.txt of GPT-2, for MSCLAP 2022 vocab.txt of
bert-base-uncased, for LAION CLAP vocab.json and merges.txt of roberta-base."""

EXAMPLES = """\
Example:
  soundgrep convert CLAP_weights_2023.pth msclap-2023 --tokenizer gpt2
  soundgrep index ~/Sounds sounds.soundgrep --encoder ./msclap-2023"""


def convert(
    weights: Annotated[Path, typer.Argument(metavar="WEIGHTS", help="The original .pth file.", show_default=False)],
    out_dir: Annotated[Path, typer.Argument(metavar="OUT_DIR", help="The folder to write.", show_default=False)],
    tokenizer: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A folder with the tokenizer's files, see above.", show_default=False),
    ] = None,
) -> None:
    """Convert a checkpoint: one call of `convert_checkpoint` and what it found."""
    from ...model.conversion import convert_checkpoint

    report = convert_checkpoint(weights, out_dir, tokenizer=tokenizer)
    tensors = f"{counted(report.n_tensors, 'tensor')} taken, {report.n_ignored:,} not needed"
    write_line(f"{shown_path(report.out_dir)}: {report.what}, {tensors}")
    write_line(f"mel bank: {report.mel}")
    # Without a slash, a folder called msclap-2023 would be read as the name of the encoder to download.
    folder = quoted(report.out_dir)
    folder = folder if "/" in folder else f"./{folder}"
    if report.writes_captions:
        write_line(f"next: soundgrep caption FILE --captioner {folder}")
    else:
        write_line(f"next: soundgrep index ~/Sounds sounds.soundgrep --encoder {folder}")
