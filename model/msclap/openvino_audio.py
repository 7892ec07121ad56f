"""The audio tower at work on a CPU: a checkpoint's weights and front end, run by OpenVINO, without torch."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import openvino
from safetensors import SafetensorError, safe_open

from ..checkpoint import CONFIG, WEIGHTS, Checkpoint
from ..errors import CheckpointError
from ..runtime import compiled, n_threads
from .audio_sizes import AudioSizes
from .mel import MelFrontEnd
from .openvino_graph import AudioGraph

Float = npt.NDArray[np.float32]


class OpenVinoAudioTower:
    """HTS-AT and its projection in OpenVINO, float32, each segment in one thread.

    As many segments are embedded at once as this process may use threads; their numbers do not depend on it.

    Args:
        folder: The checkpoint.

    Raises:
        CheckpointError: if a file of it is unreadable or does not fit the others.
    """

    def __init__(self, folder: Path) -> None:
        checkpoint = Checkpoint(folder)
        front_end_file = checkpoint.front_end_file
        content = checkpoint.read(front_end_file)
        try:
            self._front_end = MelFrontEnd.of(content.get("feature_extractor", content))
            _ = self._front_end.bank
        except (TypeError, ValueError, ZeroDivisionError) as error:
            raise CheckpointError(f"{folder / front_end_file}: the front end cannot be loaded: {error}") from error
        try:
            sizes = AudioSizes.of(checkpoint.read(CONFIG))
        except (TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
            raise CheckpointError(f"{folder / CONFIG}: the audio tower cannot be built: {error}") from error
        n_frames = self._front_end.n_frames(round(checkpoint.segment_s * checkpoint.sampling_rate_hz))
        if n_frames > sizes.max_frames or self._front_end.bank.shape[1] != sizes.n_mels:
            raise CheckpointError(
                f"{folder}: the front end makes {n_frames} frames of {self._front_end.bank.shape[1]} mel bands, but "
                f"the audio tower takes at most {sizes.max_frames} of {sizes.n_mels}"
            )
        weights = read_weights(folder / WEIGHTS)
        check_weights(weights, sizes, path=folder / WEIGHTS)
        n_streams = self._n_streams = n_threads()
        self._counting = threading.Lock()
        self._spent = {"mel": 0.0, "tower": 0.0}
        model = compiled(AudioGraph(sizes, weights, n_frames=n_frames).build(), n_streams=n_streams)
        self._requests: queue.SimpleQueue[openvino.InferRequest] = queue.SimpleQueue()
        for _ in range(n_streams):
            self._requests.put(model.create_infer_request())
        self._threads = ThreadPoolExecutor(n_streams, "soundgrep-tower") if n_streams > 1 else None

    @property
    def n_at_once(self) -> int:
        """Segments worth embedding in one call: one a thread."""
        return self._n_streams

    @property
    def spent(self) -> Mapping[str, float]:
        """Seconds of work so far, of all threads together, for "mel" and for "tower"."""
        with self._counting:
            return dict(self._spent)

    def embed_segments(self, waveforms: Sequence[Float]) -> Float:
        """Embed segments, float32 `[segment_samples]` each, to float32 `[n, embedding_dim]` of any length."""
        some_at_once = self._threads is not None and len(waveforms) > 1
        rows = (
            self._threads.map(self._embed, waveforms) if some_at_once and self._threads else map(self._embed, waveforms)
        )
        return np.stack(list(rows))

    def _embed(self, waveform: Float) -> Float:
        request = self._requests.get()
        try:
            started_s = time.perf_counter()
            mels = self._front_end(waveform)
            heard_s = time.perf_counter()
            row: Float = request.infer([mels], share_inputs=True)[0].copy()
            ended_s = time.perf_counter()
        finally:
            self._requests.put(request)
        with self._counting:
            self._spent["mel"] += heard_s - started_s
            self._spent["tower"] += ended_s - heard_s
        return row


def read_weights(path: Path) -> dict[str, Float]:
    """Read the audio tower's tensors, and no others, as float32.

    Raises:
        CheckpointError: if the file cannot be read.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            names = [name for name in file.keys() if name.startswith("audio_")]  # noqa: SIM118 - no mapping
            return {name: file.get_tensor(name).astype(np.float32, copy=False) for name in names}
    except (OSError, SafetensorError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be loaded: {error}") from error


def check_weights(weights: dict[str, Float], sizes: AudioSizes, *, path: Path) -> None:
    """Refuse weights that are not all those of the configuration, each in its size.

    Raises:
        CheckpointError: naming the first tensor that is missing, unknown or of another shape.
    """
    found = {name: tensor.shape for name, tensor in weights.items() if not name.endswith(".num_batches_tracked")}
    expected = sizes.shapes()
    wrong = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
    if wrong:
        what = "size mismatch" if wrong[0] in found else "Missing key"
        raise CheckpointError(
            f"{path}: cannot be loaded: {what}: {wrong[0]} is {found.get(wrong[0], 'missing')}, but the configuration "
            f"wants {expected.get(wrong[0], 'none')}"
        )
