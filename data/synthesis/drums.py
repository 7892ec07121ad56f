"""Drums and cymbals, alone and as a beat."""

import numpy as np

from .kinds import sound
from .signals import (
    RATE_HZ,
    Rng,
    Wave,
    band,
    decay,
    harmonics,
    level,
    modes,
    noise,
    phase,
    place,
    silence,
    swell,
    times,
)

# Partials of a round membrane relative to the lowest (zeros of the Bessel functions).
_MEMBRANE = np.array([1.0, 1.593, 2.136, 2.296, 2.653, 2.918, 3.156, 3.5])


def kick_stroke(rng: Rng) -> Wave:
    """Bass drum: a sine falling to its pitch, with a click."""
    duration_s = rng.uniform(0.35, 0.6)
    t = times(duration_s)
    base_hz = rng.uniform(42, 62)
    f = base_hz * (1 + rng.uniform(1.5, 4.0) * np.exp(-t / rng.uniform(0.012, 0.03)))
    body = np.sin(phase(f)) * decay(duration_s, rng.uniform(0.08, 0.18), attack_s=0.001)
    click = band(noise(rng, 0.02) * decay(0.02, 0.003), 1000, 6000, order=1)
    place(body, click, 0.0, level=rng.uniform(0.1, 0.5))
    return body


def snare_stroke(rng: Rng) -> Wave:
    """Snare: a short membrane under the rattle of wires."""
    duration_s = rng.uniform(0.25, 0.45)
    f = rng.uniform(165, 240)
    head = modes(duration_s, f * _MEMBRANE[:5], np.linspace(0.07, 0.03, 5), [1, 0.7, 0.4, 0.3, 0.2])
    wires = band(noise(rng, duration_s), 1500, 11000, order=1) * decay(duration_s, rng.uniform(0.05, 0.11))
    hit = band(noise(rng, 0.02) * decay(0.02, 0.003), 500, 9000, order=1)
    place(wires, hit, 0.0, level=0.8)
    return 0.6 * head + wires


def _metal(rng: Rng, duration_s: float, low_hz: float) -> Wave:
    """Dense inharmonic ring of a cymbal: many partials, plus noise."""
    frequencies = low_hz * np.sort(rng.uniform(1.0, 22.0, 90))
    t = times(duration_s)
    ring = np.zeros(len(t))
    for f in frequencies[frequencies < 0.45 * RATE_HZ]:
        ring += rng.uniform(0.4, 1) * np.sin(2 * np.pi * f * t + rng.uniform(0, 6))
    return level(ring) + level(noise(rng, duration_s), rms=0.7)


def hat_stroke(rng: Rng, *, open_: bool = False) -> Wave:
    """Hi-hat: bright metal, short when closed."""
    duration_s = rng.uniform(0.5, 0.9) if open_ else rng.uniform(0.1, 0.16)
    time_s = rng.uniform(0.15, 0.3) if open_ else rng.uniform(0.015, 0.035)
    return band(_metal(rng, duration_s, rng.uniform(400, 560)), 6500, 16000, order=3) * decay(duration_s, time_s)


def _repeat(rng: Rng, strokes: list[Wave], *, count: int, gap_s: float, lead_s: float = 0.03) -> Wave:
    longest_s = max(len(stroke) for stroke in strokes) / RATE_HZ
    scene = silence(lead_s + (count - 1) * gap_s + longest_s)
    for number in range(count):
        place(scene, strokes[number % len(strokes)], lead_s + number * gap_s, level=rng.uniform(0.75, 1))
    return scene


def _hits(rng: Rng, stroke: Wave) -> Wave:
    """One stroke, or a few."""
    return _repeat(rng, [stroke], count=int(rng.choice([1, 2, 3, 4])), gap_s=rng.uniform(0.3, 0.7))


@sound("kick", "drums", "kick drum", "a kick drum", "the thump of a bass drum")
def kick(rng: Rng) -> Wave:
    """Kick drum."""
    return _hits(rng, kick_stroke(rng))


@sound("snare", "drums", "snare drum", "a snare drum hit", "a snare drum")
def snare(rng: Rng) -> Wave:
    """Snare drum."""
    return _hits(rng, snare_stroke(rng))


