"""Engines, aircraft, trains."""

from collections.abc import Sequence

import numpy as np

from .kinds import sound
from .signals import (
    RATE_HZ,
    Rng,
    Wave,
    at,
    band,
    coloured,
    convolve,
    curve,
    decay,
    harmonics,
    level,
    modes,
    moving,
    noise,
    passing,
    phase,
    place,
    pulses,
    resonances,
    room,
    silence,
    swell,
    times,
    wander,
)


def combustion(
    rng: Rng, firing_hz: Wave, *, cylinders: int, rough: float, pipe: Sequence[tuple[float, float, float]]
) -> Wave:
    """Exhaust of an engine: one pressure pulse a firing, each cylinder a little different, through the exhaust pipe."""
    duration_s = len(firing_hz) / RATE_HZ
    train = pulses(firing_hz, rng=rng, jitter=0.03 * rough)
    places = np.flatnonzero(train)
    own = rng.uniform(1 - 0.5 * rough, 1, cylinders)
    train[places] = own[np.arange(len(places)) % cylinders] * rng.normal(1, 0.08 * rough, len(places))
    thump = np.diff(decay(0.02, 0.0025), prepend=0.0)
    puffs = convolve(train, thump)
    gate = convolve(train, decay(0.03, 0.006))
    hiss = noise(rng, duration_s) * gate
    return level(resonances(puffs, pipe, floor=0.03)) + rough * 0.35 * level(resonances(hiss, pipe, floor=0.15))


def _intake(rng: Rng, duration_s: float) -> Wave:
    return level(band(coloured(rng, duration_s, exponent=0.8), 200, 4000, order=1))


@sound("car_idling", "vehicles", "car engine", "a car engine idling", "the engine of a car running")
def car_idling(rng: Rng) -> Wave:
    """Four cylinders at rest."""
    duration_s = rng.uniform(3.0, 5.0)
    firing = rng.uniform(22, 34) * (1 + 0.02 * wander(rng, duration_s, rate_hz=3, low=-1, high=1))
    pipe = [(rng.uniform(70, 110), 50, 1.0), (rng.uniform(180, 280), 90, 0.6), (rng.uniform(500, 900), 300, 0.25)]
    belt = band(noise(rng, duration_s), 1500, 6000, order=1) * (1 + 0.5 * np.sin(phase(firing / 2)))
    return (
        combustion(rng, firing, cylinders=4, rough=0.6, pipe=pipe) + 0.06 * level(belt) + 0.1 * _intake(rng, duration_s)
    )


@sound(
    "car_accelerating",
    "vehicles",
    "car engine",
    "a car accelerating",
    "a car engine revving up",
    "a racing car changing gear",
)
def car_accelerating(rng: Rng) -> Wave:
    """Revs that climb, gear after gear."""
    duration_s = rng.uniform(3.5, 5.5)
    low_hz, top_hz = rng.uniform(45, 70), rng.uniform(150, 260)
    gears = int(rng.integers(1, 4))
    points: list[tuple[float, float]] = []
    for gear in range(gears):
        begin = low_hz if gear == 0 else top_hz * 0.62
        points += [(gear / gears, begin), ((gear + 0.93) / gears, top_hz)]
    firing = curve(duration_s, [*points, (1, top_hz if rng.random() < 0.5 else top_hz * 0.8)])
    pipe = [(120, 90, 1.0), (rng.uniform(260, 420), 160, 0.8), (rng.uniform(800, 1400), 500, 0.5)]
    load = 0.5 + 0.5 * firing / top_hz
    body = combustion(rng, firing, cylinders=4, rough=0.4, pipe=pipe) + 0.4 * level(
        harmonics(firing, 1 / np.arange(1, 20))
    )
    return (body + 0.15 * _intake(rng, duration_s)) * load


