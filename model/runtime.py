"""The runtime: what computes the towers on this machine, OpenVINO or torch."""

from __future__ import annotations

import functools
import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import UsageError

if TYPE_CHECKING:
    import openvino

RUNTIMES = ("openvino", "torch")
RUNTIME_VARIABLE = "SOUNDGREP_RUNTIME"
# What the driver of an NVIDIA card, of an AMD one and of a card seen from WSL leave behind: looking is free, while
# asking torch costs seconds of import.
_GPU_TRACES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")


def chosen_runtime() -> str:
    """Tell which runtime the towers are to use: what `SOUNDGREP_RUNTIME` says, or what suits this machine.

    Torch where it sees a GPU; otherwise OpenVINO, which is about twice as fast as torch on a CPU and starts
    without it, where it is installed.

    Returns:
        "openvino" or "torch".

    Raises:
        UsageError: If the variable names something else, or OpenVINO where there is none.
    """
    asked = os.environ.get(RUNTIME_VARIABLE, "")
    if asked not in ("", *RUNTIMES):
        raise UsageError(f"{RUNTIME_VARIABLE} must be {' or '.join(RUNTIMES)}, not {asked!r}")
    if asked == "openvino" and not _has_openvino():
        raise UsageError(f"{RUNTIME_VARIABLE} asks for openvino, which is not installed")
    if asked:
        return asked
    return "openvino" if _has_openvino() and not has_gpu() else "torch"


@functools.cache
def has_gpu() -> bool:
    """Tell whether torch can compute on a GPU here."""
    if not any(Path(trace).exists() for trace in _GPU_TRACES):
        return False
    import torch

    return bool(torch.cuda.is_available())


def compiled(model: openvino.Model, *, n_streams: int = 1) -> openvino.CompiledModel:
    """Compile an OpenVINO model for the CPU, so that its numbers depend on the input and the CPU alone.

    Args:
        model: The model.
        n_streams: Inferences to run at once, each in one thread: the same numbers, whatever their count.

    Returns:
        The compiled model, in float32 throughout.
    """
    settings = {
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": n_streams,
        "NUM_STREAMS": n_streams,
        "ENABLE_CPU_PINNING": False,  # several processes would be pinned to the same core
    }
    return _core().compile_model(model, "CPU", settings)


@functools.cache
def _core() -> openvino.Core:
    import openvino

    return openvino.Core()


@functools.cache
def _has_openvino() -> bool:
    return importlib.util.find_spec("openvino") is not None
