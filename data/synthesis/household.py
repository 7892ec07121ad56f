"""Steps, doors, glass and the things of a house."""

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
    place,
    pulses,
    resonances,
    room,
    silence,
    swell,
    times,
    wander,
)


def _walk(rng: Rng, step: list[Wave], *, duration_s: float, run: bool = True) -> Wave:
    scene = silence(duration_s)
    gap_s = rng.uniform(0.42, 0.65) if rng.random() < 0.75 or not run else rng.uniform(0.26, 0.34)
    for number, start_s in enumerate(np.arange(0.05, duration_s - 0.25, gap_s)):
        place(scene, step[number % len(step)], start_s + rng.normal(0, 0.012), level=rng.uniform(0.75, 1))
    return scene


def _crunch(rng: Rng, *, low_hz: float, high_hz: float, grains: int, step_s: float) -> Wave:
    """One step on loose ground: grains crushed under the heel, then under the sole."""
    scene = silence(step_s + 0.05)
    for _ in range(grains):
        share = rng.beta(1.5, 2.2) if rng.random() < 0.6 else rng.beta(4, 2.5)
        grain_s = rng.uniform(0.003, 0.012)
        centre = low_hz * (high_hz / low_hz) ** rng.random()
        grain = band(noise(rng, grain_s * 5), centre * 0.7, centre * 1.5, order=1) * decay(grain_s * 5, grain_s)
        place(scene, grain, share * step_s, level=min(rng.pareto(1.8), 5.0))
    return scene


@sound("footsteps_gravel", "footsteps", "footsteps on gravel", "footsteps on gravel", "someone walking on gravel")
def footsteps_gravel(rng: Rng) -> Wave:
    """Crunch, crunch."""
    steps = [_crunch(rng, low_hz=900, high_hz=7000, grains=60, step_s=rng.uniform(0.2, 0.3)) for _ in range(4)]
    return _walk(rng, steps, duration_s=rng.uniform(3.0, 4.5))


@sound("footsteps_snow", "footsteps", "footsteps on snow", "footsteps in snow", "someone walking through snow")
def footsteps_snow(rng: Rng) -> Wave:
    """Soft squeaking compression."""
    steps = []
    for _ in range(4):
        step_s = rng.uniform(0.22, 0.3)
        squeak = wander(rng, step_s, rate_hz=60, low=0.15, high=1) * curve(
            step_s, [(0, 0), (0.2, 1), (0.45, 0.5), (0.7, 0.9), (1, 0)]
        )
        press = band(noise(rng, step_s), 350, 3500, order=1.5) * squeak
        grains = _crunch(rng, low_hz=400, high_hz=2500, grains=40, step_s=step_s)
        steps.append(level(press) + 0.3 * level(grains)[: len(press)] * squeak)
    return _walk(rng, steps, duration_s=rng.uniform(3.0, 4.5), run=False)


@sound(
    "footsteps_wood",
    "footsteps",
    "footsteps on wood",
    "footsteps on a wooden floor",
    "someone walking on a wooden floor",
)
def footsteps_wood(rng: Rng) -> Wave:
    """Heel then sole on hollow boards."""
    floor = np.array([rng.uniform(85, 140), rng.uniform(190, 290), rng.uniform(380, 560), rng.uniform(800, 1200)])
    steps = []
    for _ in range(2):
        step = silence(0.4)
        board = floor * rng.normal(1, 0.03, 4)
        for offset_s, strength in ((0.0, 1.0), (rng.uniform(0.07, 0.11), 0.45)):
            knock = modes(0.3, board, [0.05, 0.035, 0.02, 0.01], [1, 0.9, 0.6, 0.4])
            place(knock, band(noise(rng, 0.02) * decay(0.02, 0.003), 500, 5000, order=1), 0.0, level=0.5)
            place(step, knock, offset_s, level=strength)
        steps.append(step)
    return _walk(rng, steps, duration_s=rng.uniform(3.0, 4.5))


