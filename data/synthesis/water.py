"""Waves, streams, drops, bubbles."""

import numpy as np

from .kinds import sound
from .signals import (
    RATE_HZ,
    Rng,
    Wave,
    at,
    band,
    coloured,
    curve,
    decay,
    events,
    level,
    moving,
    noise,
    phase,
    place,
    room,
    silence,
    swell,
    times,
    wander,
)


def bubble(rng: Rng, frequency_hz: float, *, rise: float) -> Wave:
    """A bubble closing: a short sine of rising pitch (van den Doel 2005, Physically based models for liquid sounds)."""
    damping = 0.13 * frequency_hz**0.5 * 6 + 0.0072 * frequency_hz**1.5 * 0.02
    duration_s = min(0.35, 6.0 / damping)
    t = times(duration_s)
    sweep = phase(frequency_hz * (1 + rise * damping * t))
    return np.asarray(np.sin(sweep + rng.uniform(0, 6)) * np.exp(-damping * t) * np.minimum(1, t / 0.0008))


def _bubbles(rng: Rng, duration_s: float, *, rate_hz: float, low_hz: float, high_hz: float, rise: float) -> Wave:
    scene = silence(duration_s)
    for start_s in events(rng, duration_s, rate_hz=rate_hz):
        f = low_hz * (high_hz / low_hz) ** rng.random()
        place(
            scene,
            bubble(rng, f, rise=rise * rng.uniform(0, 1)),
            start_s,
            level=rng.uniform(0.1, 1) ** 2 * (low_hz / f) ** 0.4,
        )
    return scene


@sound(
    "ocean_waves",
    "water",
    "ocean waves",
    "waves breaking on a shore",
    "ocean waves on a beach",
    "the sea",
    in_room=False,
)
def ocean_waves(rng: Rng) -> Wave:
    """Noise that swells, breaks bright and hisses away."""
    duration_s = 6.0
    period_s = rng.uniform(2.6, 4.5)
    t = times(duration_s)
    strength = np.full(len(t), 0.12)
    bright = np.full(len(t), 0.0)
    for peak_s in np.arange(rng.uniform(0.5, 2.0), duration_s + period_s, period_s) + rng.normal(0, 0.2):
        size = rng.uniform(0.6, 1.0)
        rise = np.exp(-np.maximum(peak_s - t, 0) / 0.55) * (t <= peak_s)
        fall = np.exp(-np.maximum(t - peak_s, 0) / rng.uniform(0.9, 1.4)) * (t > peak_s)
        strength += size * (rise + fall)
        bright += size * (rise**2 + fall)

    def gains(shares: Wave, f: Wave) -> Wave:
        top = 350 + 5500 * at(shares, bright)
        return at(shares, strength) * (np.maximum(f, 60) / 300) ** -0.55 / (1 + (f / top) ** 2.5) * (f > 50)

    foam = _bubbles(rng, duration_s, rate_hz=90, low_hz=900, high_hz=5000, rise=0.1) * bright
    return level(moving(noise(rng, duration_s), gains, frame=2048)) + level(foam, rms=0.06)


@sound("stream", "water", "stream", "water flowing in a stream", "a babbling brook", "a small river", in_room=False)
def stream(rng: Rng) -> Wave:
    """A multitude of bubbles over soft noise."""
    duration_s = rng.uniform(3.5, 6.0)
    big = _bubbles(rng, duration_s, rate_hz=rng.uniform(35, 80), low_hz=350, high_hz=1300, rise=0.12)
    small = _bubbles(rng, duration_s, rate_hz=rng.uniform(200, 350), low_hz=900, high_hz=4500, rise=0.08)
    wash = band(coloured(rng, duration_s, exponent=0.8), 300, 5000, order=1)
    return level(big) + level(small, rms=0.7) + level(wash, rms=rng.uniform(0.12, 0.35))


@sound("waterfall", "water", "waterfall", "a waterfall", "water roaring down a waterfall", in_room=False)
def waterfall(rng: Rng) -> Wave:
    """Steady broad roar, dark below, hissing above."""
    duration_s = rng.uniform(3.5, 6.0)
    roar = band(coloured(rng, duration_s, exponent=rng.uniform(0.7, 1.2)), 70, rng.uniform(4000, 9000), order=1)
    splash = _bubbles(rng, duration_s, rate_hz=150, low_hz=300, high_hz=2500, rise=0.1)
    return level(roar) * wander(rng, duration_s, rate_hz=6, low=0.85, high=1.0) + level(splash, rms=0.25)


