"""Log-mels of the whole corpus, computed once and kept in one array."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

from ..msclap.feature_extraction import MSClapFeatureExtractor
from .corpus import SAMPLING_RATE_HZ, Example, WaveformCache

N_MELS = 64
N_FRAMES = 256
HOP = 432
# Faster and higher, slower and lower: each clip is kept at these speeds.
SPEEDS = (1.0, 0.84, 1.19)


def front_end() -> MSClapFeatureExtractor:
    """Return the front end of `mini`: 5 s at 22,050 Hz give 256 frames of 64 mel bands."""
    return MSClapFeatureExtractor(
        feature_size=N_MELS,
        sampling_rate=SAMPLING_RATE_HZ,
        hop_length=HOP,
        max_length_s=5.0,
        fft_window_size=1024,
        frequency_min=50,
        frequency_max=11_000,
    )


def log_mels(waveform: npt.NDArray[np.float32], extractor: MSClapFeatureExtractor) -> npt.NDArray[np.float16]:
    """Log-mels of a whole clip, decibels `[n_frames, 64]`; a short one is repeated to a segment as at inference."""
    filled = waveform if waveform.size > extractor.segment_samples else extractor.fill(waveform)
    return extractor.front_end(filled).astype(np.float16)


@dataclass(frozen=True)
class MelStore:
    """Log-mels of many clips in one array, memory-mapped.

    Attributes:
        frames: float16 `[n_frames of all clips, 64]`, decibels.
        examples: The clips, in order.
        starts: First frame of each clip at each speed, `[n_clips, n_speeds]`.
        lengths: Frames kept of each, `[n_clips, n_speeds]`, at least 256.
        own_lengths: Frames before repetition, `[n_clips, n_speeds]`.
    """

    frames: npt.NDArray[np.float16]
    examples: tuple[Example, ...]
    starts: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]
    own_lengths: npt.NDArray[np.int64]

    def mels(self, clip: int, speed: int = 0) -> npt.NDArray[np.float16]:
        """Log-mels of a clip, `[n_frames, 64]`."""
        start = int(self.starts[clip, speed])
        return self.frames[start : start + int(self.lengths[clip, speed])]

    @classmethod
    def build(
        cls, examples: Sequence[Example], cache: WaveformCache, path: Path, *, speeds: Sequence[float] = SPEEDS
    ) -> "MelStore":
        """Compute and write `path` (.npy) and its table (.json); clips that the cache lacks are left out."""
        extractor = front_end()
        rows: list[npt.NDArray[np.float16]] = []
        kept: list[Example] = []
        places: list[list[tuple[int, int, int]]] = []
        total = 0
        for example in examples:
            waveform = cache.waveform(example)
            if waveform is None or not waveform.any():
                continue
            place: list[tuple[int, int, int]] = []
            for speed in speeds:
                # Playing faster is the same as having been sampled at a higher rate.
                played = (
                    waveform
                    if speed == 1
                    else soxr.resample(waveform, round(SAMPLING_RATE_HZ * speed), SAMPLING_RATE_HZ)
                )
                if played.size == 0:
                    played = waveform
                mels = log_mels(played, extractor)
                own = max(1, min(len(mels), round(played.size / extractor.hop_length)))
                place.append((total, len(mels), own))
                rows.append(mels)
                total += len(mels)
            kept.append(example)
            places.append(place)
        np.save(path, np.concatenate(rows))
        fields = [[e.package, e.path, e.caption, e.category, e.concept] for e in kept]
        path.with_suffix(".json").write_text(json.dumps({"examples": fields, "places": places}), encoding="utf-8")
        return cls.load(path)

    @classmethod
    def load(cls, path: Path) -> "MelStore":
        """Open what `build` wrote."""
        table = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        places = np.asarray(table["places"], dtype=np.int64)
        examples = tuple(Example(*fields) for fields in table["examples"])
        frames = np.load(path, mmap_mode="r")
        return cls(frames, examples, places[..., 0], places[..., 1], places[..., 2])
