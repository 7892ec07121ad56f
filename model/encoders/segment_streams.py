"""Segments through OpenVINO: each in one thread, as many at once as this process may use."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import openvino

from .runtime import compiled, n_threads

Float = npt.NDArray[np.float32]


class SegmentStreams:
    """An audio tower of any family: its front end in numpy and its network in OpenVINO, float32.

    As many segments are embedded at once as this process may use threads; their numbers do not depend on it.

    Args:
        front_end: Turns a segment, float32 `[segment_samples]`, into what the network takes.
        network: Turns that into an embedding of any length, float32 `[embedding_dim]`.
    """

    def __init__(self, front_end: Callable[[Float], Float], network: openvino.Model) -> None:
        self._front_end = front_end
        self._n_streams = n_threads()
        self._counting = threading.Lock()
        self._spent = {"mel": 0.0, "tower": 0.0}
        model = compiled(network, n_streams=self._n_streams)
        self._requests: queue.SimpleQueue[openvino.InferRequest] = queue.SimpleQueue()
        for _ in range(self._n_streams):
            self._requests.put(model.create_infer_request())
        self._threads = ThreadPoolExecutor(self._n_streams, "soundgrep-tower") if self._n_streams > 1 else None

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
            heard = self._front_end(waveform)
            heard_s = time.perf_counter()
            row: Float = request.infer([heard], share_inputs=True)[0].copy()
            ended_s = time.perf_counter()
        finally:
            self._requests.put(request)
        with self._counting:
            self._spent["mel"] += heard_s - started_s
            self._spent["tower"] += ended_s - heard_s
        return row