@sound("water_drops", "water", "water dripping", "water dripping", "a dripping tap", "drops of water falling")
def water_drops(rng: Rng) -> Wave:
    """Now and then the plink of a drop: a tick, then a rising bubble, in an echoing place."""
    duration_s = rng.uniform(3.0, 5.0)
    scene = silence(duration_s)
    interval_s = rng.uniform(0.35, 0.9)
    steady = rng.uniform(0.02, 0.35)
    base_hz = rng.uniform(700, 1800)
    start_s = rng.uniform(0.05, 0.3)
    while start_s < duration_s - 0.2:
        tick = band(noise(rng, 0.01) * decay(0.01, 0.0012), 2000, 12000, order=1)
        place(scene, tick, start_s, level=0.25)
        f = base_hz * rng.lognormal(0, 0.12)
        t = times(0.13)
        drop = np.sin(phase(f * (1 + 4.5 * np.maximum(t - 0.01, 0)))) * decay(
            0.13, rng.uniform(0.018, 0.035), attack_s=0.002
        )
        place(scene, drop, start_s + rng.uniform(0.012, 0.03), level=rng.uniform(0.6, 1))
        if rng.random() < 0.4:
            place(scene, bubble(rng, f * 1.4, rise=0.15), start_s + rng.uniform(0.06, 0.1), level=0.5)
        start_s += interval_s * rng.lognormal(0, steady)
    return room(rng, scene, time_s=rng.uniform(0.5, 1.6), mix=rng.uniform(0.15, 0.4), tail=False)


@sound("bubbles", "water", "bubbling", "bubbles in water", "water bubbling", "air bubbles rising in water")
def bubbles(rng: Rng) -> Wave:
    """Round bubbles that come in runs."""
    duration_s = rng.uniform(3.0, 5.0)
    scene = silence(duration_s)
    low_hz = rng.uniform(180, 400)
    for run_s in events(rng, duration_s, rate_hz=rng.uniform(2.0, 4.0)):
        start_s, f = run_s, low_hz * rng.uniform(1, 2.5)
        for _ in range(rng.integers(2, 9)):
            length_s = rng.uniform(0.04, 0.08)
            t = times(length_s)
            blob = np.sin(phase(f * (1 + rng.uniform(4, 11) * t))) * swell(
                length_s, attack_s=0.006, release_s=length_s * 0.8
            )
            place(scene, blob, start_s, level=rng.uniform(0.3, 1))
            start_s += rng.uniform(0.03, 0.09)
            f *= rng.uniform(0.93, 1.12)
    return scene + 0.02 * level(band(coloured(rng, len(scene) / RATE_HZ, exponent=1), 150, 1500, order=1))


@sound("boiling", "water", "boiling liquid", "water boiling in a pot", "a liquid boiling", in_room=False)
def boiling(rng: Rng) -> Wave:
    """Dense low bubbles in a pot over rumble and hiss."""
    duration_s = rng.uniform(3.5, 5.5)
    blobs = _bubbles(rng, duration_s, rate_hz=rng.uniform(60, 130), low_hz=160, high_hz=900, rise=0.3)
    rumble = band(coloured(rng, duration_s, exponent=1.4), 60, 700, order=1) * wander(
        rng, duration_s, rate_hz=12, low=0.4, high=1
    )
    hiss = band(noise(rng, duration_s), 2500, 9000, order=1)
    return level(blobs) + level(rumble, rms=0.45) + level(hiss, rms=0.06)


@sound("splash", "water", "water splash", "a splash in water", "something falling into water")
def splash(rng: Rng) -> Wave:
    """A slap, a plume of noise that closes, then bubbles and drops."""
    duration_s = rng.uniform(1.8, 2.8)
    scene = silence(duration_s)
    start_s = rng.uniform(0.03, 0.2)
    slap = band(noise(rng, 0.2) * decay(0.2, 0.03), 100, 2500, order=1)
    place(scene, slap, start_s, level=1.2)
    plume_s = duration_s - start_s
    fade = np.exp(-times(plume_s) / rng.uniform(0.22, 0.45)) * (1 - np.exp(-times(plume_s) / 0.03))
    plume = moving(noise(rng, plume_s), lambda s, f: (f > 200) / (1 + (f / (7000 * np.exp(-2.5 * s) + 500)) ** 2))
    place(scene, plume * fade, start_s, level=1.0)
    gulp = bubble(rng, rng.uniform(160, 320), rise=0.3)
    place(scene, gulp, start_s + 0.12, level=1.2)
    spray = _bubbles(rng, plume_s, rate_hz=70, low_hz=500, high_hz=4000, rise=0.15) * curve(
        plume_s, [(0, 0.3), (0.2, 1), (1, 0)]
    )
    place(scene, spray, start_s, level=0.5)
    return scene


@sound("pouring", "water", "pouring water", "water being poured into a glass", "pouring water")
def pouring(rng: Rng) -> Wave:
    """Bubbles and noise through a resonance that climbs as the glass fills."""
    duration_s = rng.uniform(2.5, 4.5)
    blobs = _bubbles(rng, duration_s, rate_hz=140, low_hz=500, high_hz=3500, rise=0.15)
    source = level(noise(rng, duration_s), rms=0.35) + level(blobs)
    low_hz = rng.uniform(350, 600)
    fill = curve(duration_s, [(0, low_hz), (1, low_hz * rng.uniform(2.2, 3.5))])

    def gains(shares: Wave, f: Wave) -> Wave:
        centre = at(shares, fill)
        resonance = sum(np.exp(-0.5 * ((f - centre * k) / (70 * k)) ** 2) / k for k in (1, 3, 5))
        return (0.12 + 2.5 * resonance) * (f > 200) / (1 + (f / 9000) ** 4)

    edges = swell(duration_s, attack_s=0.15, release_s=0.2) * wander(rng, duration_s, rate_hz=12, low=0.6, high=1)
    return moving(source, gains, frame=2048) * edges
