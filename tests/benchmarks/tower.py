"""How fast the full-size audio tower hears on all cores: ours beside the reference's modules and the machine's limit.

    make benchmark-tower

The weights are random, which cost the same time as real ones. Every contestant starts with a waveform and ends with an
embedding, but for one of ours that starts with log-mels: the tower by itself. Its processes load once and then take
turns in short rounds, so that a machine that slows down slows all; a figure is the median of the rounds. The limit is
the best float32 matrix product of three libraries, a process a core.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import multiprocessing
import statistics
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from soundgrep.model.encoders.runtime import usable_cores

if TYPE_CHECKING:
    import torch

N_ROUNDS, ROUND_S = 5, 2.0
BATCHES = (1, 4)
SEGMENT = 308_700


def work(kind: str, n_threads: int, folder: str, pipe: Connection) -> None:
    """A contestant's process: says that it is ready, then counts segments (or GFLOP) until told."""
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(n_threads)
    noise = 0.1 * np.random.default_rng(0).standard_normal((max(BATCHES), SEGMENT), dtype=np.float32)
    run = STEPS[kind](folder, n_threads, noise)
    for batch in BATCHES:
        run(batch)
    pipe.send("ready")
    while True:
        try:
            seconds, batch = pipe.recv()
        except EOFError:
            return
        done, started_s = 0.0, time.perf_counter()
        while time.perf_counter() - started_s < seconds:
            done += run(batch)
        pipe.send((done, time.perf_counter() - started_s))


def ours(folder: str, n_threads: int, noise: np.ndarray):
    from soundgrep.model.encoders.checkpoint import Checkpoint
    from soundgrep.model.msclap.family import MSClap

    tower = MSClap().audio_tower(Checkpoint(Path(folder)))
    return lambda batch: len(tower.embed_segments(list(noise[: max(batch, n_threads)])))


def ours_alone(folder: str, n_threads: int, noise: np.ndarray):
    from soundgrep.model.encoders.checkpoint import Checkpoint
    from soundgrep.model.encoders.graphs import read_graph
    from soundgrep.model.encoders.segment_streams import SegmentStreams
    from soundgrep.model.msclap.mel import read_front_end

    checkpoint = Checkpoint(Path(folder))
    mels = read_front_end(checkpoint)(noise[0])
    tower = SegmentStreams(lambda waveform: mels, read_graph(checkpoint, "audio", room="soundgrep.model.msclap"))
    return lambda batch: len(tower.embed_segments(list(noise[: max(batch, n_threads)])))


def ours_in_torch(folder: str, n_threads: int, noise: np.ndarray):
    import torch

    from soundgrep.model.msclap.audio_tower import TorchAudioTower

    torch.set_num_threads(n_threads)
    tower = TorchAudioTower(Path(folder))
    return lambda batch: len(tower.embed_segments(list(noise[:batch])))


def reference(folder: str, n_threads: int, noise: np.ndarray):
    import torch

    from tests.model.reference import build

    torch.set_num_threads(n_threads)
    tower = build().audio_encoder.eval()
    waveforms = torch.from_numpy(noise)

    def run(batch: int) -> int:
        with torch.inference_mode():
            return len(tower(waveforms[:batch])[0])

    return run


def matmul(folder: str, n_threads: int, noise: np.ndarray):
    """Float32 matrix products in numpy (batch 1), torch (2) and OpenVINO (3), as large as suits each best."""
    import openvino
    import torch
    from openvino import opset13 as op

    from soundgrep.model.encoders.runtime import compiled

    torch.set_num_threads(n_threads)
    a = np.random.default_rng(0).standard_normal((1536, 1536), dtype=np.float32)
    b = torch.from_numpy(a)
    rows = op.parameter(a.shape, np.float32)
    graph = compiled(openvino.Model([op.matmul(rows, op.constant(a), False, True)], [rows], "product"))
    request = graph.create_infer_request()

    def run(library: int) -> float:
        _ = a @ a if library == 1 else b @ b if library == 2 else request.infer([a], share_inputs=True)
        return 2 * len(a) ** 3 / 1e9

    return run


STEPS = {
    "ours": ours,
    "ours alone": ours_alone,
    "ours in torch": ours_in_torch,
    "reference": reference,
    "matmul": matmul,
}


