"""Insects, frogs, snakes: the small animals of a summer night."""

import numpy as np

from .birds import owl
from .kinds import sound
from .signals import (
    Rng,
    Wave,
    band,
    coloured,
    convolve,
    curve,
    decay,
    events,
    harmonics,
    length,
    level,
    noise,
    place,
    pulses,
    room,
    silence,
    smooth,
    swell,
    times,
    tone,
    wander,
)


@sound("crickets", "animals", "cricket chirping", "crickets chirping", "crickets at night", in_room=False)
def crickets(rng: Rng) -> Wave:
    """Bursts of a few pulses of a high pure tone; one near, others far."""
    duration_s = rng.uniform(4.0, 6.0)
    t = times(duration_s)
    scene = silence(duration_s)
    for number in range(int(rng.integers(2, 6))):
        f, chirps_hz = rng.uniform(4000, 5400), rng.uniform(1.8, 3.6)
        pulse_hz = rng.uniform(28, 42)
        count = int(rng.integers(2, 5))
        position = (t * chirps_hz + rng.random()) % 1 / chirps_hz
        inside = position < count / pulse_hz
        syllable = np.clip(np.sin(np.pi * ((position * pulse_hz) % 1)), 0, 1) ** 1.2
        scene += (
            (1.0 if number == 0 else rng.uniform(0.1, 0.4))
            * inside
            * syllable
            * np.sin(2 * np.pi * f * t + rng.uniform(0, 6))
        )
    air = coloured(rng, duration_s, exponent=0.8)
    return scene + rng.uniform(0.003, 0.03) * level(band(air, 150, 6000, order=1))


@sound("cicadas", "animals", "cicada buzzing", "cicadas buzzing", "the drone of cicadas in summer", in_room=False)
def cicadas(rng: Rng) -> Wave:
    """A dense bright rattle that swells and sinks."""
    duration_s = rng.uniform(4.0, 6.0)
    t = times(duration_s)
    scene = silence(duration_s)
    for _ in range(4):
        centre, rattle_hz = rng.uniform(4500, 7500), rng.uniform(70, 160)
        buzz = band(noise(rng, duration_s), centre * 0.85, centre * 1.15, order=3)
        scene += (
            level(buzz)
            * (0.4 + 0.6 * np.clip(np.sin(2 * np.pi * rattle_hz * t), 0, 1))
            * wander(rng, duration_s, rate_hz=0.6, low=0.3, high=1)
        )
    return scene


@sound("frogs", "animals", "frog croaking", "frogs croaking", "frogs in a pond", "a frog", in_room=False)
def frogs(rng: Rng) -> Wave:
    """Croaks: trains of pulses through two throats' resonances, from several frogs."""
    duration_s = rng.uniform(4.0, 6.0)
    scene = silence(duration_s)
    for _ in range(int(rng.integers(1, 5))):
        low_hz, high_hz = rng.uniform(350, 700), rng.uniform(1300, 2400)
        pulse_hz, croak_s = rng.uniform(40, 90), rng.uniform(0.18, 0.5)
        strength = rng.uniform(0.3, 1)
        start_s = rng.uniform(0, 0.8)
        while start_s < duration_s - 0.3:
            f = curve(croak_s, [(0, pulse_hz * 0.8), (1, pulse_hz * 1.15)])
            train = pulses(f, rng=rng, jitter=0.02)
            kernel_s = 0.04
            drum = np.exp(-times(kernel_s) / 0.006) * (tone(low_hz, kernel_s) + 0.7 * tone(high_hz, kernel_s))
            croak = convolve(train, drum) * curve(croak_s, [(0, 0.3), (0.6, 1), (0.9, 0.8), (1, 0)])
            place(scene, croak, start_s, level=strength * rng.uniform(0.8, 1))
            start_s += croak_s + rng.choice([rng.uniform(0.1, 0.3), rng.uniform(0.5, 1.2)])
    return room(rng, scene, time_s=0.7, mix=0.12, tail=False) + 0.004 * noise(rng, duration_s)


def _wings(rng: Rng, duration_s: float, frequency_hz: Wave, *, tilt: float) -> Wave:
    near = wander(rng, duration_s, rate_hz=1.2, low=0.1, high=1.0) ** 1.5
    return harmonics(frequency_hz, 1 / np.arange(1, 70) ** (tilt + 0.1)) * near


@sound("bees", "animals", "bee buzzing", "bees buzzing", "a swarm of bees", "a bee flying", in_room=False)
def bees(rng: Rng) -> Wave:
    """A few wing beats near 200 Hz that come and go."""
    duration_s = rng.uniform(3.5, 5.5)
    scene = silence(duration_s)
    for _ in range(int(rng.choice([1, 2, 8]))):
        f = rng.uniform(170, 260) * (1 + wander(rng, duration_s, rate_hz=4, low=-0.06, high=0.06))
        scene += _wings(rng, duration_s, f, tilt=0.8)
    return band(scene, 120, 5000, order=1)


@sound("mosquito", "animals", "mosquito buzzing", "a mosquito buzzing", "the whine of a mosquito", in_room=False)
def mosquito(rng: Rng) -> Wave:
    """A thin whine of 500 Hz and more that circles the ear."""
    duration_s = rng.uniform(3.0, 5.0)
    f = rng.uniform(480, 720) * (1 + wander(rng, duration_s, rate_hz=2.5, low=-0.07, high=0.07))
    return band(_wings(rng, duration_s, f, tilt=0.7), 450, 8000, order=1)


@sound("fly", "animals", "fly buzzing", "a fly buzzing", "a fly buzzing around", in_room=False)
def fly(rng: Rng) -> Wave:
    """Buzz with sudden turns and stops."""
    duration_s = rng.uniform(3.0, 5.0)
    turns = np.repeat(rng.uniform(0.85, 1.2, 40), length(duration_s) // 40 + 1)[: length(duration_s)]
    eased = smooth(turns, 0.027)
    f = rng.uniform(170, 230) * eased
    gate = smooth(
        np.repeat((rng.random(12) > 0.25).astype(float), length(duration_s) // 12 + 1)[: length(duration_s)], 0.02
    )
    return band(_wings(rng, duration_s, f, tilt=0.55), 150, 8000, order=1) * gate


@sound("snake", "animals", "snake hissing", "a snake hissing", "a rattlesnake rattling")
def snake(rng: Rng) -> Wave:
    """Hiss, or the rattle of a tail."""
    duration_s = rng.uniform(1.8, 3.2)
    hiss = band(noise(rng, duration_s), 3000, 11000, order=2)
    if rng.random() < 0.5:
        rattle = pulses(rng.uniform(40, 60) * np.ones(len(hiss)), rng=rng, jitter=0.08)
        hiss = convolve(rattle, decay(0.02, 0.003)) * hiss
    return hiss * swell(duration_s, attack_s=0.3, release_s=0.5) * wander(rng, duration_s, rate_hz=3, low=0.5, high=1)


@sound(
    "night", "ambience", "night ambience", "a night with insects", "night sounds with crickets and frogs", in_room=False
)
def night(rng: Rng) -> Wave:
    """Crickets, and now and then a frog or an owl."""
    duration_s = 5.5
    scene = silence(duration_s)
    place(scene, level(crickets(rng)), 0.0)
    place(scene, level(crickets(rng)), 0.0, level=0.5)
    for start_s in events(rng, duration_s, rate_hz=0.15)[:1]:
        place(scene, level(owl(rng)), float(start_s), level=0.5)
    place(scene, level(frogs(rng)), 0.0, level=rng.uniform(0.0, 0.6))
    return scene