@sound("car_passing", "vehicles", "car passing", "a car passing by", "a car driving past on the road", in_room=False)
def car_passing(rng: Rng) -> Wave:
    """Tyres and engine, with the drop of pitch."""
    duration_s = rng.uniform(4.0, 6.0)
    engine = combustion(
        rng,
        np.full(len(times(duration_s)), rng.uniform(70, 110)),
        cylinders=4,
        rough=0.3,
        pipe=[(130, 80, 1.0), (400, 200, 0.5)],
    )
    tyres = band(coloured(rng, duration_s, exponent=0.7), 250, rng.uniform(2500, 5000), order=1)
    mix = 0.35 * level(engine) + level(tyres)
    return passing(mix, speed_m_s=rng.uniform(14, 28), distance_m=rng.uniform(4, 9), share=rng.uniform(0.4, 0.6))


@sound("engine_starting", "vehicles", "engine starting", "a car engine starting", "someone starting a car")
def engine_starting(rng: Rng) -> Wave:
    """The starter churns, the engine catches, revs and settles."""
    crank_s, run_s = rng.uniform(0.7, 1.5), rng.uniform(1.8, 3.0)
    t = times(crank_s)
    churn = harmonics(rng.uniform(230, 330) * (1 + 0.1 * np.sin(2 * np.pi * 8 * t)), 1 / np.arange(1, 25) ** 0.8)
    churn = (level(churn) * 0.5 + 0.4 * level(band(noise(rng, crank_s), 600, 5000, order=1))) * (
        1 + 0.6 * np.sin(2 * np.pi * 8 * t)
    )
    idle_hz = rng.uniform(24, 32)
    firing = curve(
        run_s, [(0, idle_hz * 0.7), (0.12, idle_hz * 2.8), (0.35, idle_hz * 1.4), (0.6, idle_hz), (1, idle_hz)]
    )
    pipe = [(90, 60, 1.0), (220, 100, 0.7), (700, 300, 0.3)]
    engine = combustion(rng, firing, cylinders=4, rough=0.6, pipe=pipe) + 0.1 * _intake(rng, run_s)
    scene = silence(crank_s + run_s)
    place(scene, churn * swell(crank_s, attack_s=0.02, release_s=0.05), 0.02, level=0.5)
    place(scene, engine * swell(run_s, attack_s=0.1, release_s=0.2), crank_s)
    return scene


@sound("motorcycle", "vehicles", "motorcycle", "a motorcycle", "a motorbike revving its engine", "a motorcycle engine")
def motorcycle(rng: Rng) -> Wave:
    """One or two uneven cylinders, blipped."""
    duration_s = rng.uniform(3.5, 5.0)
    idle_hz = rng.uniform(13, 20)
    points = [(0.0, idle_hz)]
    for x in (0.15, 0.45, 0.7):
        points += [(x, idle_hz), (x + 0.08, idle_hz * rng.uniform(2.5, 5.5)), (x + 0.2, idle_hz * 1.1)]
    firing = curve(duration_s, [*points, (1, idle_hz)])
    pipe = [(rng.uniform(90, 150), 60, 1.0), (rng.uniform(280, 450), 120, 0.9), (1100, 600, 0.5), (2500, 1500, 0.3)]
    exhaust = combustion(rng, firing, cylinders=2, rough=1.2, pipe=pipe)
    return np.asarray(np.tanh(0.9 * exhaust * (0.6 + 0.4 * firing / firing.max())))


@sound("diesel", "vehicles", "truck engine", "a diesel engine running", "a truck engine", "a tractor")
def diesel(rng: Rng) -> Wave:
    """Slow hard knocks."""
    duration_s = rng.uniform(3.0, 5.0)
    firing = rng.uniform(15, 26) * (1 + 0.015 * wander(rng, duration_s, rate_hz=2, low=-1, high=1))
    pipe = [(65, 30, 1.0), (150, 60, 0.8), (rng.uniform(900, 1400), 500, 0.4), (2600, 1200, 0.35)]
    knock = resonances(
        convolve(pulses(firing, rng=rng, jitter=0.02), decay(0.01, 0.0015) * noise(rng, 0.01)), [(2200, 1500, 1.0)]
    )
    return (
        combustion(rng, firing, cylinders=4, rough=0.9, pipe=pipe) + 0.4 * level(knock) + 0.1 * _intake(rng, duration_s)
    )


