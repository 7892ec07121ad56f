"""How long a person waits for one `soundgrep search` with `mini`, beside what importing a rival's GPT-2 alone takes.

    make benchmark-one_shot

A collection of 1,000 clips is made (`mini`'s own embeddings of synthesised texts: searching costs the same whatever the
clips are), the command is run as a process again and again, and so is `import torch` with the transformers library's
GPT-2: no search in torch can be quicker than that. Rounds alternate; the ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from soundgrep import Encoder
from tests.search.made import add_clips

N_ROUNDS, N_CLIPS = 7, 1_000
RIVAL = [sys.executable, "-c", "import torch, transformers.models.gpt2.modeling_gpt2"]
WORDS = ("dog", "rain", "glass", "engine", "bell", "wind", "door", "bird", "train", "water", "horn", "crowd")


def collection(folder: Path) -> Path:
    encoder = Encoder.from_pretrained("mini")
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS, 4)) for _ in range(N_CLIPS)]
    return add_clips(folder, list(encoder.embed_text(texts)[:, None]), encoder=encoder)


def took_s(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        made = collection(Path(place) / "made.soundgrep")
        ours = [str(Path(sys.executable).with_name("soundgrep")), "search", str(made), "dog barking in the rain"]
        for command in (ours, RIVAL):
            took_s(command)  # from the disk to the page cache
        rounds = [(took_s(ours), took_s(RIVAL)) for _ in range(N_ROUNDS)]
    for name, times in (
        (f"soundgrep search, {N_CLIPS:,} clips", [a for a, _ in rounds]),
        ("import torch and GPT-2", [b for _, b in rounds]),
    ):
        print(f"{name:32} {statistics.median(times):6.2f} s (median of {N_ROUNDS}), least {min(times):.2f} s")
    ratios = sorted(ours / theirs for ours, theirs in rounds)
    print(f"{'share of the import':32} {statistics.median(ratios):6.2f} (from {ratios[0]:.2f} to {ratios[-1]:.2f})")


if __name__ == "__main__":
    main()