@sound(
    "footsteps_stone",
    "footsteps",
    "footsteps on stone",
    "footsteps on stone",
    "hard shoes walking in a hallway",
    in_room=False,
)
def footsteps_stone(rng: Rng) -> Wave:
    """Dry clicks of heels that echo."""
    heel_hz = rng.uniform(1300, 2300)
    steps = []
    for _ in range(2):
        step = silence(0.2)
        for offset_s, strength in ((0.0, 1.0), (rng.uniform(0.06, 0.1), 0.35)):
            click = modes(
                0.08, heel_hz * np.array([1, 1.7, 2.9]) * rng.normal(1, 0.03), [0.007, 0.005, 0.003], [1, 0.7, 0.5]
            )
            place(click, band(noise(rng, 0.02) * decay(0.02, 0.003), 400, 6000, order=1), 0.0, level=0.8)
            place(step, click, offset_s, level=strength)
        steps.append(step)
    return room(
        rng, _walk(rng, steps, duration_s=rng.uniform(3.0, 4.5)), time_s=rng.uniform(0.8, 2.0), mix=0.3, tail=False
    )


@sound(
    "door_knock",
    "household",
    "door knock",
    "knocking on a door",
    "someone knocking on a wooden door",
    "a knock on a door",
)
def door_knock(rng: Rng) -> Wave:
    """Three or four knocks on a panel."""
    panel = np.array([rng.uniform(110, 170), rng.uniform(240, 330), rng.uniform(420, 600), rng.uniform(900, 1300)])
    count, gap_s = int(rng.integers(2, 6)), rng.uniform(0.14, 0.3)
    scene = silence(count * gap_s + 0.6)
    for number in range(count):
        knock = modes(0.3, panel * rng.normal(1, 0.01), [0.045, 0.035, 0.02, 0.01], [1, 0.9, 0.6, 0.35])
        place(knock, band(noise(rng, 0.02) * decay(0.02, 0.0025), 600, 5000, order=1), 0.0, level=0.7)
        place(scene, knock, 0.08 + number * gap_s + rng.normal(0, 0.01), level=rng.uniform(0.8, 1))
    return room(rng, scene, time_s=0.5, mix=0.2)


@sound("door_creak", "household", "door creaking", "a door creaking", "a creaky door opening slowly", "squeaky hinges")
def door_creak(rng: Rng) -> Wave:
    """Stick and slip of a hinge: pulses whose rate wanders, through the wood."""
    duration_s = rng.uniform(1.8, 3.2)
    base = curve(duration_s, [(x, rng.uniform(40, 220)) for x in np.linspace(0, 1, 5)])
    rate = base * (1 + 0.15 * wander(rng, duration_s, rate_hz=14, low=-1, high=1))
    train = pulses(rate, rng=rng, jitter=0.05) * wander(rng, duration_s, rate_hz=20, low=0.4, high=1)
    train = np.diff(train, prepend=0.0)
    wood = [
        (rng.uniform(400, 700), 60, 1.0),
        (rng.uniform(900, 1400), 90, 1.0),
        (rng.uniform(1800, 2600), 160, 0.8),
        (3800, 500, 0.4),
    ]
    creak = resonances(train, wood, floor=0.02) * swell(duration_s, attack_s=0.1, release_s=0.3)
    return room(rng, creak, time_s=0.7, mix=0.25)


@sound("door_closing", "household", "door closing", "a door closing", "a door slamming shut")
def door_closing(rng: Rng) -> Wave:
    """The click of the latch inside a wooden slam."""
    slam = modes(0.8, [65, 105, 180, 310, 520], [0.12, 0.09, 0.06, 0.04, 0.02], [1, 0.9, 0.7, 0.5, 0.3])
    place(slam, band(noise(rng, 0.25) * decay(0.25, 0.03), 60, 3500, order=1), 0.0, level=1.5)
    scene = silence(1.2)
    swing_s = 0.25
    swish = band(coloured(rng, swing_s, exponent=1), 80, 600) * curve(swing_s, [(0, 0), (1, 1)])
    place(scene, swish, 0.05, level=0.04)
    place(scene, slam, 0.3)
    for offset_s in (0.28, 0.34, rng.uniform(0.38, 0.5)):
        latch = modes(0.06, [1800, 3100, 4700], [0.006, 0.005, 0.003], [1, 0.8, 0.6])
        place(scene, latch, offset_s, level=rng.uniform(0.2, 0.5))
    return room(rng, scene, time_s=rng.uniform(0.5, 1.2), mix=0.3)


