"""How fast LAION's full-size audio tower hears on all cores: ours beside transformers' `ClapModel`, and MSCLAP's tower.

    make benchmark-laion

The rival is what a program that uses transformers runs: `ClapFeatureExtractor` and an eager `ClapModel`, with the same
random weights, which cost the same time as real ones. Everything else is as in the benchmark of MSCLAP's tower, which
takes part, so that both can be held against one limit: the best float32 matrix product of three libraries.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from soundgrep.model.encoders.runtime import usable_cores
from tests.benchmarks import tower
from tests.benchmarks.tower import STEPS, Contestant, n_gflop_of, race, rivals_and_limit

RATE_HZ, SEGMENT_S, SEGMENT = 48_000, 10, 480_000

Run = Callable[[int], float]


def longer(noise: np.ndarray) -> list[np.ndarray]:
    """The noise of MSCLAP's segments, repeated to LAION's."""
    return [np.resize(row, SEGMENT) for row in noise]


def ours(folder: str, n_threads: int, noise: np.ndarray) -> Run:
    from soundgrep.model.encoders.checkpoint import Checkpoint
    from soundgrep.model.laion.family import LaionClap

    loaded, segments = LaionClap().audio_tower(Checkpoint(Path(folder))), longer(noise)
    return lambda batch: len(loaded.embed_segments(segments[: max(batch, n_threads)]))


def ours_in_torch(folder: str, n_threads: int, noise: np.ndarray) -> Run:
    import torch

    from soundgrep.model.laion.torch_audio import torch_tower

    torch.set_num_threads(n_threads)
    loaded, segments = torch_tower(Path(folder)), longer(noise)
    return lambda batch: len(loaded.embed_segments(segments[:batch]))


def msclap(folder: str, n_threads: int, noise: np.ndarray) -> Run:
    return tower.ours(str(Path(folder) / "msclap"), n_threads, noise)


def eager(folder: str, n_threads: int, noise: np.ndarray) -> Run:
    import torch
    from transformers import ClapFeatureExtractor, ClapModel

    torch.set_num_threads(n_threads)
    model, extractor = ClapModel.from_pretrained(folder).eval(), ClapFeatureExtractor.from_pretrained(folder)
    segments = longer(noise)

    def run(batch: int) -> int:
        with torch.inference_mode():
            inputs = extractor(segments[:batch], sampling_rate=RATE_HZ, return_tensors="pt")
            return len(model.get_audio_features(**inputs).pooler_output)

    return run


# A contestant's process imports this module, too, and so knows these.
STEPS |= {"laion": ours, "laion in torch": ours_in_torch, "msclap": msclap, "eager": eager}


def full_size(folder: Path) -> float:
    """Save a checkpoint, but for its tokenizer, and count what a segment costs, in GFLOP."""
    from transformers import ClapConfig, ClapFeatureExtractor, ClapModel

    model = ClapModel(ClapConfig()).eval()
    model.save_pretrained(folder)
    ClapFeatureExtractor(truncation="rand_trunc", frequency_min=50).save_pretrained(folder)
    return n_gflop_of(model, n_frames=SEGMENT // 480 + 1)


def main() -> None:
    n_cores = usable_cores()
    with tempfile.TemporaryDirectory() as folder:
        n_gflop = full_size(Path(folder))
        tower.full_size(Path(folder) / "msclap")
        alone = {"n_processes": n_cores, "n_threads": 1, "batch": 1, "folder": folder}
        contestants = [
            Contestant("ours, a process a core", "laion", **alone),
            Contestant("ours in torch", "laion in torch", **alone),
            Contestant("MSCLAP's, a process a core", "msclap", **alone),
            *rivals_and_limit("eager", n_cores=n_cores, folder=folder),
        ]
        race(contestants, n_gflop=n_gflop, segment_s=SEGMENT_S)


if __name__ == "__main__":
    main()
