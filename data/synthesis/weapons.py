"""Explosions, shots, fireworks, and the weapons and rewards of video games."""

import numpy as np

from .kinds import sound
from .signals import (
    RATE_HZ,
    Rng,
    Wave,
    band,
    coloured,
    curve,
    decay,
    harmonics,
    length,
    level,
    modes,
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


def blast(rng: Rng, duration_s: float, *, size: float) -> Wave:
    """Explosion: a shock, then a fireball of noise that darkens as it rolls away."""
    fade = rng.uniform(0.35, 0.7) * size
    t = times(duration_s)
    strength = np.exp(-t / fade) * (0.7 + 0.3 * wander(rng, duration_s, rate_hz=9, low=0, high=1))

    def gains(shares: Wave, f: Wave) -> Wave:
        top = 90 + 5500 * np.exp(-shares * duration_s / (0.22 * size))
        return np.asarray((np.maximum(f, 40) / 60) ** -0.45 / (1 + (f / top) ** 2.2) * (f > 18))

    ball = moving(noise(rng, duration_s), gains, frame=1024) * strength
    thump = np.sin(phase(35 + 70 * np.exp(-t / 0.07))) * np.exp(-t / (0.25 * size))
    out = level(ball) + 1.6 * level(thump) * 0.6
    place(out, noise(rng, 0.03) * decay(0.03, 0.004, attack_s=0.0002), 0.0, level=4.0)
    return np.tanh(0.7 * out)


@sound("explosion", "weapons", "explosion", "an explosion", "a bomb exploding", "a loud blast", in_room=False)
def explosion(rng: Rng) -> Wave:
    """One blast, with debris raining down."""
    duration_s = rng.uniform(2.5, 4.0)
    scene = silence(duration_s)
    place(scene, blast(rng, duration_s - 0.05, size=rng.uniform(0.8, 1.5)), 0.05)
    for _ in range(int(rng.integers(0, 60))):
        grain_s = rng.uniform(0.004, 0.02)
        grain = band(noise(rng, grain_s * 4) * decay(grain_s * 4, grain_s), 300, rng.uniform(1500, 5000), order=1)
        place(scene, grain, 0.3 + rng.gamma(2.0, 0.4), level=rng.uniform(0.02, 0.25))
    return room(rng, scene, time_s=2.0, mix=0.4, bright_hz=2000, tail=False)


@sound("gunshot", "weapons", "gunshot", "a gunshot", "gun shots", "a rifle being fired", in_room=False)
def gunshot(rng: Rng) -> Wave:
    """An instant crack and its echo from the surroundings."""
    count, gap_s = int(rng.choice([1, 1, 2, 3])), rng.uniform(0.35, 0.8)
    scene = silence(count * gap_s + 1.2)
    for number in range(count):
        shot = noise(rng, 0.4) * (
            decay(0.4, 0.006, attack_s=0.0001) * 3 + decay(0.4, rng.uniform(0.03, 0.07), attack_s=0.0001)
        )
        shot = band(shot, 60, 12000, order=1)
        body = np.sin(phase(90 + 160 * np.exp(-times(0.25) / 0.02))) * decay(0.25, 0.04)
        place(shot, body, 0.0, level=2.0)
        place(scene, np.tanh(shot), 0.05 + number * gap_s * rng.uniform(0.9, 1.1))
    return room(rng, scene, time_s=rng.uniform(1.0, 2.2), mix=rng.uniform(0.3, 0.6), bright_hz=3000, tail=False)


@sound("machine_gun", "weapons", "machine gun", "a machine gun firing", "automatic gunfire", in_room=False)
def machine_gun(rng: Rng) -> Wave:
    """Shots ten times a second, in bursts."""
    duration_s = rng.uniform(2.0, 3.5)
    scene = silence(duration_s)
    gap_s = 1 / rng.uniform(8, 14)
    shots = []
    for _ in range(4):
        shot = band(noise(rng, 0.12) * decay(0.12, rng.uniform(0.012, 0.02), attack_s=0.0001), 100, 9000, order=1)
        place(shot, np.sin(phase(100 + 120 * np.exp(-times(0.1) / 0.015))) * decay(0.1, 0.02), 0.0, level=1.2)
        shots.append(np.tanh(2 * shot))
    start_s = 0.05
    while start_s < duration_s - 0.5:
        for _ in range(int(rng.integers(4, 16))):
            place(scene, shots[rng.integers(4)], start_s, level=rng.uniform(0.85, 1))
            start_s += gap_s
        start_s += rng.uniform(0.25, 0.5)
    return room(rng, scene, time_s=1.2, mix=0.35, bright_hz=3000, tail=False)


@sound(
    "fireworks",
    "weapons",
    "firework",
    "fireworks",
    "fireworks exploding in the sky",
    "a rocket and its bang",
    in_room=False,
)
def fireworks(rng: Rng) -> Wave:
    """Rising whistles, dull bangs, crackling stars."""
    duration_s = rng.uniform(4.5, 6.0)
    scene = silence(duration_s)
    start_s = 0.05
    while start_s < duration_s - 1.0:
        rise_s = rng.uniform(0.6, 1.0)
        pitch = curve(rise_s, [(0, rng.uniform(900, 1500)), (1, rng.uniform(2200, 3800))])
        hiss = band(noise(rng, rise_s), 1500, 7000, order=1)
        climb = (0.5 * np.sin(phase(pitch)) + 0.5 * level(hiss)) * swell(rise_s, attack_s=0.15, release_s=0.2)
        place(scene, climb, start_s, level=0.12)
        bang_s = start_s + rise_s + rng.uniform(0.0, 0.2)
        bang = blast(rng, 1.2, size=0.45)
        place(scene, bang, bang_s, level=rng.uniform(0.7, 1))
        for _ in range(int(rng.integers(40, 120))):
            spark = noise(rng, 0.01) * decay(0.01, 0.0015, attack_s=0.0002)
            place(
                scene,
                band(spark, 1500, 12000, order=1),
                bang_s + 0.25 + rng.gamma(2.5, 0.16),
                level=rng.uniform(0.05, 0.4),
            )
        start_s += rng.uniform(1.0, 1.8)
    return room(rng, scene, time_s=1.8, mix=0.4, bright_hz=3000, tail=False)


@sound(
    "laser",
    "weapons",
    "laser",
    "a laser gun firing",
    "a science fiction laser",
    "laser shots in a video game",
    in_room=False,
)
def laser(rng: Rng) -> Wave:
    """Quick falling sweeps."""
    count, gap_s = int(rng.integers(1, 6)), rng.uniform(0.15, 0.4)
    scene = silence(count * gap_s + 0.4)
    zap_s, high_hz, low_hz = rng.uniform(0.12, 0.35), rng.uniform(2000, 5000), rng.uniform(120, 400)
    t = times(zap_s)
    f = low_hz + (high_hz - low_hz) * np.exp(-t / (zap_s * rng.uniform(0.15, 0.35)))
    zap = harmonics(f, [1, 0.3, 0.4, 0.1, 0.2]) * decay(zap_s, zap_s * 0.5, attack_s=0.002)
    for number in range(count):
        place(scene, zap, 0.03 + number * gap_s)
    return scene


def _square(frequency_hz: Wave, width: float) -> Wave:
    cycles = np.cumsum(frequency_hz) / RATE_HZ % 1
    return band(np.where(cycles < width, 1.0, -1.0), 60, 12000, order=2)


@sound(
    "coin_blip",
    "alerts",
    "item pickup",
    "a coin pickup in a video game",
    "picking up a coin in a video game",
    in_room=False,
)
def coin_blip(rng: Rng) -> Wave:
    """Two square-wave notes, the second higher and longer."""
    low_hz, width = rng.uniform(700, 1100), rng.choice([0.5, 0.25, 0.125])
    short_s, long_s = rng.uniform(0.05, 0.09), rng.uniform(0.35, 0.6)
    high_hz = low_hz * rng.choice([1.335, 1.5, 2.0])
    first = _square(np.full(length(short_s), low_hz), width)
    second = _square(np.full(length(long_s), high_hz), width) * decay(long_s, long_s * 0.4)
    once = np.concatenate([silence(0.03), first, second, silence(0.1)])
    return np.tile(once, int(rng.integers(1, 4)))


@sound(
    "jump_blip",
    "alerts",
    "video game jump",
    "a character jumping in a video game",
    "a jump sound in a video game",
    in_room=False,
)
def jump_blip(rng: Rng) -> Wave:
    """A square wave that slides up."""
    jump_s = rng.uniform(0.18, 0.35)
    f = np.geomspace(rng.uniform(140, 320), rng.uniform(600, 1200), length(jump_s))
    jump = _square(f, rng.choice([0.5, 0.25])) * decay(jump_s, jump_s * 0.7)
    return np.tile(np.concatenate([silence(0.03), jump, silence(rng.uniform(0.2, 0.5))]), int(rng.integers(1, 4)))


@sound(
    "power_up",
    "alerts",
    "power up",
    "a power-up sound in a video game",
    "a rising arpeggio in a video game",
    in_room=False,
)
def power_up(rng: Rng) -> Wave:
    """A quick arpeggio that climbs."""
    root, note_s, width = rng.uniform(260, 440), rng.uniform(0.05, 0.09), rng.choice([0.5, 0.25, 0.125])
    notes = [
        _square(np.full(length(note_s), root * 2 ** ((step + 12 * octave) / 12)), width)
        for octave in range(int(rng.integers(2, 4)))
        for step in (0, 4, 7)
    ]
    last = _square(np.full(length(0.4), root * 2 ** rng.choice([2.0, 3.0])), width) * decay(0.4, 0.15)
    return np.concatenate([silence(0.03), *notes, last])


@sound(
    "game_over",
    "alerts",
    "error sound",
    "a game over sound in a video game",
    "a falling melody when a game is lost",
    in_room=False,
)
def game_over(rng: Rng) -> Wave:
    """Sinking notes of a square wave."""
    root, note_s, width = rng.uniform(300, 500), rng.uniform(0.14, 0.24), rng.choice([0.5, 0.25])
    notes = []
    for step in (0, -2, -4, -7)[: int(rng.integers(3, 5))]:
        wobble = 1 + 0.02 * np.sin(2 * np.pi * 7 * times(note_s))
        notes += [_square(root * 2 ** (step / 12) * wobble, width) * decay(note_s, note_s), silence(0.02)]
    last = _square(root * 2 ** (-12 / 12) * (1 + 0.03 * np.sin(2 * np.pi * 6 * times(0.7))), width) * decay(0.7, 0.3)
    return np.concatenate([silence(0.03), *notes, last])


@sound("sword_clash", "weapons", "sword clash", "swords clashing", "a sword fight")
def sword_clash(rng: Rng) -> Wave:
    """Bright clangs and scrapes of steel."""
    scene = silence(rng.uniform(1.5, 3.0))
    start_s = 0.05
    while start_s < len(scene) / RATE_HZ - 0.3:
        f = rng.uniform(1100, 2300)
        ratios = np.array([1, 1.41, 1.93, 2.77, 3.4, 4.3, 5.2])
        clang = modes(0.9, f * ratios * rng.normal(1, 0.02, 7), 0.22 / ratios**0.5, [1, 0.9, 0.9, 0.8, 0.6, 0.5, 0.4])
        place(clang, band(noise(rng, 0.03) * decay(0.03, 0.003), 2000, 14000, order=1), 0.0, level=2.5)
        if rng.random() < 0.4:
            scrape_s = rng.uniform(0.15, 0.35)
            place(
                clang,
                band(noise(rng, scrape_s), f * 1.6, f * 3.2, order=3) * swell(scrape_s, attack_s=0.02, release_s=0.1),
                0.02,
                level=0.8,
            )
        place(scene, clang, start_s, level=rng.uniform(0.6, 1))
        start_s += rng.uniform(0.25, 0.7)
    return scene


@sound("ricochet", "weapons", "ricochet", "a bullet ricocheting", "the whine of a ricochet")
def ricochet(rng: Rng) -> Wave:
    """A smack, then a whine that flies off."""
    duration_s = rng.uniform(0.8, 1.4)
    f = (
        rng.uniform(2500, 4000)
        * np.exp(-times(duration_s) * rng.uniform(0.8, 1.6))
        * (1 + 0.05 * np.sin(2 * np.pi * rng.uniform(20, 40) * times(duration_s)))
    )
    whine = harmonics(f, [1, 0.5, 0.25]) * decay(duration_s, duration_s * 0.35, attack_s=0.02)
    scene = silence(duration_s + 0.2)
    place(scene, whine + 0.1 * band(noise(rng, duration_s), 1500, 6000) * decay(duration_s, 0.2), 0.06)
    place(scene, band(noise(rng, 0.05) * decay(0.05, 0.006), 500, 9000, order=1), 0.05, level=1.0)
    return room(rng, scene, time_s=1.0, mix=0.25)


@sound(
    "falling_bomb",
    "weapons",
    "falling bomb",
    "a bomb whistling as it falls",
    "a falling whistle before an explosion",
    in_room=False,
)
def falling_bomb(rng: Rng) -> Wave:
    """A whistle that sinks, then the blast."""
    fall_s = rng.uniform(1.6, 2.6)
    pitch = curve(fall_s, [(0, rng.uniform(1800, 2600)), (1, rng.uniform(400, 700))])
    whistle = (np.sin(phase(pitch)) + 0.15 * np.sin(2 * phase(pitch))) * curve(fall_s, [(0, 0.1), (0.9, 1), (1, 0.8)])
    scene = silence(fall_s + 2.2)
    place(scene, whistle, 0.02, level=0.3)
    if rng.random() < 0.8:
        place(scene, blast(rng, 2.1, size=1.1), fall_s)
    return scene + 0.003 * coloured(rng, len(scene) / RATE_HZ, exponent=1)
