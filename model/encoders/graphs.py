"""Graphs: networks as OpenVINO runs them, made of the torch modules once and kept without their weights.

A graph depends on the sizes of a checkpoint alone. The weights stay in the checkpoint's file and are put in their
places when the graph is read, so that nothing is kept twice, and tensors that a file lacks, or has in another size, are
refused by their names. Graphs are kept in the checkpoint's folder if we write that, and in the user's cache folder
otherwise; only making one needs torch.
"""

from __future__ import annotations

import errno
import hashlib
import re
import secrets
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from ..cache import cache_folder
from ..errors import CheckpointError
from ..extras import has_extra, need_extra
from .checkpoint import CONFIG, WEIGHTS, Checkpoint
from .runtime import has_openvino, openvino_core
from .tensors import check_shapes, mapped_tensors

if TYPE_CHECKING:
    import openvino

FOLDER = "graphs"
_MAGIC = b"<?xml"
_VERSION = 1
"""Raised when the modules that graphs are made of come to compute something else."""

TRACING = "tracing"
"""The module of a family's room that makes its graphs with torch: `audio_graph` and `text_graph`, each of a checkpoint.

Inputs of a graph have names without a dot, weights those of their tensors."""


def read_graph(
    checkpoint: Checkpoint, name: str, *, room: str, ignored: re.Pattern[str] | None = None
) -> openvino.Model:
    """Read a graph of a checkpoint with its weights, making it if there is none yet.

    Args:
        checkpoint: The checkpoint.
        name: The tower, "audio" or "text", with which the names of its tensors begin.
        room: The package of the checkpoint's family.
        ignored: Tensors of the file that it does not need.

    Raises:
        MissingPackageError: If it has to be made and torch is not installed.
        CheckpointError: If the checkpoint's tensors are not those of its configuration, or it describes no network.
    """
    from openvino import opset13

    path = _kept(checkpoint, name) or keep_graph(checkpoint, name, room=room, folder=cache_folder() / FOLDER)
    try:
        _check_kind(path)
        model = openvino_core().read_model(path)
        model.output()  # it has one
    except (RuntimeError, OSError) as error:
        raise CheckpointError(f"{path}: the graph cannot be read; remove it, and it is made again") from error
    weights = {one.get_friendly_name(): one for one in model.get_parameters() if "." in one.get_friendly_name()}
    tensors = mapped_tensors(checkpoint.folder / WEIGHTS, prefix=f"{name}_", ignored=ignored)
    shapes = {one: tuple(weight.get_output_shape(0)) for one, weight in weights.items()}
    check_shapes(tensors, shapes, path=checkpoint.folder / WEIGHTS)
    for one, weight in weights.items():
        constant: openvino.Node = opset13.constant(tensors[one], shared_memory=True)
        for target in weight.output(0).get_target_inputs():
            target.replace_source_output(constant.output(0))
        model.remove_parameter(weight)
    return model


def keep_graph(checkpoint: Checkpoint, name: str, *, room: str, folder: Path) -> Path:
    """Make a graph and keep it in a folder, whole or not at all.

    Returns:
        Where it is.

    Raises:
        MissingPackageError: If torch is not installed.
        CheckpointError: If the configuration describes no network.
    """
    need_extra("torch", wanted_by=f"the first use of {checkpoint.id} on this machine")
    import openvino

    try:
        model = getattr(import_module(f"{room}.{TRACING}"), f"{name}_graph")(checkpoint)
    except (TypeError, ValueError, AttributeError, ZeroDivisionError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{checkpoint.folder / CONFIG}: the {name} tower cannot be built: {reason}") from error
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _file(checkpoint, name)
    partial = folder / f".{secrets.token_hex(4)}.{path.name}"
    openvino.save_model(model, partial, compress_to_fp16=False)
    partial.with_suffix(".bin").replace(path.with_suffix(".bin"))
    partial.replace(path)
    return path


def keep_graphs(checkpoint: Checkpoint, *, room: str) -> None:
    """Make the graphs of both towers and keep them in the checkpoint's folder, where torch and OpenVINO are installed.

    Raises:
        CheckpointError: If the configuration describes no network.
    """
    if has_openvino() and has_extra("torch"):
        for name in ("audio", "text"):
            keep_graph(checkpoint, name, room=room, folder=checkpoint.folder / FOLDER)


def _kept(checkpoint: Checkpoint, name: str) -> Path | None:
    places = (checkpoint.folder / FOLDER, cache_folder() / FOLDER)
    paths = [place / _file(checkpoint, name) for place in places]
    # OpenVINO would wait for a pipe.
    return next((path for path in paths if path.is_file() and path.with_suffix(".bin").is_file()), None)


def _check_kind(path: Path) -> None:
    """Refuse a file that OpenVINO would take for another kind of network, which may name further files to read."""
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise OSError(errno.EINVAL, "it is no graph of OpenVINO's")


def _file(checkpoint: Checkpoint, name: str) -> str:
    """Name the file after all that decides a graph: the configuration, the front end, and how it is made."""
    digest = hashlib.sha256(str(_VERSION).encode())
    for file in (CONFIG, checkpoint.front_end_file):
        try:
            digest.update((checkpoint.folder / file).read_bytes())
        except OSError as error:
            raise CheckpointError(f"{checkpoint.folder / file}: cannot be read ({error})") from error
    return f"{name}-{digest.hexdigest()[:16]}.xml"
