"""The runtime: what computes the towers on this machine, OpenVINO or torch."""

from __future__ import annotations

import functools
import importlib.util
import os
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..extras import has_extra, need_extra
from ..system import allowed_cores, container_cores, may_have_gpu

if TYPE_CHECKING:
    import openvino

RUNTIMES = ("openvino", "torch")
RUNTIME_VARIABLE = "SOUNDGREP_RUNTIME"
THREADS_VARIABLE = "OMP_NUM_THREADS"


def chosen_runtime() -> str:
    """Tell which runtime the towers are to use: what `SOUNDGREP_RUNTIME` says, or what suits this machine.

    Torch where it is installed and sees a GPU; otherwise OpenVINO, which is about twice as fast as torch on a CPU
    and starts without it, where it is installed.

    Returns:
        "openvino" or "torch".

    Raises:
        UsageError: If the variable names something else, or what is not installed, or neither is installed.
    """
    asked = os.environ.get(RUNTIME_VARIABLE, "")
    if asked not in ("", *RUNTIMES):
        raise UsageError(f"{RUNTIME_VARIABLE} must be {' or '.join(RUNTIMES)}, not {asked!r}")
    if asked == "openvino" and not has_openvino():
        raise UsageError(f"{RUNTIME_VARIABLE} asks for openvino, which is not installed")
    chosen = asked or ("openvino" if has_openvino() and not has_gpu() else "torch")
    if chosen == "torch":
        need_extra("torch", wanted_by=f"{RUNTIME_VARIABLE}=torch" if asked else "a machine without OpenVINO")
    return chosen


@functools.cache
def has_gpu() -> bool:
    """Tell whether torch is installed and can compute on a GPU here."""
    if not may_have_gpu() or not has_extra("torch"):
        return False
    import torch

    return bool(torch.cuda.is_available())


def leaves_gpu_idle() -> bool:
    """Tell whether this machine seems to have a GPU that is not used because torch is not installed."""
    return may_have_gpu() and not has_extra("torch")


def compiled(model: openvino.Model, *, n_streams: int = 1, n_threads: int | None = None) -> openvino.CompiledModel:
    """Compile an OpenVINO model for the CPU, so that its numbers depend on the input and the CPU alone.

    Args:
        model: The model.
        n_streams: Inferences to run at once, each in one thread: the same numbers, whatever their count.
        n_threads: Threads of all streams together; None for one a stream.

    Returns:
        The compiled model, in float32 throughout.
    """
    settings = {
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": n_threads or n_streams,
        "NUM_STREAMS": n_streams,
        "ENABLE_CPU_PINNING": False,  # several processes would be pinned to the same core
    }
    return openvino_core().compile_model(model, "CPU", settings)


def n_threads() -> int:
    """Tell how many threads this process is to compute in: what `OMP_NUM_THREADS` says, or one a core."""
    asked = os.environ.get(THREADS_VARIABLE, "")
    return int(asked) if asked.isdecimal() and int(asked) > 0 else usable_cores()


def usable_cores() -> int:
    """Count the cores that this process may use: its affinity, and a container's limit, rounded up."""
    return max(1, min(allowed_cores(), container_cores() or allowed_cores()))


@functools.cache
def openvino_core() -> openvino.Core:
    """Return the one core of this process."""
    import openvino

    return openvino.Core()


@functools.cache
def has_openvino() -> bool:
    """Tell whether OpenVINO is installed."""
    return importlib.util.find_spec("openvino") is not None
