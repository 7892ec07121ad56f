"""How fast the full-size audio tower hears on a GPU: float32, bfloat16, and compiled, and how busy the GPU is with it.

    make benchmark-gpu

The weights are random. Waveforms start in main memory and embeddings end there. The GPU's share is the time of its
kernels and copies for a batch, by torch's profiler, out of the time that a batch takes without the profiler.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from soundgrep.model import MSClapConfig, MSClapFeatureExtractor, MSClapModel
from soundgrep.model.msclap.audio_tower import N_AT_ONCE, GpuAudioTower
from soundgrep.model.runtime import has_gpu

SEGMENT, N_WARM, N_BATCHES, N_PROFILED = 308_700, 5, 50, 10
WAYS = {
    "float32": (torch.float32, False),
    "bfloat16": (torch.bfloat16, False),
    "bfloat16, compiled": (torch.bfloat16, True),
}


def measured(tower: GpuAudioTower, waveforms: list[np.ndarray]) -> tuple[float, float, np.ndarray]:
    """Segments a second, the GPU's share of the time, and the embeddings."""
    for _ in range(N_WARM):
        tower.embed_segments(waveforms)
    torch.cuda.synchronize()
    started_s = time.perf_counter()
    for _ in range(N_BATCHES):
        rows = tower.embed_segments(waveforms)
    taken_s = time.perf_counter() - started_s
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        for _ in range(N_PROFILED):
            tower.embed_segments(waveforms)
    busy_s = sum(event.self_device_time_total for event in profile.key_averages()) / 1e6 / N_PROFILED
    return N_BATCHES * len(waveforms) / taken_s, busy_s / (taken_s / N_BATCHES), rows


def main() -> None:
    if not has_gpu():
        raise SystemExit("there is no GPU here that torch can use")
    waveforms = list(0.1 * np.random.default_rng(0).standard_normal((N_AT_ONCE, SEGMENT), dtype=np.float32))
    with tempfile.TemporaryDirectory() as folder:
        MSClapModel(MSClapConfig()).save_pretrained(folder)
        MSClapFeatureExtractor().save_pretrained(folder)
        print(f"{torch.cuda.get_device_name()}, batches of {N_AT_ONCE} segments of 7 s")
        exact: np.ndarray | None = None
        for name, (precision, compiles) in WAYS.items():
            tower = GpuAudioTower(Path(folder), precision=precision, compiles=compiles)
            rate, share, rows = measured(tower, waveforms)
            exact = rows if exact is None else exact
            cosine = float((rows * exact).sum(1).min())
            print(f"{name:20} {rate:8.1f} segments/s  {share:5.0%} of the time on the GPU  least cosine {cosine:.6f}")


if __name__ == "__main__":
    main()
