"""The kinds of sound that can be rendered, each with its captions, category and concept."""

from collections.abc import Callable
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import numpy.typing as npt

from .signals import RATE_HZ, Rng, Wave, band, length, level, noise, room, unit

_MIN_S = 0.8
_MAX_PEAK = 0.9

Synthesis = Callable[[Rng], Wave]


@dataclass(frozen=True)
class Kind:
    """One kind of sound.

    Attributes:
        captions: What is heard, in words; the first is the plainest.
        category: Broad class, as in the training corpus.
        concept: Narrow class, as in the training corpus where it has one.
        synthesis: From a random generator, one variation of the sound: waveform [n_samples] of any level.
        in_room: Whether a little reverberation suits some of its variations.
    """

    captions: tuple[str, ...]
    category: str
    concept: str
    synthesis: Synthesis
    in_room: bool


KINDS: dict[str, Kind] = {}


def sound(
    name: str, category: str, concept: str, *captions: str, in_room: bool = True
) -> Callable[[Synthesis], Synthesis]:
    """Enter the decorated function in `KINDS`."""

    def enter(synthesis: Synthesis) -> Synthesis:
        KINDS[name] = Kind(captions, category, concept, synthesis, in_room)
        return synthesis

    return enter


def render(kind: str, seed: int) -> tuple[npt.NDArray[np.float32], int]:
    """Render one variation of a kind of sound.

    Args:
        kind: A name in `KINDS`.
        seed: Which variation; the same seed gives the same sound.

    Returns:
        Waveform [n_samples], float32, peak under 0.95, about -20 dBFS; and its sampling rate in Hz.
    """
    rng = np.random.default_rng([seed, crc32(kind.encode())])
    entry = KINDS[kind]
    waveform = entry.synthesis(rng)
    waveform = np.pad(waveform, (0, max(0, length(_MIN_S) - len(waveform))))
    waveform = unit(band(waveform, 25, 19_000, order=3))
    if entry.in_room and rng.random() < 0.4:
        waveform = room(rng, waveform, time_s=rng.uniform(0.2, 0.9), mix=rng.uniform(0.08, 0.3))
    if rng.random() < 0.5:
        waveform = waveform + 10 ** rng.uniform(-4, -2.8) * noise(rng, len(waveform) / RATE_HZ)
    waveform = level(waveform, rms=10 ** (rng.normal(-20.0, 2.5) / 20))
    peak = float(np.abs(waveform).max())
    if peak > _MAX_PEAK:  # limit gently, so that what is all clicks is not much softer than the rest
        waveform = _MAX_PEAK * np.tanh(waveform * min(1.0, 1.8 * _MAX_PEAK / peak) / _MAX_PEAK)
    edge = min(length(0.004), len(waveform) // 2)
    waveform[-edge:] *= np.linspace(1, 0, edge)
    return waveform.astype(np.float32), RATE_HZ
