"""Birds, one or many."""

import numpy as np

from .kinds import sound
from .signals import (
    RATE_HZ,
    Rng,
    Wave,
    band,
    coloured,
    curve,
    harmonics,
    level,
    noise,
    phase,
    place,
    room,
    silence,
    swell,
    times,
    wander,
)
from .throats import throat, vocal_tract


def _chirp(duration_s: float, points: list[tuple[float, float]], *, second: float = 0.08) -> Wave:
    f = curve(duration_s, points)
    return (np.sin(phase(f)) + second * np.sin(2 * phase(f))) * swell(
        duration_s, attack_s=duration_s * 0.2, release_s=duration_s * 0.4
    )


@sound("bird_chirping", "animals", "bird chirping", "a bird chirping", "a bird", "a sparrow chirping")
def bird_chirping(rng: Rng) -> Wave:
    """One short call, repeated with pauses."""
    duration_s = rng.uniform(2.5, 4.5)
    scene = silence(duration_s)
    call_s, base_hz = rng.uniform(0.05, 0.14), rng.uniform(2800, 5200)
    form = [(x, base_hz * 2 ** rng.uniform(-0.45, 0.45)) for x in (0, 0.35, 0.7, 1)]
    start_s = 0.05
    while start_s < duration_s - 0.3:
        for _ in range(int(rng.integers(1, 4))):
            shift = rng.normal(1, 0.02)
            place(scene, _chirp(call_s, [(x, f * shift) for x, f in form]), start_s, level=rng.uniform(0.6, 1))
            start_s += call_s + rng.uniform(0.05, 0.12)
        start_s += rng.uniform(0.15, 0.6)
    return room(rng, scene, time_s=0.8, mix=0.15, tail=False)


@sound(
    "birdsong",
    "animals",
    "birdsong",
    "birds singing",
    "birdsong in the morning",
    "birds singing in a garden",
    in_room=False,
)
def birdsong(rng: Rng) -> Wave:
    """Several birds, each with its own phrases of notes, trills and slides."""
    duration_s = rng.uniform(4.5, 6.0)
    scene = silence(duration_s)
    for _ in range(int(rng.integers(2, 5))):
        base_hz, own = rng.uniform(2200, 5500), silence(duration_s)
        start_s = rng.uniform(0, 1.5)
        while start_s < duration_s - 0.3:
            style = rng.random()
            if style < 0.4:  # trill: one note many times
                note_s = rng.uniform(0.03, 0.06)
                points = [(x, base_hz * 2 ** rng.uniform(-0.3, 0.3)) for x in (0, 0.5, 1)]
                for _ in range(int(rng.integers(5, 14))):
                    place(own, _chirp(note_s, points), start_s)
                    start_s += note_s * 1.4
            else:
                for _ in range(int(rng.integers(2, 6))):
                    note_s = rng.uniform(0.06, 0.22)
                    points = [(x, base_hz * 2 ** rng.uniform(-0.5, 0.4)) for x in (0, 0.3, 0.6, 1)]
                    place(own, _chirp(note_s, points), start_s, level=rng.uniform(0.5, 1))
                    start_s += note_s + rng.uniform(0.02, 0.1)
            start_s += rng.uniform(0.3, 1.4)
        place(scene, own, 0.0, level=rng.uniform(0.25, 1))
    air = band(coloured(rng, duration_s, exponent=0.6), 200, 4000, order=1)
    return room(rng, scene, time_s=1.3, mix=0.3, tail=False) + 0.006 * level(air)


@sound("cuckoo", "animals", "cuckoo calling", "a cuckoo calling", "a cuckoo", in_room=False)
def cuckoo(rng: Rng) -> Wave:
    """A falling third, over and over."""
    duration_s = rng.uniform(3.5, 5.5)
    scene = silence(duration_s)
    high_hz = rng.uniform(620, 760)
    for start_s in np.arange(rng.uniform(0.05, 0.3), duration_s - 0.6, rng.uniform(1.1, 1.5)):
        for f, offset_s, note_s in ((high_hz, 0.0, 0.15), (high_hz / 1.26, 0.3, 0.26)):
            note = _chirp(note_s, [(0, f * 0.95), (0.2, f), (0.8, f), (1, f * 0.96)], second=0.1)
            place(scene, note, start_s + offset_s)
    return room(rng, scene, time_s=1.5, mix=0.3, tail=False)


@sound("owl", "animals", "owl hooting", "an owl hooting", "the hoot of an owl at night", in_room=False)
def owl(rng: Rng) -> Wave:
    """Hoo, hu-hu-hooo."""
    scene = silence(rng.uniform(3.2, 4.8))
    f, breath = rng.uniform(330, 480), rng.uniform(0.02, 0.06)
    rhythm = (
        [(0.1, 0.4), (1.0, 0.14), (1.25, 0.14), (1.5, 0.75)]
        if rng.random() < 0.6
        else [(0.1, 0.2), (0.5, 0.2), (0.9, 0.6), (2.2, 0.6)]
    )
    for start_s, note_s in rhythm:
        trembling = 1 + 0.012 * np.sin(2 * np.pi * 11 * times(note_s)) * (note_s > 0.5)
        pitch = curve(note_s, [(0, f * 0.9), (0.25, f), (0.75, f * 0.98), (1, f * 0.85)]) * trembling
        note = harmonics(pitch, [1, 0.12, 0.06]) + breath * band(noise(rng, note_s), f * 0.8, f * 2.5)
        place(scene, note * swell(note_s, attack_s=note_s * 0.25, release_s=note_s * 0.35), start_s)
    return room(rng, scene, time_s=1.6, mix=0.35, tail=False)