@sound("glass_breaking", "impacts", "glass breaking", "glass breaking", "a window being smashed", "glass shattering")
def glass_breaking(rng: Rng) -> Wave:
    """A crack, then many high ringing shards that fall and bounce."""
    duration_s = rng.uniform(1.6, 2.6)
    scene = silence(duration_s)
    start_s = 0.05
    crack = band(noise(rng, 0.15) * decay(0.15, 0.02, attack_s=0.0003), 800, 15000, order=1)
    place(scene, crack, start_s, level=2.0)
    for _ in range(int(rng.integers(70, 140))):
        f = rng.uniform(1800, 9500)
        ring_s = rng.uniform(0.01, 0.09)
        shard = modes(ring_s * 6, f * np.array([1, 1.51, 2.33]), np.array([1, 0.6, 0.4]) * ring_s, [1, 0.6, 0.4])
        fall_s = start_s + rng.exponential(0.28) + 0.005
        place(scene, shard, fall_s, level=min(0.5 * rng.pareto(2.0), 1.5) * np.exp(-(fall_s - start_s) / 0.6))
    return scene


@sound("glass_clink", "impacts", "glass clink", "a clink of glass", "two glasses clinking")
def glass_clink(rng: Rng) -> Wave:
    """A bright ring, once or a few times."""
    count = int(rng.integers(1, 4))
    scene = silence(0.45 * count + 1.0)
    f = rng.uniform(1600, 3200)
    for number in range(count):
        own = f * rng.normal(1, 0.03)
        ring = modes(
            1.2, own * np.array([1, 1.006, 2.32, 4.25, 6.6]), [0.3, 0.28, 0.18, 0.09, 0.05], [1, 0.6, 0.6, 0.4, 0.25]
        )
        place(scene, ring, 0.05 + 0.4 * number * rng.uniform(0.8, 1.2), level=rng.uniform(0.7, 1))
    return scene


@sound("clock_ticking", "household", "clock ticking", "a clock ticking", "the tick-tock of a clock")
def clock_ticking(rng: Rng) -> Wave:
    """Tick and tock in turn."""
    duration_s = rng.uniform(3.0, 5.0)
    scene = silence(duration_s)
    f, gap_s = rng.uniform(1400, 3200), rng.choice([0.2, 0.25, 0.5, 1.0]) * rng.uniform(0.95, 1.05)
    for number, start_s in enumerate(np.arange(0.1, duration_s, gap_s)):
        pitch = f * (1.0 if number % 2 == 0 else 0.82)
        tick = modes(0.05, pitch * np.array([1, 1.9, 3.1]), [0.004, 0.003, 0.002], [1, 0.8, 0.6])
        place(scene, tick, start_s)
        place(scene, tick, start_s + rng.uniform(0.014, 0.016), level=0.35)
    case = [(rng.uniform(350, 800), 120, 0.8), (1500, 600, 0.5)]
    return resonances(scene, case, floor=0.6)


@sound(
    "keyboard_typing", "household", "keyboard typing", "someone typing on a keyboard", "typing on a computer keyboard"
)
def keyboard_typing(rng: Rng) -> Wave:
    """Key presses in runs: a click down, a softer one up."""
    duration_s = rng.uniform(3.0, 5.0)
    scene = silence(duration_s)
    start_s = 0.05
    plate_hz = rng.uniform(1500, 2800)
    while start_s < duration_s - 0.1:
        for offset_s, strength in ((0.0, 1.0), (rng.uniform(0.05, 0.09), 0.4)):
            f = plate_hz * rng.lognormal(0, 0.12)
            click = modes(0.05, [f, f * 1.8, f * 2.7, 320], [0.004, 0.003, 0.002, 0.012], [0.7, 0.5, 0.4, 0.6])
            place(click, band(noise(rng, 0.03) * decay(0.03, 0.004), 1500, 9000, order=1), 0.0, level=0.8)
            place(scene, click, start_s + offset_s, level=strength * rng.uniform(0.6, 1))
        start_s += rng.gamma(4, 0.035) if rng.random() < 0.9 else rng.uniform(0.3, 0.6)
    return scene


