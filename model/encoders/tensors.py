"""Tensors of a safetensors file, read where they lie: only what is used is ever fetched from the disk."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from ..documents import json_of
from ..errors import CheckpointError

Float = npt.NDArray[np.float32]

_LENGTH_BYTES = 8  # of the header's length, little-endian; see the format's description at huggingface/safetensors
_COUNTS = ".num_batches_tracked"  # of training, which nothing else needs
_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}


def mapped_tensors(path: Path, *, prefix: str = "", ignored: re.Pattern[str] | None = None) -> dict[str, Float]:
    """Map the tensors of a file into memory.

    Args:
        path: A safetensors file.
        prefix: Only tensors whose names begin so; counts of training batches are left out.
        ignored: Tensors that are left out, by their whole names.

    Returns:
        Arrays by name, float32. Those that are float32 in the file share its pages, and what is written to them stays
        in this process; others are copies.

    Raises:
        CheckpointError: If the file cannot be read, is no safetensors file or cut short, or if a tensor asked for holds
            no floating-point numbers.
    """
    try:
        return _mapped(path, prefix, ignored)
    except (OSError, SafetensorError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be loaded: {error}") from error


def _mapped(path: Path, prefix: str, ignored: re.Pattern[str] | None) -> dict[str, Float]:
    with safe_open(path, framework="numpy"):  # checks header, sizes and offsets
        pass
    with path.open("rb") as file:
        start = _LENGTH_BYTES + int.from_bytes(file.read(_LENGTH_BYTES), "little")
        header: dict[str, dict[str, Any]] = json_of(file.read(start - _LENGTH_BYTES))
    header.pop("__metadata__", None)
    # Copy on write: OpenVINO takes over only arrays that may be written to, and writes to none.
    data = np.memmap(path, np.uint8, "c", offset=start) if path.stat().st_size > start else np.empty(0, np.uint8)
    asked = [
        name
        for name in header
        if name.startswith(prefix) and not name.endswith(_COUNTS) and not (ignored and ignored.fullmatch(name))
    ]
    return {name: _float32(name, data, header[name]) for name in asked}


def check_shapes(tensors: Mapping[str, Float], expected: Mapping[str, tuple[int, ...]], *, path: Path) -> None:
    """Refuse tensors that are not all those of a configuration, each in its size.

    Args:
        tensors: What a file holds.
        expected: Shape of each tensor that is needed.
        path: The file.

    Raises:
        CheckpointError: Naming the first tensor that is missing, unknown or of another shape.
    """
    found = {name: tensor.shape for name, tensor in tensors.items()}
    wrong = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
    if wrong:
        what = "size mismatch" if wrong[0] in found else "Missing key"
        raise CheckpointError(
            f"{path}: cannot be loaded: {what}: {wrong[0]} is {found.get(wrong[0], 'missing')}, but the configuration "
            f"wants {expected.get(wrong[0], 'none')}"
        )


def _float32(name: str, data: npt.NDArray[np.uint8], entry: dict[str, Any]) -> Float:
    dtype = _DTYPES.get(entry["dtype"])
    if dtype is None:
        raise ValueError(f"{name} is of type {entry['dtype']}, not floating-point numbers")
    begin, end = entry["data_offsets"]
    values = np.asarray(data[begin:end]).view(dtype).reshape(entry["shape"])
    if entry["dtype"] == "BF16":  # the upper half of a float32
        return np.left_shift(values.astype(np.uint32), 16).view(np.float32)
    return values.astype(np.float32, copy=False)
