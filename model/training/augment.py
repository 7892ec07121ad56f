"""What is done to log-mels at random, so that the tower hears sounds and not recordings."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .mels import N_FRAMES, N_MELS, MelStore

Floats = npt.NDArray[np.float32]
FLOOR_DB = -100.0


def cut(
    mels: npt.NDArray[np.float16], own_length: int, chance: np.random.Generator, *, n_frames: int
) -> tuple[Floats, int]:
    """Take some frames of a clip: a loud part of a longer one; a shorter one repeated, or once in silence.

    Args:
        mels: A clip's log-mels, repeated to 256 frames if it has fewer, `[n_frames of the clip, 64]`.
        own_length: Its frames before repetition.
        chance: Source of randomness.
        n_frames: How many frames to take, 256 at most.

    Returns:
        The frames `[n_frames, 64]`, and the first one's number; -1 if they hold the whole clip.
    """
    if own_length > n_frames:
        starts = [int(start) for start in chance.integers(own_length - n_frames + 1, size=2)]
        parts = [mels[start : start + n_frames].astype(np.float32) for start in starts]
        louder = int(parts[1].mean() > parts[0].mean())
        return parts[louder], starts[louder]
    segment = mels[:n_frames].astype(np.float32)
    if own_length < n_frames and chance.random() < 0.35:
        alone = np.full((n_frames, N_MELS), FLOOR_DB, dtype=np.float32)
        start = int(chance.integers(n_frames - own_length + 1))
        alone[start : start + own_length] = segment[:own_length]
        return alone, -1
    start = int(chance.integers(min(len(mels), N_FRAMES) - n_frames + 1))
    segment = mels[start : start + n_frames].astype(np.float32)
    return np.roll(segment, int(chance.integers(n_frames)), axis=0), -1


def add(first: Floats, second: Floats) -> Floats:
    """Sum two sounds given in decibels: powers add."""
    louder = np.maximum(first, second)
    return louder + 10 * np.log10(1 + 10 ** ((np.minimum(first, second) - louder) / 10))


def colour(mels: Floats, chance: np.random.Generator) -> Floats:
    """Change the level, the tone and the bandwidth, as microphones, formats and rooms do."""
    bands = np.arange(N_MELS, dtype=np.float32)
    mels = (mels + chance.uniform(-18, 10)).astype(np.float32)
    if chance.random() < 0.4:
        mels += np.float32(chance.uniform(-8, 8)) * (bands / N_MELS - np.float32(0.5))
    if chance.random() < 0.4:
        mels -= np.float32(chance.uniform(3, 20)) * np.maximum(bands - np.float32(chance.uniform(24, 62)), 0)
    if chance.random() < 0.2:
        mels -= np.float32(chance.uniform(2, 8)) * np.maximum(np.float32(chance.uniform(0, 16)) - bands, 0)
    return np.maximum(mels, FLOOR_DB).astype(np.float32)


def with_noise(mels: Floats, chance: np.random.Generator) -> Floats:
    """Lay coloured noise under a sound, 5 to 45 dB below its loudest frame."""
    level = float(mels.max(1).max()) - chance.uniform(5, 45)
    tilt = chance.uniform(-25, 5) * (np.arange(N_MELS) / N_MELS)
    # Mel bands of noise are sums of exponentials; a gamma of shape 2 is near enough.
    noise = level + tilt + 10 * np.log10(chance.gamma(2.0, 0.5, mels.shape) + 1e-3)
    return add(mels, noise.astype(np.float32)).astype(np.float32)


def masked(mels: Floats, chance: np.random.Generator) -> Floats:
    """Hide some frames and bands (SpecAugment, arXiv 1904.08779)."""
    mels = mels.copy()
    fill = mels.mean()
    for _ in range(2):
        width = int(chance.integers(0, len(mels) // 6))
        start = int(chance.integers(0, len(mels) - width))
        mels[start : start + width] = fill
        height = int(chance.integers(0, 9))
        band = int(chance.integers(0, N_MELS - height))
        mels[:, band : band + height] = fill
    return mels


@dataclass(frozen=True)
class Batch:
    """Augmented segments and what they hold.

    Attributes:
        mels: float32 `[n, 1, n_frames, 64]`, decibels.
        first: Clip of each segment, `[n]`.
        second: The clip mixed into it, or the same clip, `[n]`.
        share: How much of the label goes to the first, `[n]`, 0.5 to 1.
        starts: Where the first was cut out of its clip, `[n]`, in frames; -1 for the whole clip.
        speeds: Which of the clip's speeds was taken, `[n]`.
    """

    mels: Floats
    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    share: Floats
    starts: npt.NDArray[np.int64]
    speeds: npt.NDArray[np.int64]


def draw_batch(
    store: MelStore,
    weights: npt.NDArray[np.float64],
    n_segments: int,
    chance: np.random.Generator,
    *,
    mixing: float,
    n_frames: int = N_FRAMES,
) -> Batch:
    """Draw clips and augment them.

    Args:
        store: Where log-mels come from.
        weights: Chance of each clip, `[n_clips]`, sums to 1.
        n_segments: Size of the batch.
        chance: Source of randomness.
        mixing: Share of segments that get a second sound.
        n_frames: Length of the segments.
    """
    n_speeds = store.starts.shape[1]
    first = chance.choice(len(store.examples), n_segments, p=weights)
    second = first.copy()
    share = np.ones(n_segments, dtype=np.float32)
    starts = np.empty(n_segments, dtype=np.int64)
    speeds = np.empty(n_segments, dtype=np.int64)
    mels = np.empty((n_segments, 1, n_frames, N_MELS), dtype=np.float32)
    for row, clip in enumerate(first):
        speed = int(chance.integers(n_speeds)) if chance.random() < 0.6 else 0
        own = int(store.own_lengths[clip, speed])
        sound, start = cut(store.mels(clip, speed), own, chance, n_frames=n_frames)
        sound = colour(sound, chance)
        starts[row], speeds[row] = start, speed
        if chance.random() < mixing:
            other = int(chance.choice(len(store.examples), p=weights))
            below_db = chance.uniform(0, 12)
            own = int(store.own_lengths[other, 0])
            guest = colour(cut(store.mels(other), own, chance, n_frames=n_frames)[0], chance)
            guest = guest + (sound.max() - guest.max()) - np.float32(below_db)
            sound = add(sound, np.maximum(guest, FLOOR_DB))
            second[row], share[row] = other, 0.5 + 0.4 * below_db / 12
        if chance.random() < 0.4:
            sound = with_noise(sound, chance)
        if chance.random() < 0.6:
            sound = masked(sound, chance)
        mels[row, 0] = sound
    return Batch(mels, first, second, share, starts, speeds)