@sound(
    "camera_shutter", "household", "camera shutter", "a camera shutter", "someone taking a photograph", "a camera click"
)
def camera_shutter(rng: Rng) -> Wave:
    """Mirror up, curtain, mirror down; sometimes the winding motor."""
    count = int(rng.integers(1, 4))
    scene = silence(count * 0.55 + 0.3)
    for number in range(count):
        begin_s = 0.05 + number * rng.uniform(0.4, 0.55)
        for offset_s, f, strength in ((0.0, 1300, 0.9), (0.045, 2600, 0.6), (rng.uniform(0.08, 0.13), 1000, 1.0)):
            clack = modes(
                0.06,
                f * np.array([1, 1.7, 2.9, 4.1]) * rng.normal(1, 0.02),
                [0.006, 0.004, 0.003, 0.002],
                [1, 0.8, 0.6, 0.5],
            )
            place(clack, band(noise(rng, 0.05) * decay(0.05, 0.006), 700, 9000, order=1), 0.0, level=1.0)
            place(scene, clack, begin_s + offset_s, level=strength)
        if number == 0 and rng.random() < 0.5:
            motor = harmonics(curve(0.3, [(0, 300), (0.3, 620), (1, 560)]), 1 / np.arange(1, 20) ** 0.7)
            place(scene, level(motor * swell(0.3, attack_s=0.02, release_s=0.03)), begin_s + 0.15, level=0.12)
    return scene


@sound("zipper", "household", "zipper", "a zipper", "a zipper being closed", "unzipping a jacket")
def zipper(rng: Rng) -> Wave:
    """Teeth that click faster and faster."""
    duration_s = rng.uniform(0.6, 1.2)
    low, high = rng.uniform(60, 110), rng.uniform(180, 320)
    rate = curve(duration_s, [(0, low), (0.3, high * 0.8), (0.8, high), (1, low * 1.3)])
    train = pulses(rate, rng=rng, jitter=0.08)
    centre = curve(duration_s, [(0, 2600), (0.8, 4200), (1, 3800)])
    source = convolve(train, decay(0.008, 0.0012) * noise(rng, 0.008)) + 0.03 * noise(rng, duration_s)
    zip_ = moving(source, lambda s, f: 0.1 + 1 / np.sqrt(1 + ((f - at(s, centre)) / 1800) ** 2))
    return np.concatenate([silence(0.06), zip_ * swell(duration_s, attack_s=0.04, release_s=0.05), silence(0.15)])


@sound("coins", "household", "coins", "coins clinking", "coins dropping on a table")
def coins(rng: Rng) -> Wave:
    """Small metal discs that bounce quicker and quicker."""
    scene = silence(rng.uniform(1.5, 2.5))
    for _ in range(int(rng.integers(2, 7))):
        f = rng.uniform(3200, 6500)
        gap_s, start_s, strength = rng.uniform(0.09, 0.2), rng.uniform(0.03, 0.7), 1.0
        while gap_s > 0.012 and start_s < len(scene) / RATE_HZ:
            ring = modes(0.4, f * np.array([1, 1.58, 2.31]), [0.09, 0.06, 0.03], [1, 0.8, 0.5])
            place(scene, ring, start_s, level=strength * rng.uniform(0.7, 1))
            start_s, gap_s, strength = start_s + gap_s, gap_s * rng.uniform(0.68, 0.82), strength * 0.8
    return scene


@sound("ball_bouncing", "impacts", "ball bounce", "a ball bouncing", "a bouncing ball")
def ball_bouncing(rng: Rng) -> Wave:
    """Bounces that come closer together."""
    scene = silence(rng.uniform(2.5, 3.8))
    f, gap_s, start_s, strength = rng.uniform(110, 420), rng.uniform(0.45, 0.7), 0.05, 1.0
    keep = rng.uniform(0.76, 0.9)
    while gap_s > 0.04 and start_s < len(scene) / RATE_HZ - 0.05:
        bounce = modes(0.2, [f, f * 2.1, f * 3.7], [0.035, 0.02, 0.01], [1, 0.5, 0.3])
        place(bounce, band(noise(rng, 0.02) * decay(0.02, 0.003), 300, 3500, order=1), 0.0, level=0.4)
        place(scene, bounce, start_s, level=strength)
        start_s, gap_s, strength = start_s + gap_s, gap_s * keep, strength * keep
    return scene