@sound("snare_roll", "drums", "snare roll", "a snare drum roll", "a drum roll")
def snare_roll(rng: Rng) -> Wave:
    """Strokes too quick to count, swelling."""
    duration_s = rng.uniform(1.8, 3.0)
    scene = silence(duration_s)
    strokes = [snare_stroke(rng) for _ in range(5)]
    for start_s in np.arange(0.02, duration_s - 0.3, 1 / rng.uniform(18, 26)):
        place(
            scene,
            strokes[rng.integers(5)],
            start_s + rng.normal(0, 0.003),
            level=rng.uniform(0.6, 1) * (0.35 + start_s / duration_s),
        )
    place(scene, strokes[0], duration_s - 0.3, level=2.0)
    return scene


@sound("hihat", "drums", "closed hi-hat", "a closed hi-hat", "ticking hi-hats")
def hihat(rng: Rng) -> Wave:
    """Closed hi-hat."""
    strokes = [hat_stroke(rng) for _ in range(2)]
    return _repeat(rng, strokes, count=int(rng.integers(1, 9)), gap_s=rng.uniform(0.12, 0.35))


@sound("open_hihat", "drums", "open hi-hat", "an open hi-hat")
def open_hihat(rng: Rng) -> Wave:
    """Open hi-hat."""
    return _hits(rng, hat_stroke(rng, open_=True))


@sound("tom", "drums", "tom drum", "a tom drum", "a fill on tom drums")
def tom(rng: Rng) -> Wave:
    """Toms, often a fill from high to low."""
    high_hz = rng.uniform(120, 200)
    strokes = []
    for ratio in (1.0, 0.8, 0.62):
        f = high_hz * ratio
        t = times(0.7)
        body = np.sin(phase(f * (1 + 0.35 * np.exp(-t / 0.03)))) * decay(0.7, 0.2)
        body += 0.4 * modes(0.7, f * _MEMBRANE[1:6], [0.1] * 5, [0.8, 0.5, 0.4, 0.3, 0.2])
        place(body, band(noise(rng, 0.03) * decay(0.03, 0.005), 300, 4000, order=1), 0.0, level=0.4)
        strokes += [body] * (2 if high_hz > 150 else 1)
    return _repeat(rng, strokes, count=len(strokes) if rng.random() < 0.7 else 1, gap_s=rng.uniform(0.13, 0.28))


@sound("crash", "drums", "crash cymbal", "a crash cymbal", "a cymbal crash")
def crash(rng: Rng) -> Wave:
    """A wash of metal that fades over seconds."""
    duration_s = rng.uniform(2.0, 3.5)
    metal = _metal(rng, duration_s, rng.uniform(280, 420))
    low = band(metal, 300, 3000, order=1) * decay(duration_s, rng.uniform(0.5, 0.9), attack_s=0.004)
    high = band(metal, 3000, 16000, order=1) * decay(duration_s, rng.uniform(0.35, 0.7), attack_s=0.002)
    return (0.5 * low + high) * swell(duration_s, attack_s=0.0, release_s=duration_s * 0.6)


@sound("cowbell", "drums", "cowbell", "a cowbell", "a cowbell being struck")
def cowbell(rng: Rng) -> Wave:
    """Two clashing square-like tones."""
    f = rng.uniform(500, 620)
    n = len(times(0.5))
    odd = [1, 0, 0.45, 0, 0.3, 0, 0.2, 0, 0.12]
    clank = harmonics(np.full(n, f), odd) + harmonics(np.full(n, f * 1.481), odd)
    stroke = band(clank, 450, 7000, order=1) * (0.6 * decay(0.5, 0.02) + 0.4 * decay(0.5, rng.uniform(0.07, 0.13)))
    return _repeat(rng, [stroke], count=int(rng.integers(1, 7)), gap_s=rng.uniform(0.18, 0.4))


@sound("clap", "human", "hands clapping", "hands clapping", "a person clapping")
def clap(rng: Rng) -> Wave:
    """Claps of two hands in a room, not quite regular."""
    duration_s = rng.uniform(2.0, 3.5)
    scene = silence(duration_s)
    gap_s, cup_hz = rng.uniform(0.22, 0.5), rng.uniform(900, 1700)
    for start_s in np.arange(0.05, duration_s - 0.15, gap_s):
        stroke = silence(0.12)
        burst = noise(rng, 0.1) * decay(0.1, rng.uniform(0.006, 0.012), attack_s=0.0005)
        place(stroke, band(burst, cup_hz * 0.7, cup_hz * 2.6, order=1.5), 0.0)
        place(stroke, band(burst, 3000, 9000, order=1), 0.0, level=0.25)
        place(scene, stroke, start_s + rng.normal(0, 0.012), level=rng.uniform(0.6, 1))
    return scene


