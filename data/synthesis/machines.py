"""Tools and machines."""

import numpy as np

from .kinds import sound
from .signals import (
    RATE_HZ,
    Rng,
    Wave,
    band,
    coloured,
    convolve,
    curve,
    decay,
    events,
    harmonics,
    level,
    modes,
    noise,
    phase,
    place,
    pulses,
    resonances,
    silence,
    swell,
    times,
    wander,
)


@sound("electric_hum", "machines", "electric hum", "an electric hum", "mains hum of a transformer", in_room=False)
def electric_hum(rng: Rng) -> Wave:
    """Mains frequency and its harmonics."""
    duration_s = rng.uniform(2.5, 4.0)
    mains = np.full(len(times(duration_s)), rng.choice([50.0, 60.0]))
    levels = np.array([0.4, 1.0, 0.3, 0.6, 0.15, 0.35, 0.1, 0.2, 0.06, 0.12, 0.04, 0.08]) * rng.uniform(0.5, 1.5, 12)
    return harmonics(mains, levels) + 0.02 * noise(rng, duration_s)


@sound(
    "electric_crackle",
    "machines",
    "electricity crackling",
    "electricity crackling",
    "electric sparks",
    "an electric arc",
)
def electric_crackle(rng: Rng) -> Wave:
    """Bursts of buzzing sparks at twice the mains frequency."""
    duration_s = rng.uniform(2.0, 3.5)
    scene = silence(duration_s)
    for start_s in events(rng, duration_s, rate_hz=3.0):
        burst_s = rng.uniform(0.05, 0.4)
        rate = np.full(len(times(burst_s)), rng.choice([100.0, 120.0]))
        train = pulses(rate, rng=rng, jitter=0.1) * rng.uniform(0.3, 1.5, len(rate))
        zap = convolve(train, decay(0.006, 0.001) * noise(rng, 0.006))
        place(scene, band(zap, 900, 14000, order=1), start_s, level=rng.uniform(0.4, 1.5))
    hum = harmonics(np.full(len(scene), 100.0), [1, 0.5, 0.4, 0.3])
    return level(scene) + 0.1 * level(hum)


@sound("vacuum_cleaner", "machines", "vacuum cleaner", "a vacuum cleaner", "someone vacuuming the floor")
def vacuum_cleaner(rng: Rng) -> Wave:
    """Motor whine, fan tone and a broad rush, now and then muffled by the floor."""
    duration_s = rng.uniform(3.5, 5.0)
    load = 1 + 0.03 * wander(rng, duration_s, rate_hz=1.2, low=-1, high=1)
    if rng.random() < 0.4:
        load *= curve(duration_s, [(0, 0.3), (0.2, 1.0), (1, 1.0)])
    motor = rng.uniform(180, 320) * load
    whine = harmonics(motor, np.array([0.5, 1, 0.4, 0.6, 0.3, 0.3, 0.5, 0.2, 0.15, 0.2, 0.1, 0.1]))
    rush = resonances(noise(rng, duration_s), [(600, 400, 1.0), (1600, 1200, 0.8), (5000, 3000, 0.3)])
    return (
        (0.6 * level(whine) + level(rush))
        * np.minimum(load, 1.05)
        * wander(rng, duration_s, rate_hz=2, low=0.8, high=1)
    )


@sound("drill", "machines", "drill", "an electric drill", "drilling a hole", "a power drill")
def drill(rng: Rng) -> Wave:
    """A geared motor that spins up, bites, and lets go."""
    duration_s = rng.uniform(2.5, 4.0)
    top_hz = rng.uniform(180, 330)
    speed = curve(
        duration_s,
        [
            (0, 20),
            (0.12, top_hz),
            (0.3, top_hz * 0.8),
            (0.75, top_hz * 0.72),
            (0.82, top_hz),
            (0.92, top_hz * 0.9),
            (1, 30),
        ],
    )
    motor = harmonics(speed, 1 / np.arange(1, 50) ** 0.5) + 0.7 * harmonics(speed * 3.37, 1 / np.arange(1, 25) ** 0.5)
    bite = curve(duration_s, [(0, 0), (0.25, 0), (0.32, 1), (0.75, 1), (0.8, 0), (1, 0)])
    chew = band(noise(rng, duration_s), 800, 7000, order=1) * (1 + 0.7 * np.sin(phase(speed / 4)))
    return resonances(
        level(motor) + 0.9 * bite * level(chew), [(900, 700, 1.0), (2800, 1600, 0.8)], floor=0.15
    ) * swell(duration_s, attack_s=0.08, release_s=0.15)


