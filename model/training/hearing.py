"""What the audio teacher hears in every clip, computed once and kept beside the log-mels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .corpus import SAMPLING_RATE_HZ, Example, WaveformCache
from .effects import EFFECTS_DIM
from .listener import EMBEDDING_DIM, N_CLASSES, PATCH_HOP_S, PATCH_S
from .mels import HOP
from .space import Floats, unit

FRAME_S = HOP / SAMPLING_RATE_HZ


def directions(responses: npt.NDArray[np.float16] | Floats) -> npt.NDArray[np.float16]:
    """Sums of rectified responses `[n, width]` as directions: their roots, which are less peaked, about their mean."""
    rooted = np.sqrt(np.maximum(responses.astype(np.float32), 0))
    heard = rooted.any(1)
    if heard.any():
        rooted[heard] -= rooted[heard].mean(0)
    return unit(rooted).astype(np.float16)


@dataclass(frozen=True)
class Hearing:
    """Embeddings and class scores of the teacher, patch by patch.

    Attributes:
        embeddings: float16 `[n_patches of all clips, 1024]`, centred, of unit length.
        scores: float16 `[n_patches of all clips, 521]`, 0 to 1.
        starts: First patch of each clip, and the end, `[n_clips + 1]`.
        effects: What the network of sound effects hears in each clip, float16 `[n_clips, 1024]`, centred, of unit
            length.
    """

    embeddings: npt.NDArray[np.float16]
    scores: npt.NDArray[np.float16]
    starts: npt.NDArray[np.int64]
    effects: npt.NDArray[np.float16]

    @classmethod
    def build(
        cls,
        examples: Sequence[Example],
        cache: WaveformCache,
        listen: Callable[[npt.NDArray[np.float32]], tuple[Floats, Floats]],
        listen_for_effects: Callable[[npt.NDArray[np.float32]], Floats] | None,
        path: Path,
    ) -> "Hearing":
        """Listen to clips and write `path` (.npz); a clip that the cache lacks has no patch.

        Args:
            examples: The clips, in the order of the log-mels.
            cache: Their waveforms.
            listen: From a waveform to embeddings `[n_patches, 1024]` and scores `[n_patches, 521]`.
            listen_for_effects: From a waveform to an embedding `[1024]`; None leaves it zero.
            path: The file to write.
        """
        embeddings: list[npt.NDArray[np.float16]] = [np.zeros((0, EMBEDDING_DIM), np.float16)]
        scores: list[npt.NDArray[np.float16]] = [np.zeros((0, N_CLASSES), np.float16)]
        counts: list[int] = []
        effects = np.zeros((len(examples), 2 * EFFECTS_DIM), np.float32)
        for clip, example in enumerate(examples):
            waveform = cache.waveform(example)
            if waveform is None or not waveform.any():
                counts.append(0)
                continue
            heard, named = listen(waveform)
            embeddings.append(heard.astype(np.float16))
            scores.append(named.astype(np.float16))
            counts.append(len(heard))
            if listen_for_effects is not None:
                effects[clip] = listen_for_effects(waveform)
        partial = path.with_suffix(".tmp.npz")
        np.savez(
            partial,
            embeddings=directions(np.concatenate(embeddings)),
            scores=np.concatenate(scores),
            starts=np.concatenate([[0], np.cumsum(counts)]),
            effects=directions(effects),
        )
        partial.replace(path)
        return cls.load(path)

    @classmethod
    def load(cls, path: Path) -> "Hearing":
        """Open what `build` wrote."""
        with np.load(path) as arrays:
            return cls(arrays["embeddings"], arrays["scores"], arrays["starts"].astype(np.int64), arrays["effects"])

    def copies(self, n_known: int, *, above: float) -> npt.NDArray[np.bool_]:
        """Which clips after the first `n_known` sound so much like one of those that they may be the same recording.

        Clips in which nothing was heard count as copies.
        """
        means = self._means()
        known, others = means[:n_known], means[n_known:]
        return np.asarray(((others @ known.T).max(1, initial=-1.0) > above) | ~others.any(1))

    def _means(self) -> Floats:
        rows = np.zeros((len(self.starts) - 1, EMBEDDING_DIM), np.float32)
        for clip in range(len(rows)):
            here = slice(int(self.starts[clip]), int(self.starts[clip + 1]))
            if here.stop > here.start:
                rows[clip] = self.embeddings[here].astype(np.float32).mean(0)
        return unit(rows)

    def _patches(self, clip: int, start: int, n_frames: int, speed: float) -> slice:
        first, end = int(self.starts[clip]), int(self.starts[clip + 1])
        if start < 0 or end - first < 2:
            return slice(first, end)
        # Patches whose middle lies in the cut, or else the one nearest to its middle.
        begin_s, end_s = start * FRAME_S * speed, (start + n_frames) * FRAME_S * speed
        middles = np.arange(end - first) * PATCH_HOP_S + PATCH_S / 2
        inside = np.flatnonzero((middles >= begin_s) & (middles <= end_s))
        if not len(inside):
            inside = np.array([int(np.abs(middles - (begin_s + end_s) / 2).argmin())])
        return slice(first + int(inside[0]), first + int(inside[-1]) + 1)

    def of_cuts(
        self, clips: npt.NDArray[np.int64], starts: npt.NDArray[np.int64], speeds: Floats, *, n_frames: int
    ) -> tuple[Floats, Floats]:
        """Return what is heard in cuts of clips.

        Args:
            clips: Clip of each cut, `[n]`.
            starts: First frame of each cut, `[n]`; below zero stands for the whole clip.
            speeds: How fast each clip was played, `[n]`.
            n_frames: Length of the cuts.

        Returns:
            Embeddings `[n, 1024]`, unit length or zero where nothing is known, and scores `[n, 521]`.
        """
        embeddings = np.zeros((len(clips), EMBEDDING_DIM), np.float32)
        scores = np.zeros((len(clips), N_CLASSES), np.float32)
        for row, (clip, start, speed) in enumerate(zip(clips, starts, speeds, strict=True)):
            here = self._patches(int(clip), int(start), n_frames, float(speed))
            if here.stop > here.start:
                embeddings[row] = self.embeddings[here].astype(np.float32).mean(0)
                scores[row] = self.scores[here].astype(np.float32).max(0)
        return unit(embeddings), scores