def full_size(folder: Path) -> float:
    """Save the tower, and count its multiplications and additions for a segment, in GFLOP."""
    from soundgrep.model import MSClapConfig, MSClapFeatureExtractor, MSClapModel

    model = MSClapModel(MSClapConfig()).eval()
    model.save_pretrained(folder)
    MSClapFeatureExtractor().save_pretrained(folder)
    return n_gflop_of(model, n_frames=SEGMENT // 320 + 1)


def n_gflop_of(model: torch.nn.Module, *, n_frames: int) -> float:
    """Count what an HTS-AT of the usual sizes multiplies and adds for a segment, in GFLOP."""
    import torch

    n_flop = 0

    def count(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        nonlocal n_flop
        weight = module.weight
        n_flop += 2 * output.numel() * weight[0].numel()

    for module in model.audio_model.modules():
        if isinstance(module, torch.nn.Linear | torch.nn.Conv2d):
            module.register_forward_hook(count)
    with torch.inference_mode():
        model.get_audio_features(torch.zeros(1, 1, n_frames, 64))
    for stage, (depth, side) in enumerate(zip(model.config.audio_config.depths, (64, 32, 16, 8), strict=True)):
        n_flop += depth * 2 * 2 * side**2 * 64 * 96 * 2**stage  # queries by keys, and their mix of values
    return n_flop / 1e9


class Contestant:
    """Processes that work at the same time."""

    def __init__(self, name: str, kind: str, *, n_processes: int, n_threads: int, batch: int, folder: str) -> None:
        self.name, self.batch, self.rates = name, batch, list[float]()
        self.key = (kind, n_processes, n_threads)
        self._folder = folder

    def rate(self, pipes: dict[tuple[str, int, int], list[Connection]], seconds: float) -> float:
        kind, n_processes, n_threads = self.key
        if self.key not in pipes:
            pipes[self.key] = []
            for _ in range(n_processes):
                mine, theirs = multiprocessing.Pipe()
                arguments = (kind, n_threads, self._folder, theirs)
                multiprocessing.get_context("spawn").Process(target=work, args=arguments, daemon=True).start()
                pipes[self.key].append(mine)
            for pipe in pipes[self.key]:
                pipe.recv()
        for pipe in pipes[self.key]:
            pipe.send((seconds, self.batch))
        return sum(done / taken_s for done, taken_s in (pipe.recv() for pipe in pipes[self.key]))


def rivals_and_limit(kind: str, *, n_cores: int, folder: str) -> list[Contestant]:
    """The reference at its settings, and the matrix products of three libraries."""
    references = [
        Contestant(
            f"reference, {n} x {n_cores // n} threads, batch {batch}",
            kind,
            n_processes=n,
            n_threads=n_cores // n,
            batch=batch,
            folder=folder,
        )
        for n in (1, n_cores)
        for batch in BATCHES
    ]
    limits = [
        Contestant(
            f"matrix product, {library}", "matmul", n_processes=n_cores, n_threads=1, batch=number, folder=folder
        )
        for number, library in enumerate(("numpy", "torch", "OpenVINO"), start=1)
    ]
    return references + limits


def main() -> None:
    n_cores = usable_cores()
    with tempfile.TemporaryDirectory() as folder:
        n_gflop = full_size(Path(folder))
        common = {"folder": folder}
        contestants = [
            Contestant("ours, a process a core", "ours", n_processes=n_cores, n_threads=1, batch=1, **common),
            Contestant("ours without log-mels", "ours alone", n_processes=n_cores, n_threads=1, batch=1, **common),
            Contestant("ours, one process", "ours", n_processes=1, n_threads=n_cores, batch=n_cores, **common),
            Contestant("ours in torch", "ours in torch", n_processes=n_cores, n_threads=1, batch=1, **common),
            *rivals_and_limit("reference", n_cores=n_cores, folder=folder),
        ]
        race(contestants, n_gflop=n_gflop, segment_s=7)


def race(contestants: list[Contestant], *, n_gflop: float, segment_s: int) -> None:
    """Let contestants take turns, and print how fast each was."""
    pipes: dict[tuple[str, int, int], list[Connection]] = {}
    for contestant in contestants:
        contestant.rate(pipes, 0.5)  # loads
    for _ in range(N_ROUNDS):
        for contestant in contestants:
            contestant.rates.append(contestant.rate(pipes, ROUND_S))
    rates = {contestant.name: statistics.median(contestant.rates) for contestant in contestants}
    best = max(rate for name, rate in rates.items() if name.startswith("reference"))
    limit = max(rate for name, rate in rates.items() if name.startswith("matrix"))
    print(
        f"{usable_cores()} cores, {n_gflop:.1f} GFLOP a segment of {segment_s} s, float32, medians of {N_ROUNDS} rounds"
    )
    for name, rate in rates.items():
        if name.startswith("matrix"):
            print(f"{name:40} {rate:7.1f} GFLOP/s")
        else:
            share = rate * n_gflop / limit
            print(f"{name:40} {rate:7.2f} segments/s  {rate / best:5.2f} x the reference  {share:5.0%} of the limit")


if __name__ == "__main__":
    main()