@sound(
    "helicopter",
    "vehicles",
    "helicopter",
    "a helicopter flying",
    "a helicopter overhead",
    "the chopping of helicopter blades",
    in_room=False,
)
def helicopter(rng: Rng) -> Wave:
    """Blade slaps over turbine whine."""
    duration_s = rng.uniform(4.0, 6.0)
    rate_hz = rng.uniform(10, 16)
    position = (times(duration_s) * rate_hz) % 1
    slap = np.exp(-position * rng.uniform(5, 9)) + 0.25 * np.exp(-((position + 0.5) % 1) * 8)
    chop = band(coloured(rng, duration_s, exponent=1.0), 40, 1400, order=1) * slap
    thump = convolve(pulses(np.full(len(position), rate_hz)), modes(0.12, [rng.uniform(55, 90)], [0.025], [1.0]))
    whine_hz = rng.uniform(1800, 3500)
    whine = harmonics(np.full(len(position), whine_hz), [1, 0.3]) + band(noise(rng, duration_s), 2000, 7000, order=1)
    mix = level(chop) + 0.9 * level(thump) + 0.06 * level(whine)
    near = curve(duration_s, [(0, rng.uniform(0.25, 1)), (0.5, 1), (1, rng.uniform(0.25, 1))])
    return room(rng, mix * near, time_s=0.8, mix=0.25, bright_hz=2500, tail=False)


@sound(
    "propeller_plane",
    "vehicles",
    "airplane",
    "a propeller airplane flying",
    "a small plane flying overhead",
    in_room=False,
)
def propeller_plane(rng: Rng) -> Wave:
    """Droning harmonics of propeller and engine that pass."""
    duration_s = rng.uniform(4.5, 6.0)
    blade = rng.uniform(70, 110) * (1 + 0.004 * wander(rng, duration_s, rate_hz=1.5, low=-1, high=1))
    drone = harmonics(blade, 1 / np.arange(1, 80) ** 0.95) + 0.6 * harmonics(blade * 0.7513, 1 / np.arange(1, 80))
    rush = band(coloured(rng, duration_s, exponent=1.0), 100, 3000, order=1)
    mix = level(drone) + 0.25 * level(rush)
    return passing(mix, speed_m_s=rng.uniform(40, 70), distance_m=rng.uniform(90, 180), share=rng.uniform(0.3, 0.7))


@sound("jet", "vehicles", "jet airplane", "a jet airplane flying by", "a jet flying overhead", in_room=False)
def jet(rng: Rng) -> Wave:
    """Whine ahead, roar behind."""
    duration_s = rng.uniform(5.0, 6.0)
    middle = rng.uniform(0.35, 0.5)
    whine = harmonics(np.full(len(times(duration_s)), rng.uniform(2200, 3600)), [1, 0.4, 0.2])
    whine *= curve(duration_s, [(0, 1), (middle, 1), (middle + 0.1, 0.15), (1, 0)])
    whine = passing(whine, speed_m_s=95, distance_m=150, share=middle)
    close = curve(duration_s, [(0, 0.08), (middle, 0.7), (middle + 0.08, 1), (1, 0.25)])

    def gains(shares: Wave, f: Wave) -> Wave:
        top = 300 + 3500 * at(shares, close)
        return (np.maximum(f, 60) / 200) ** -0.6 / (1 + (f / top) ** 2) * (f > 30)

    roar = (
        moving(noise(rng, duration_s), gains, frame=2048)
        * close
        * wander(rng, duration_s, rate_hz=14, low=0.75, high=1.0)
    )
    return level(roar)[-len(whine) :] + 0.18 * level(whine)


