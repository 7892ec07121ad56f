"""Originals: checkpoints as their authors published them, read without running anything and taken over strictly."""

from __future__ import annotations

import pickle
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy._core.multiarray import scalar
from torch import Tensor, nn
from transformers.utils import logging as hub_logging

from ..errors import CheckpointError, UsageError

_PLACES = ("model", "state_dict")
_N_REASON = 300
# What training may have left beside the weights, such as the best loss so far: single numbers of numpy, under the names
# that its old versions had, too.
NUMBERS: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    np.dtype,
    scalar,
    (scalar, "numpy.core.multiarray.scalar"),
    *(type(np.dtype(kind)) for kind in ("float64", "float32", "int64", "int32", "bool")),
]


@dataclass(frozen=True)
class ConversionReport:
    """What a conversion found.

    Attributes:
        out_dir: The checkpoint that was written.
        what: What it is, such as "MSCLAP 2023".
        n_tensors: Tensors that were taken.
        n_ignored: Tensors that are not needed.
        mel: What the mel bank is, in words.
        writes_captions: Whether it is a captioner, no encoder.
    """

    out_dir: Path
    what: str
    n_tensors: int
    n_ignored: int
    mel: str
    writes_captions: bool = False


@dataclass
class Original:
    """The tensors of an original checkpoint.

    Attributes:
        path: The file.
        state: Its tensors by name.
    """

    path: Path
    state: dict[str, Tensor]

    @classmethod
    def read(cls, path: Path) -> Original:
        """Read a file, executing nothing that stands in it.

        Raises:
            UsageError: if the file is missing.
            CheckpointError: if it is not a torch file of tensors by name, alone or under "model" or "state_dict".
        """
        if not path.is_file():
            raise UsageError(f"{path}: no such file")
        try:
            with torch.serialization.safe_globals(NUMBERS):
                content = torch.load(path, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, OSError, KeyError, TypeError) as error:
            first = " ".join(str(error).split())[:160]
            raise CheckpointError(f"{path}: not a torch checkpoint of plain tensors: {first}") from error
        states = [*(content.get(place) for place in _PLACES), content] if isinstance(content, dict) else []
        state = next((one for one in states if isinstance(one, dict) and one), {})
        if not state or not all(isinstance(value, Tensor) for value in state.values()):
            raise CheckpointError(f"{path}: holds no tensors under 'model' or 'state_dict', as original checkpoints do")
        return cls(path, dict(state))

    def into(
        self,
        model: nn.Module,
        *,
        what: str,
        renamed: Callable[[str], str | None],
        is_ignorable: Callable[[str], bool],
        is_transposed: Callable[[str], bool] = lambda _: False,
    ) -> tuple[int, int]:
        """Give a model every tensor that it has, from here.

        Args:
            model: What is to be filled.
            what: What the checkpoint should be, for messages.
            renamed: What a tensor is called in the model; None for a name that is not known.
            is_ignorable: Whether a tensor is not needed.
            is_transposed: Whether a tensor is held as `[n_in, n_out]`, as GPT-2's dense layers are.

        Returns:
            How many tensors were taken, and how many were not needed.

        Raises:
            CheckpointError: if a tensor is missing, of another shape, or not known.
        """
        ours: dict[str, Tensor] = {}
        for name, value in self.state.items():
            if is_ignorable(name):
                continue
            key = renamed(name)
            if key is None:
                raise CheckpointError(f"{self.path}: the tensor {name} has no place in {what}")
            ours[key] = value.t().contiguous() if is_transposed(name) else value
        try:
            model.load_state_dict(ours)
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:_N_REASON]
            raise CheckpointError(f"{self.path}: does not fit {what}: {reason}") from error
        return len(ours), len(self.state) - len(ours)


def refuse_existing(out_dir: Path) -> None:
    """Refuse a folder that is there.

    Raises:
        UsageError: if it is.
    """
    if out_dir.exists():
        raise UsageError(f"{out_dir}: exists already, give a new folder")


def written(out_dir: Path, write: Callable[[Path], None]) -> None:
    """Write a checkpoint's folder, whole or not at all.

    Args:
        out_dir: Where it goes.
        write: Writes its files into an empty folder.
    """
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{out_dir.name}-", dir=out_dir.parent))
    try:
        with _without_bars():
            write(partial)
        partial.chmod(0o755)
        partial.replace(out_dir)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def _without_bars() -> Iterator[None]:
    """Keep transformers from drawing a bar of the one file that it writes."""
    bars: Any = hub_logging  # untyped
    if not bars.is_progress_bar_enabled():
        yield
        return
    bars.disable_progress_bar()
    try:
        yield
    finally:
        bars.enable_progress_bar()