@sound("shaker", "drums", "shaker", "a shaker", "maracas shaking")
def shaker(rng: Rng) -> Wave:
    """Beads thrown to and fro."""
    gap_s = rng.uniform(0.12, 0.2)
    count = int(rng.integers(8, 18))
    scene = silence(count * gap_s + 0.2)
    low_hz = rng.uniform(4000, 6000)
    for number in range(count):
        toss_s = gap_s * rng.uniform(0.6, 0.9)
        toss = (
            band(noise(rng, toss_s), low_hz, 14000, order=2)
            * swell(toss_s, attack_s=toss_s * 0.6, release_s=toss_s * 0.35) ** 2
        )
        place(scene, toss, 0.03 + number * gap_s, level=1.0 if number % 2 == 0 else rng.uniform(0.4, 0.7))
    return scene


@sound("tambourine", "drums", "tambourine", "a tambourine", "a tambourine being shaken")
def tambourine(rng: Rng) -> Wave:
    """Pairs of small jingles, many to a stroke."""
    scene = silence(rng.uniform(2.0, 3.2))
    jingles = [
        modes(0.3, f * np.array([1, 1.34, 1.9, 2.6]), [0.07, 0.06, 0.05, 0.03], [1, 0.8, 0.6, 0.4])
        for f in rng.uniform(4500, 7500, 8)
    ]
    gap_s = rng.uniform(0.18, 0.35)
    for number, start_s in enumerate(np.arange(0.03, len(scene) / RATE_HZ - 0.2, gap_s)):
        strength = 1.0 if number % 2 == 0 else 0.5
        for _ in range(10):
            place(
                scene,
                jingles[rng.integers(8)],
                start_s + abs(rng.normal(0, 0.012)),
                level=strength * rng.uniform(0.2, 1),
            )
        thud = modes(0.15, [320, 510], [0.03, 0.02], [1, 0.5])
        place(scene, thud, start_s, level=1.5 * strength)
    return scene


@sound("wood_block", "drums", "wood block", "a wood block", "tapping on a wood block")
def wood_block(rng: Rng) -> Wave:
    """A dry hollow tock."""
    f = rng.uniform(600, 1300)
    stroke = modes(0.2, [f, f * 1.52, f * 2.7], [0.025, 0.015, 0.008], [1, 0.5, 0.4])
    low = modes(0.2, [f * 0.72, f * 1.1], [0.025, 0.015], [1, 0.5])
    return _repeat(
        rng,
        [stroke, stroke, low] if rng.random() < 0.5 else [stroke],
        count=int(rng.integers(2, 8)),
        gap_s=rng.uniform(0.15, 0.4),
    )


@sound("drum_loop", "drums", "drum loop", "a drum beat", "a rock drum loop", "drums playing a beat")
def drum_loop(rng: Rng) -> Wave:
    """Two bars of kick, snare and hi-hat."""
    beat_s = 60 / rng.uniform(85, 150)
    step_s = beat_s / 4
    scene = silence(8 * beat_s if beat_s < 0.6 else 6 * beat_s)
    low, back, closed, open_ = kick_stroke(rng), snare_stroke(rng), hat_stroke(rng), hat_stroke(rng, open_=True)
    pattern = {0, 8, *rng.choice([3, 6, 7, 10, 11, 14], size=rng.integers(1, 3), replace=False).tolist()}
    swing = rng.uniform(0, 0.2)
    for step in range(round(len(scene) / RATE_HZ / step_s)):
        start_s = (step + (swing if step % 2 else 0)) * step_s
        if step % 16 in pattern:
            place(scene, low, start_s, level=1.0)
        if step % 8 == 4:
            place(scene, back, start_s, level=0.9)
        if step % 2 == 0:
            place(scene, open_ if step % 16 == 14 else closed, start_s, level=0.5 if step % 4 == 0 else 0.32)
    return scene
