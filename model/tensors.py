"""Tensors of a safetensors file, read where they lie: only what is used is ever fetched from the disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import safe_open

Float = npt.NDArray[np.float32]

_LENGTH_BYTES = 8  # of the header's length, little-endian; see the format's description at huggingface/safetensors
_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}


def mapped_tensors(path: Path, *, prefix: str = "") -> dict[str, Float]:
    """Map the tensors of a file into memory.

    Args:
        path: A safetensors file.
        prefix: Only tensors whose names begin so.

    Returns:
        Arrays by name, float32. Those that are float32 in the file share its pages, and what is written to them stays
        in this process; others are copies.

    Raises:
        OSError: If the file cannot be read.
        SafetensorError: If it is no safetensors file, or is cut short.
        ValueError: If a tensor asked for holds no floating-point numbers.
    """
    with safe_open(path, framework="numpy"):  # checks header, sizes and offsets
        pass
    with path.open("rb") as file:
        start = _LENGTH_BYTES + int.from_bytes(file.read(_LENGTH_BYTES), "little")
        header: dict[str, dict[str, Any]] = json.loads(file.read(start - _LENGTH_BYTES))
    header.pop("__metadata__", None)
    # Copy on write: OpenVINO takes over only arrays that may be written to, and writes to none.
    data = np.memmap(path, np.uint8, "c", offset=start) if path.stat().st_size > start else np.empty(0, np.uint8)
    return {name: _float32(name, data, entry) for name, entry in header.items() if name.startswith(prefix)}


def _float32(name: str, data: npt.NDArray[np.uint8], entry: dict[str, Any]) -> Float:
    dtype = _DTYPES.get(entry["dtype"])
    if dtype is None:
        raise ValueError(f"{name} is of type {entry['dtype']}, not floating-point numbers")
    begin, end = entry["data_offsets"]
    values = np.asarray(data[begin:end]).view(dtype).reshape(entry["shape"])
    if entry["dtype"] == "BF16":  # the upper half of a float32
        return np.left_shift(values.astype(np.uint32), 16).view(np.float32)
    return values.astype(np.float32, copy=False)