@sound("hand_saw", "machines", "sawing", "a hand saw cutting wood", "sawing wood", "someone sawing a board")
def hand_saw(rng: Rng) -> Wave:
    """Strokes to and fro: teeth rattling through noise, forth louder than back."""
    duration_s = rng.uniform(3.0, 4.5)
    scene = silence(duration_s)
    stroke_s = rng.uniform(0.28, 0.5)
    for number, start_s in enumerate(np.arange(0.05, duration_s - stroke_s, stroke_s)):
        forth = number % 2 == 0
        speed = curve(stroke_s, [(0, 60), (0.4, 260 if forth else 200), (1, 80)])
        train = convolve(pulses(speed, rng=rng, jitter=0.15), decay(0.006, 0.0015) * noise(rng, 0.006))
        rasp = level(train) + 0.8 * level(noise(rng, stroke_s)[: len(train)])
        rasp = resonances(rasp, [(900, 400, 0.7), (2200 if forth else 3000, 1200, 1.0), (5500, 2500, 0.5)])
        place(
            scene,
            rasp * swell(stroke_s, attack_s=stroke_s * 0.35, release_s=stroke_s * 0.4),
            start_s,
            level=1.0 if forth else 0.55,
        )
    return scene


@sound("hammering", "machines", "hammering", "hammering a nail", "someone hammering", "a hammer striking wood")
def hammering(rng: Rng) -> Wave:
    """Blows on a nail in wood: the nail rings higher as it sinks."""
    scene = silence(rng.uniform(2.5, 4.0))
    gap_s, nail_hz = rng.uniform(0.35, 0.6), rng.uniform(1800, 2800)
    for number, start_s in enumerate(np.arange(0.05, len(scene) / RATE_HZ - 0.2, gap_s)):
        f = nail_hz * (1 + 0.05 * number)
        blow = modes(
            0.25,
            [f, f * 1.63, f * 2.41, 180, 330, 560],
            [0.03, 0.02, 0.012, 0.05, 0.035, 0.02],
            [0.8, 0.6, 0.4, 1, 0.8, 0.5],
        )
        place(blow, band(noise(rng, 0.02) * decay(0.02, 0.002), 800, 10000, order=1), 0.0, level=1.2)
        place(scene, blow, start_s + rng.normal(0, 0.012), level=rng.uniform(0.8, 1))
    return scene


@sound("anvil", "machines", "anvil", "a hammer striking an anvil", "a blacksmith at the anvil")
def anvil(rng: Rng) -> Wave:
    """Hard bright ring, blow and bounce."""
    scene = silence(rng.uniform(2.5, 4.0))
    f, gap_s = rng.uniform(900, 1700), rng.uniform(0.55, 1.0)
    ratios = np.array([1, 1.58, 2.24, 2.92, 3.65, 4.9, 6.1])
    for start_s in np.arange(0.05, len(scene) / RATE_HZ - 0.3, gap_s):
        for offset_s, strength in ((0.0, 1.0), (rng.uniform(0.12, 0.2), 0.3)):
            ring = modes(1.3, f * ratios, 0.45 / ratios**0.8, [1, 0.9, 0.8, 0.7, 0.6, 0.4, 0.3])
            place(ring, band(noise(rng, 0.02) * decay(0.02, 0.002), 2000, 14000, order=1), 0.0, level=2.5)
            place(scene, ring, start_s + offset_s, level=strength * rng.uniform(0.85, 1))
    return scene


@sound("jackhammer", "machines", "jackhammer", "a jackhammer", "a pneumatic drill breaking concrete", in_room=False)
def jackhammer(rng: Rng) -> Wave:
    """Hard knocks some twenty times a second with blasts of air."""
    duration_s = rng.uniform(2.5, 4.0)
    rate = rng.uniform(15, 25) * (1 + 0.02 * wander(rng, duration_s, rate_hz=4, low=-1, high=1))
    train = pulses(rate, rng=rng, jitter=0.02)
    blow = modes(0.1, [110, 260, 900, 2100, 3300], [0.02, 0.015, 0.008, 0.006, 0.004], [1, 0.8, 0.7, 0.6, 0.4])
    blow += 1.5 * band(noise(rng, 0.1) * decay(0.1, 0.008), 300, 9000, order=1)
    air = band(noise(rng, duration_s), 1000, 7000, order=1) * convolve(train, decay(0.05, 0.015))
    return level(convolve(train, blow)) + 0.3 * level(air)