@sound("paper_rustling", "household", "paper rustling", "paper rustling", "crumpling a sheet of paper")
def paper_rustling(rng: Rng) -> Wave:
    """Crackles in bursts over a bright hiss."""
    duration_s = rng.uniform(2.0, 3.5)
    scene = silence(duration_s)
    bursts = wander(rng, duration_s, rate_hz=4, low=0, high=1) ** 2
    for _ in range(int(450 * duration_s)):
        start_s = rng.uniform(0, duration_s)
        strength = bursts[min(int(start_s * RATE_HZ), len(bursts) - 1)]
        crackle_s = rng.uniform(0.0005, 0.003)
        crackle = noise(rng, crackle_s * 4) * decay(crackle_s * 4, crackle_s, attack_s=0.0002)
        place(scene, crackle, start_s, level=strength * min(rng.pareto(1.7), 6))
    return band(scene, 1200, 12000, order=1) + 0.15 * band(noise(rng, duration_s), 2500, 10000) * bursts


@sound("toy_squeak", "household", "rubber squeak", "a squeaky rubber toy", "the squeak of a rubber duck")
def toy_squeak(rng: Rng) -> Wave:
    """Reed squeak: up when squeezed, falling when let go."""
    scene = silence(rng.uniform(1.0, 2.2))
    start_s, f0 = 0.05, rng.uniform(900, 1700)
    while start_s < len(scene) / RATE_HZ - 0.3:
        squeeze_s = rng.uniform(0.1, 0.2)
        up = harmonics(curve(squeeze_s, [(0, f0 * 0.7), (0.4, f0 * 1.2), (1, f0)]), 1 / np.arange(1, 12) ** 0.8)
        down = harmonics(curve(0.15, [(0, f0 * 0.85), (1, f0 * 0.6)]), 1 / np.arange(1, 12))
        place(scene, up * swell(squeeze_s, attack_s=0.015, release_s=0.03), start_s)
        place(scene, down * swell(0.15, attack_s=0.03, release_s=0.08), start_s + squeeze_s + 0.04, level=0.4)
        start_s += squeeze_s + rng.uniform(0.3, 0.5)
    return scene + 0.01 * band(noise(rng, len(scene) / RATE_HZ), 1000, 6000)


@sound(
    "metal_impact",
    "impacts",
    "metal impact",
    "metal being struck",
    "a metal pipe falling on the floor",
    "a clang of metal",
)
def metal_impact(rng: Rng) -> Wave:
    """A clang of unrelated partials, perhaps bouncing."""
    scene = silence(rng.uniform(1.5, 2.5))
    f = rng.uniform(250, 900)
    ratios = np.sort(rng.uniform(1, 12, 14))
    start_s, gap_s, strength = 0.05, rng.uniform(0.2, 0.4), 1.0
    for _ in range(int(rng.integers(1, 5))):
        clang = modes(1.6, f * ratios, 0.5 / ratios**0.5 * rng.uniform(0.5, 1.2, 14), rng.uniform(0.3, 1, 14))
        clang *= swell(1.6, attack_s=0.0, release_s=0.8)
        place(clang, band(noise(rng, 0.02) * decay(0.02, 0.003), 1000, 9000, order=1), 0.0, level=2.0)
        place(scene, clang, start_s, level=strength)
        start_s, gap_s, strength = start_s + gap_s, gap_s * 0.65, strength * 0.55
    return scene


@sound("whoosh", "impacts", "whoosh", "a whoosh", "something swishing through the air")
def whoosh(rng: Rng) -> Wave:
    """Noise through a band that rises and falls."""
    duration_s = rng.uniform(0.4, 1.1)
    middle = rng.uniform(0.4, 0.6)
    centre = curve(duration_s, [(0, 300), (middle, rng.uniform(1000, 3000)), (1, 350)])
    air = moving(
        noise(rng, duration_s), lambda s, f: 1 / (1 + ((f - at(s, centre)) / (0.5 * at(s, centre))) ** 2), frame=512
    )
    strength = np.exp(-(((times(duration_s) / duration_s - middle) / 0.2) ** 2))
    return np.concatenate([silence(0.05), air * strength, silence(0.2)])
