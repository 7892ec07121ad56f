"""Make `mini` from the corpus: `python -m soundgrep.model.training --help`."""

import argparse
import json
import logging
import sys
from dataclasses import replace
from pathlib import Path

from ..errors import SoundgrepError
from .stages import QUARTERS, TEXT_STEPS, WHOLES, Materials, compute_mels, evaluate, export, teach_audio, teach_text

STAGES = ("text", "mels", "audio", "export", "evaluate")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m soundgrep.model.training", description=__doc__)
    parser.add_argument("--captions", type=Path, nargs="+", required=True, help="csv files of clips to learn from")
    parser.add_argument("--held-out", type=Path, required=True, help="csv file of clips to measure on")
    parser.add_argument("--cache", type=Path, nargs="+", required=True, help="folders of waveforms (fetch.py)")
    parser.add_argument(
        "--wordnet", type=Path, default=Path("/usr/share/wordnet"), help="folder of data.noun, data.verb"
    )
    parser.add_argument("--work", type=Path, required=True, help="folder for checkpoints, log-mels and logs")
    parser.add_argument("--out", type=Path, required=True, help="folder of the finished checkpoint")
    parser.add_argument("--text-steps", type=int, default=TEXT_STEPS, help="steps of the text tower")
    parser.add_argument("--quarter-steps", type=int, default=QUARTERS.n_steps, help="steps on quarters of segments")
    parser.add_argument("--whole-steps", type=int, default=WHOLES.n_steps, help="steps on whole segments after them")
    parser.add_argument("--processes", type=int, default=2, help="training processes, one thread each")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES), help="run only these")
    return parser.parse_args()


def main() -> int:
    """Run the stages that were asked for; a run that was cut off goes on where it stopped."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options = _arguments()
    options.work.mkdir(parents=True, exist_ok=True)
    materials = Materials(
        tuple(options.captions), options.held_out, tuple(options.cache), options.wordnet, options.work
    )
    try:
        if "text" in options.stages:
            teach_text(materials, n_steps=options.text_steps)
        if "mels" in options.stages:
            compute_mels(materials)
        if "audio" in options.stages:
            recipes = (
                replace(QUARTERS, n_steps=options.quarter_steps),
                replace(WHOLES, n_steps=options.whole_steps),
            )
            teach_audio(materials, recipes, n_processes=options.processes)
        if "export" in options.stages:
            export(materials, options.out)
        if "evaluate" in options.stages:
            print(json.dumps(evaluate(materials, options.out).to_json(), indent=1))
    except SoundgrepError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