@sound("fan", "machines", "fan", "a fan running", "the hum of a ventilator", in_room=False)
def fan(rng: Rng) -> Wave:
    """Air noise chopped gently by the blades, over a motor hum."""
    duration_s = rng.uniform(3.0, 5.0)
    blade_hz = rng.uniform(25, 90)
    air = band(coloured(rng, duration_s, exponent=1.2), 80, 3500, order=1)
    air *= 1 + 0.3 * np.sin(phase(np.full(len(air), blade_hz)))
    hum = harmonics(np.full(len(air), rng.choice([100.0, 120.0])), [1, 0.4, 0.2]) + harmonics(
        np.full(len(air), blade_hz), [0.6, 0.4, 0.3]
    )
    return level(air) + rng.uniform(0.1, 0.4) * level(hum)


@sound("machine_gears", "machines", "machine", "a machine running", "machinery clanking in a factory")
def machine_gears(rng: Rng) -> Wave:
    """A cycle of clanks, thuds and hisses that repeats."""
    duration_s = rng.uniform(3.5, 5.0)
    scene = silence(duration_s)
    cycle_s = rng.uniform(0.5, 1.1)
    parts = []
    for _ in range(int(rng.integers(3, 6))):
        f = rng.uniform(150, 1400)
        if rng.random() < 0.7:
            part = modes(0.3, f * np.sort(rng.uniform(1, 7, 6)), rng.uniform(0.02, 0.08, 6), rng.uniform(0.3, 1, 6))
        else:
            part = band(noise(rng, 0.25), 1500, 7000, order=1) * swell(0.25, attack_s=0.02, release_s=0.15)
        parts.append((rng.uniform(0, cycle_s), level(part), rng.uniform(0.4, 1)))
    for start_s in np.arange(0, duration_s, cycle_s):
        for offset_s, part, strength in parts:
            place(scene, part, start_s + offset_s, level=strength)
    motor = harmonics(np.full(len(scene), rng.uniform(40, 100)), 1 / np.arange(1, 30) ** 0.8)
    return level(scene) + 0.3 * level(motor) + 0.12 * level(band(coloured(rng, duration_s, exponent=1), 100, 4000))


@sound("steam_hiss", "machines", "steam", "steam hissing", "compressed air hissing")
def steam_hiss(rng: Rng) -> Wave:
    """A valve that opens and closes."""
    duration_s = rng.uniform(1.5, 3.0)
    hiss = band(noise(rng, duration_s), rng.uniform(1500, 3500), 14000, order=1)
    return hiss * curve(duration_s, [(0, 0), (0.04, 1), (0.5, rng.uniform(0.5, 0.9)), (1, 0)])


@sound("radio_static", "machines", "radio static", "radio static", "tuning an old radio", in_room=False)
def radio_static(rng: Rng) -> Wave:
    """Noise of the band, crackles, a heterodyne whistle that slides."""
    duration_s = rng.uniform(2.5, 4.0)
    hiss = band(noise(rng, duration_s), 300, 4500, order=2) * wander(rng, duration_s, rate_hz=5, low=0.4, high=1)
    whistle = (
        np.sin(phase(np.abs(wander(rng, duration_s, rate_hz=1.2, low=-2500, high=2500))))
        * wander(rng, duration_s, rate_hz=2, low=0, high=1) ** 2
    )
    clicks = silence(duration_s)
    for start_s in events(rng, duration_s, rate_hz=15):
        place(clicks, decay(0.003, 0.0008), start_s, level=min(rng.pareto(1.5), 8))
    return level(hiss) + 0.6 * level(whistle) + 0.25 * level(band(clicks, 300, 5000))


@sound("wood_chopping", "machines", "wood chopping", "an axe chopping wood", "someone chopping wood")
def wood_chopping(rng: Rng) -> Wave:
    """A dull hard blow and the split."""
    scene = silence(rng.uniform(2.5, 4.0))
    gap_s, f = rng.uniform(0.8, 1.3), rng.uniform(120, 220)
    for start_s in np.arange(0.1, len(scene) / RATE_HZ - 0.3, gap_s):
        blow = modes(0.4, f * np.array([1, 1.9, 3.3, 5.2]), [0.06, 0.04, 0.02, 0.01], [1, 0.9, 0.7, 0.5])
        place(blow, band(noise(rng, 0.06) * decay(0.06, 0.008), 400, 6000, order=1), 0.0, level=2.0)
        for _ in range(12):
            place(blow, noise(rng, 0.004) * decay(0.004, 0.001), rng.exponential(0.04), level=rng.uniform(0.1, 0.6))
        place(scene, blow, start_s + rng.normal(0, 0.03), level=rng.uniform(0.8, 1))
    return room_outside(rng, scene)


def room_outside(rng: Rng, scene: Wave) -> Wave:
    """A single faint echo from the edge of the yard."""
    out = scene.copy()
    place(out, band(scene, 100, 2000, order=1), rng.uniform(0.12, 0.3), level=0.12)
    return out