@sound(
    "steam_train",
    "vehicles",
    "steam locomotive",
    "a steam locomotive",
    "a steam train chugging",
    "a steam engine puffing",
    in_room=False,
)
def steam_train(rng: Rng) -> Wave:
    """Four chuffs a turn, gathering speed, with the rattle of the wheels."""
    duration_s = rng.uniform(4.5, 6.0)
    rate = curve(duration_s, [(0, rng.uniform(2.5, 4.5)), (1, rng.uniform(5, 8))])
    cycles = np.cumsum(rate) / RATE_HZ
    scene = silence(duration_s)
    starts_s = np.flatnonzero(np.diff(np.floor(cycles), prepend=-1) > 0) / RATE_HZ
    for number, start_s in enumerate(starts_s):
        puff_s = 0.35
        puff = band(noise(rng, puff_s), 150, rng.uniform(1800, 3200), order=1) * decay(
            puff_s, rng.uniform(0.045, 0.075), attack_s=0.015
        )
        place(scene, puff, start_s, level=(1.0, 0.75, 0.9, 0.7)[number % 4] * rng.uniform(0.9, 1.1))
        place(scene, modes(0.15, [85, 140], [0.03, 0.02], [1, 0.6]), start_s, level=0.25)
    steam = band(noise(rng, duration_s), 2500, 9000, order=1)
    mix = level(scene) + 0.12 * level(steam)
    if rng.random() < 0.35:
        place(mix, steam_whistle(rng), rng.uniform(0.3, 1.5), level=0.5)
    return room(rng, mix, time_s=0.9, mix=0.2, tail=False)


@sound("train_whistle", "vehicles", "train whistle", "a train whistle", "the whistle of a steam train", in_room=False)
def steam_whistle(rng: Rng) -> Wave:
    """A chord of steam pipes, hissing, dipping at the end."""
    blasts = [rng.uniform(0.4, 1.6) for _ in range(int(rng.integers(1, 4)))]
    chord = rng.uniform(380, 520) * np.array([1, 1.19, 1.5, 1.78])
    parts = []
    for blast_s in blasts:
        bend = curve(blast_s, [(0, 0.93), (0.12, 1), (0.85, 1), (1, 0.92)])
        pipes = np.sum([harmonics(f * bend, [1, 0.35, 0.12, 0.05]) for f in chord], axis=0)
        hiss = band(noise(rng, blast_s), 700, 8000, order=1)
        parts += [
            (level(pipes) + 0.18 * level(hiss)) * swell(blast_s, attack_s=0.08, release_s=0.15),
            silence(rng.uniform(0.1, 0.3)),
        ]
    return room(rng, np.concatenate(parts), time_s=2.0, mix=0.4)


@sound("train", "vehicles", "train", "a train rolling on the rails", "a train passing on the tracks", in_room=False)
def train(rng: Rng) -> Wave:
    """Rolling rumble with pairs of clacks at the rail joints."""
    duration_s = rng.uniform(4.0, 6.0)
    scene = silence(duration_s)
    gap_s = rng.uniform(0.6, 1.0)
    for start_s in np.arange(0.1, duration_s, gap_s):
        for offset_s in (0.0, 0.12 * gap_s / 0.7, 0.4 * gap_s, 0.4 * gap_s + 0.12 * gap_s / 0.7):
            clack = modes(0.2, [210, 480, 1150, 2300], [0.03, 0.025, 0.012, 0.006], [1, 0.8, 0.5, 0.3])
            place(clack, band(noise(rng, 0.03) * decay(0.03, 0.005), 300, 4000), 0.0, level=0.6)
            place(scene, clack, start_s + offset_s + rng.normal(0, 0.004), level=rng.uniform(0.6, 1))
    rumble = band(coloured(rng, duration_s, exponent=1.3), 40, 900, order=1)
    squeal = band(noise(rng, duration_s), 2500, 5000, order=2) * wander(rng, duration_s, rate_hz=2, low=0, high=1) ** 3
    return level(scene) + 0.8 * level(rumble) + 0.06 * level(squeal)


@sound("tires_screeching", "vehicles", "tires screeching", "tires screeching", "a car braking with screeching tires")
def tires_screeching(rng: Rng) -> Wave:
    """A rough harmonic squeal that slides down."""
    duration_s = rng.uniform(1.2, 2.5)
    f = curve(duration_s, [(0, rng.uniform(900, 1300)), (0.7, rng.uniform(800, 1100)), (1, rng.uniform(600, 800))])
    f *= 1 + 0.03 * wander(rng, duration_s, rate_hz=60, low=-1, high=1)
    squeal = harmonics(f, [1, 0.6, 0.5, 0.3, 0.2, 0.1]) * wander(rng, duration_s, rate_hz=40, low=0.4, high=1)
    skid = band(noise(rng, duration_s), 700, 6000, order=1)
    return (level(squeal) + 0.5 * level(skid)) * swell(duration_s, attack_s=0.08, release_s=0.25)
