"""How fast the full-size audio tower hears on a GPU in float32 and less, and compiled, and how busy the GPU is with it.

    make benchmark-gpu

The weights are random. Waveforms start in main memory and embeddings end there. The GPU's share is the time of its
kernels for a call of a few batches, by torch's profiler, out of the time that a call takes without the profiler.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from soundgrep.model import MSClapConfig, MSClapFeatureExtractor, MSClapModel
from soundgrep.model.encoders.runtime import has_gpu
from soundgrep.model.msclap.audio_tower import N_AT_ONCE, GpuAudioTower

SEGMENT, N_WARM, N_CALLS, N_PROFILED = 308_700, 3, 20, 5
WAYS = {
    "float32": (torch.float32, False),
    "bfloat16": (torch.bfloat16, False),
    "float16": (torch.float16, False),
    "float16, compiled": (torch.float16, True),
}


def measured(tower: GpuAudioTower, waveforms: list[np.ndarray]) -> tuple[float, float, np.ndarray]:
    """Segments a second, the GPU's share of the time, and the embeddings."""
    for _ in range(N_WARM):
        tower.embed_segments(waveforms)
    torch.cuda.synchronize()
    started_s = time.perf_counter()
    for _ in range(N_CALLS):
        rows = tower.embed_segments(waveforms)
    taken_s = time.perf_counter() - started_s
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        for _ in range(N_PROFILED):
            tower.embed_segments(waveforms)
    kernels = [event for event in profile.key_averages() if not event.key.startswith("Mem")]  # copies run beside them
    busy_s = sum(kernel.self_device_time_total for kernel in kernels) / 1e6 / N_PROFILED
    return N_CALLS * len(waveforms) / taken_s, busy_s / (taken_s / N_CALLS), rows


def main() -> None:
    if not has_gpu():
        raise SystemExit("there is no GPU here that torch can use")
    with tempfile.TemporaryDirectory() as folder:
        MSClapModel(MSClapConfig()).save_pretrained(folder)
        MSClapFeatureExtractor().save_pretrained(folder)
        print(f"{torch.cuda.get_device_name()}, batches of {N_AT_ONCE} segments of 7 s")
        exact: np.ndarray | None = None
        for name, (precision, compiles) in WAYS.items():
            tower = GpuAudioTower(Path(folder), precision=precision, compiles=compiles)
            noise = np.random.default_rng(0).standard_normal((tower.n_at_once, SEGMENT), dtype=np.float32)
            rate, share, rows = measured(tower, list(0.1 * noise))
            rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
            exact = rows if exact is None else exact
            cosine = float((rows * exact).sum(1).min())
            print(f"{name:20} {rate:8.1f} segments/s  {share:5.0%} of the time on the GPU  least cosine {cosine:.6f}")


if __name__ == "__main__":
    main()
