"""Voices of people and beasts: a source of harmonics and breath, filtered by a throat that moves."""

from collections.abc import Sequence

import numpy as np

from .signals import RATE_HZ, Rng, Wave, at, curve, harmonics, level, moving, noise, wander

Formant = tuple[Sequence[tuple[float, float]], float, float]
"""Resonance of a throat: points (share of the sound, centre in Hz), width in Hz, level."""


def vocal_tract(source: Wave, formants: Sequence[Formant], *, floor: float = 0.01) -> Wave:
    """Filter a voice through resonances that move."""
    duration_s = len(source) / RATE_HZ
    curves = [(curve(duration_s, centre), width, strength) for centre, width, strength in formants]

    def gains(shares: Wave, f: Wave) -> Wave:
        total = np.full((len(shares), f.shape[1]), floor)
        for centre, width, strength in curves:
            c = at(shares, centre)
            total += strength / np.sqrt(1 + ((f - c) / width) ** 2)
        return total

    return moving(source, gains, frame=1024)


def throat(rng: Rng, frequency_hz: Wave, *, rough: float, breath: float, tilt: float = 1.0) -> Wave:
    """Voice source: harmonics that fall by `tilt`, disturbed pitch, breath noise."""
    duration_s = len(frequency_hz) / RATE_HZ
    disturbed = frequency_hz * (1 + rough * wander(rng, duration_s, rate_hz=90, low=-1, high=1))
    voice = harmonics(disturbed, 1 / np.arange(1, 60) ** tilt)
    voice *= 1 + 3 * rough * wander(rng, duration_s, rate_hz=70, low=-1, high=1)
    return level(voice) + breath * noise(rng, duration_s)