@sound("rooster", "animals", "rooster crowing", "a rooster crowing", "cock-a-doodle-doo")
def rooster(rng: Rng) -> Wave:
    """Four syllables, the last long, rising and falling."""
    base_hz = rng.uniform(430, 560)
    parts = []
    for length_s, form in (
        (0.2, [(0, 0.8), (0.5, 1.15), (1, 1.05)]),
        (0.14, [(0, 1.2), (1, 1.3)]),
        (0.28, [(0, 1.25), (0.5, 1.6), (1, 1.45)]),
        (rng.uniform(0.8, 1.3), [(0, 1.45), (0.15, 1.85), (0.6, 1.7), (1, 0.95)]),
    ):
        pitch = curve(length_s, [(x, base_hz * k) for x, k in form])
        parts.append(
            throat(rng, pitch, rough=0.025, breath=0.1, tilt=0.5) * swell(length_s, attack_s=0.03, release_s=0.06)
        )
        parts.append(silence(0.03))
    crow = np.concatenate(parts)
    return vocal_tract(
        crow,
        [
            ([(0, 1100), (0.5, 1500), (1, 1200)], 250, 1.0),
            ([(0, 2600), (1, 2900)], 400, 0.7),
            ([(0, 4200), (1, 4200)], 600, 0.3),
        ],
    )


@sound("crow", "animals", "crow cawing", "a crow cawing", "crows", "a raven croaking")
def crow(rng: Rng) -> Wave:
    """Harsh rough caws."""
    scene = silence(rng.uniform(2.2, 3.8))
    start_s, f0 = 0.05, rng.uniform(380, 520)
    while start_s < len(scene) / RATE_HZ - 0.4:
        caw_s = rng.uniform(0.25, 0.45)
        pitch = curve(caw_s, [(0, f0 * 0.85), (0.3, f0), (1, f0 * 0.75)])
        caw = throat(rng, pitch, rough=0.12, breath=0.6, tilt=0.4)
        caw = vocal_tract(
            caw,
            [
                ([(0, 1000), (0.4, 1500), (1, 1150)], 220, 1.0),
                ([(0, 2100), (1, 1900)], 350, 0.6),
                ([(0, 3600), (1, 3400)], 500, 0.25),
            ],
        )
        place(scene, caw * swell(caw_s, attack_s=0.03, release_s=0.1), start_s)
        start_s += caw_s + rng.uniform(0.15, 0.5)
    return room(rng, scene, time_s=0.9, mix=0.15, tail=False)


@sound("duck", "animals", "duck quacking", "a duck quacking", "ducks")
def duck(rng: Rng) -> Wave:
    """Nasal buzzing quacks, falling in strength."""
    scene = silence(rng.uniform(2.0, 3.2))
    start_s, strength, f0 = 0.05, 1.0, rng.uniform(170, 240)
    while start_s < len(scene) / RATE_HZ - 0.3:
        quack_s = rng.uniform(0.13, 0.22)
        pitch = curve(quack_s, [(0, f0 * 0.9), (0.3, f0 * 1.15), (1, f0 * 0.8)])
        quack = throat(rng, pitch, rough=0.05, breath=0.25, tilt=0.25)
        quack = vocal_tract(
            quack,
            [
                ([(0, 900), (0.4, 1350), (1, 950)], 130, 1.0),
                ([(0, 2400), (1, 2300)], 220, 0.8),
                ([(0, 3400), (1, 3400)], 400, 0.3),
            ],
        )
        place(scene, quack * swell(quack_s, attack_s=0.015, release_s=0.07), start_s, level=strength)
        start_s += quack_s + rng.uniform(0.06, 0.25)
        strength = strength * 0.85 if strength > 0.5 else rng.uniform(0.7, 1)
    return scene


@sound("seagull", "animals", "seagull calling", "a seagull calling", "seagulls at the sea", in_room=False)
def seagull(rng: Rng) -> Wave:
    """Mewing cries that fall, in a series."""
    duration_s = rng.uniform(3.5, 5.0)
    scene = silence(duration_s)
    start_s, f0 = 0.1, rng.uniform(950, 1400)
    while start_s < duration_s - 0.5:
        cry_s = rng.uniform(0.25, 0.6)
        pitch = curve(cry_s, [(0, f0 * 0.75), (0.25, f0 * 1.15), (0.6, f0), (1, f0 * 0.7)])
        cry = throat(rng, pitch, rough=0.02, breath=0.08, tilt=0.8) * swell(cry_s, attack_s=0.04, release_s=cry_s * 0.4)
        place(scene, band(cry, 800, 6000, order=1), start_s, level=rng.uniform(0.5, 1))
        start_s += cry_s + rng.uniform(0.05, 0.5)
    sea = band(coloured(rng, duration_s, exponent=1.0), 100, 3000, order=1) * wander(
        rng, duration_s, rate_hz=0.5, low=0.3, high=1
    )
    return level(room(rng, scene, time_s=1.0, mix=0.2, tail=False)) + rng.uniform(0.0, 0.15) * level(sea)
