"""Segments: where the fixed-length windows of a clip start, and the waveform cut there."""

import numpy as np
import numpy.typing as npt

from ..errors import AudioError, UsageError

Waveform = npt.NDArray[np.float32]


def segment_starts(n_samples: int, *, segment_samples: int, hop_samples: int) -> list[int]:
    """Lay segments over a clip so that every sample lies in one (if the hop is no longer than a segment).

    Args:
        n_samples: Length of the clip, at least 1.
        segment_samples: Length of a segment, at least 1.
        hop_samples: Distance between the starts of neighbouring segments, from 1 to `segment_samples`.

    Returns:
        First samples of the segments, ascending. A clip no longer than a segment has one, at 0. A longer clip has one
        at every hop for as long as a whole segment fits, and a last one aligned to the end where that adds anything.

    Raises:
        UsageError: If a length is under 1, or the hop is longer than a segment and would leave sound unheard.
    """
    if n_samples < 1 or segment_samples < 1:
        raise UsageError(f"a clip of {n_samples} samples cannot be cut into segments of {segment_samples} samples")
    if not 1 <= hop_samples <= segment_samples:
        raise UsageError(f"a hop of {hop_samples} samples is not between 1 and the segment's {segment_samples} samples")
    last = max(0, n_samples - segment_samples)
    starts = list(range(0, last + 1, hop_samples))
    if starts[-1] != last:
        starts.append(last)
    return starts


def checked_waveform(waveform: Waveform, *, number: int, n_samples: int, name: str) -> Waveform:
    """Refuse a waveform that no segment can hold.

    Args:
        waveform: The waveform, as given.
        number: Its place among those given with it.
        n_samples: Length of a segment.
        name: What the model is called that it is for.

    Returns:
        The waveform.

    Raises:
        AudioError: If it is empty, longer than a segment, not mono, or holds NaN or infinity.
    """
    if waveform.ndim != 1 or not 1 <= len(waveform) <= n_samples:
        raise AudioError(
            f"waveform {number} has shape {waveform.shape}, but [1 to {n_samples}] samples, mono, are what one segment "
            f"of {name} takes"
        )
    if not np.isfinite(waveform).all():
        raise AudioError(f"waveform {number} holds NaN or infinite samples")
    return waveform


class SegmentCutter:
    """Cuts a waveform that comes in blocks where `segment_starts` says, holding little more than a segment of it.

    Args:
        segment_samples: Length of a segment, at least 1.
        hop_samples: Distance between the starts of neighbouring segments, from 1 to `segment_samples`.

    Attributes:
        starts: First samples of the segments cut so far, ascending.
    """

    def __init__(self, *, segment_samples: int, hop_samples: int) -> None:
        self.starts: list[int] = []
        self._size = segment_samples
        self._hop = hop_samples
        self._held: list[Waveform] = []
        self._first = 0  # sample of the clip at which what is held begins
        self._n_samples = 0

    def add(self, block: Waveform) -> list[Waveform]:
        """Take the next block [n] and give the segments [segment_samples] that it completes."""
        self._held.append(block)
        self._n_samples += len(block)
        if self._next_start() + self._size > self._n_samples:
            return []
        joined = np.concatenate(self._held)
        segments = []
        while self._next_start() + self._size <= self._n_samples:
            start = self._next_start()
            segments.append(joined[start - self._first : start - self._first + self._size])
            self.starts.append(start)
        # The last segment may have to reach back from the end of the clip.
        first = min(self._next_start(), self._n_samples - self._size)
        self._held = [joined[first - self._first :].copy()]
        self._first = first
        return segments

    def finish(self) -> list[Waveform]:
        """Return what `segment_starts` has after the last whole hop: the end of the clip, or all of a short one.

        Raises:
            UsageError: If there was no sample at all.
        """
        starts = segment_starts(self._n_samples, segment_samples=self._size, hop_samples=self._hop)
        if len(starts) == len(self.starts):
            return []
        self.starts.append(starts[-1])
        return [np.concatenate(self._held)[starts[-1] - self._first :]]

    def _next_start(self) -> int:
        return self.starts[-1] + self._hop if self.starts else 0
