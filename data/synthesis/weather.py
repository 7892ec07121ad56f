"""Rain, wind, thunder, fire."""

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
    events,
    length,
    level,
    modes,
    moving,
    noise,
    peak_gain,
    place,
    room,
    shape,
    silence,
    smooth,
    swell,
    times,
    wander,
)


def _patter(rng: Rng, duration_s: float, *, rate_hz: float, low_hz: float, high_hz: float, ring_s: float) -> Wave:
    """Many small impacts of random pitch, loud ones being rare."""
    kernels = [modes(8 * ring_s, [rng.uniform(low_hz, high_hz)], [ring_s], [1.0]) for _ in range(24)]
    scene = silence(duration_s)
    for number, kernel in enumerate(kernels):
        train = np.zeros(len(scene))
        count = rng.poisson(rate_hz * duration_s / len(kernels))
        np.add.at(train, rng.integers(0, len(train), count), np.minimum(rng.pareto(2.2, count), 12.0))
        scene += convolve(train, kernel if number % 2 else -kernel)
    return scene


@sound("rain_light", "weather", "rain", "light rain falling", "gentle rain", "rain drops pattering", in_room=False)
def rain_light(rng: Rng) -> Wave:
    """Single drops over a faint hiss."""
    duration_s = rng.uniform(3.5, 6.0)
    hiss = shape(
        noise(rng, duration_s), lambda f: (np.maximum(f, 200) / 4000) ** -0.2 * (f > 300) / (1 + (f / 13e3) ** 4)
    )
    drops = _patter(rng, duration_s, rate_hz=rng.uniform(50, 160), low_hz=1500, high_hz=9000, ring_s=0.0011)
    soft = _patter(rng, duration_s, rate_hz=rng.uniform(300, 700), low_hz=2500, high_hz=11000, ring_s=0.0006)
    return level(hiss, rms=0.35) + level(drops, rms=rng.uniform(0.3, 0.6)) + level(soft, rms=0.3)


@sound("rain_heavy", "weather", "rain", "heavy rain falling", "pouring rain", "a downpour of rain", in_room=False)
def rain_heavy(rng: Rng) -> Wave:
    """A dense hiss that hardly changes, with a low rumble of water."""
    duration_s = rng.uniform(3.5, 6.0)
    tilt, top_hz = rng.uniform(0.15, 0.6), rng.uniform(9e3, 15e3)
    hiss = shape(
        noise(rng, duration_s), lambda f: (np.maximum(f, 100) / 1000) ** -tilt / (1 + (f / top_hz) ** 4) * (f > 80)
    )
    drops = _patter(rng, duration_s, rate_hz=2500, low_hz=900, high_hz=9000, ring_s=0.001)
    gusts = wander(rng, duration_s, rate_hz=0.8, low=0.8, high=1.1)
    return gusts * (level(hiss, rms=1.0) + level(drops, rms=rng.uniform(0.3, 0.6)))


@sound("rain_on_roof", "weather", "rain", "rain on a tin roof", "rain drumming on a roof", in_room=False)
def rain_on_roof(rng: Rng) -> Wave:
    """Drops that ring sheet metal."""
    duration_s = rng.uniform(3.5, 6.0)
    dull = _patter(rng, duration_s, rate_hz=rng.uniform(120, 260), low_hz=250, high_hz=1100, ring_s=0.006)
    ringing = _patter(rng, duration_s, rate_hz=rng.uniform(120, 250), low_hz=1200, high_hz=4500, ring_s=0.004)
    hiss = band(noise(rng, duration_s), 400, 7000, order=1)
    return level(dull, rms=0.7) + level(ringing, rms=0.6) + level(hiss, rms=0.22)


@sound("wind", "weather", "wind", "wind blowing", "strong wind howling", "gusts of wind", in_room=False)
def wind(rng: Rng) -> Wave:
    """Noise through resonances that wander with the gusts."""
    duration_s = rng.uniform(4.0, 6.0)
    gust = wander(rng, duration_s, rate_hz=rng.uniform(0.5, 1.0), low=0.15, high=1.0) ** 1.3
    howl = rng.uniform(0.4, 1.6)
    base_hz = rng.uniform(260, 480)

    def gains(shares: Wave, f: Wave) -> Wave:
        strength = at(shares, gust)
        centre = base_hz * (0.7 + 0.9 * strength)
        body = (np.maximum(f, 60) / 200) ** -1.0 / (1 + (f / (600 + 2500 * strength)) ** 2)
        peaks = peak_gain(f, centre, 60) + 0.5 * peak_gain(f, centre * 2.1, 140)
        return strength * (body + howl * peaks) * (f > 40)

    return moving(noise(rng, duration_s), gains, frame=2048)


@sound(
    "thunder",
    "weather",
    "thunder",
    "thunder rumbling",
    "a clap of thunder",
    "a rolling crack of thunder",
    in_room=False,
)
def thunder(rng: Rng) -> Wave:
    """A crack made of many, then a long roll that grows darker."""
    duration_s = rng.uniform(4.0, 6.0)
    start_s = rng.uniform(0.05, 0.4)
    scene = silence(duration_s)
    near = rng.uniform(0.1, 1.0)
    for offset_s in np.sort(rng.exponential(0.12, rng.integers(4, 10))):
        crack = noise(rng, 0.5) * decay(0.5, rng.uniform(0.02, 0.12), attack_s=0.002)
        place(
            scene, band(crack, 60, 900 + 6000 * near, order=1), start_s + offset_s, level=near * rng.uniform(0.3, 1.0)
        )
    t = times(duration_s) - start_s
    roll = np.where(
        t > 0, (1 - np.exp(-np.maximum(t, 0) / 0.25)) * np.exp(-np.maximum(t, 0) / rng.uniform(1.1, 2.2)), 0
    )
    roll = roll * wander(rng, duration_s, rate_hz=5, low=0.25, high=1.0)

    def gains(shares: Wave, f: Wave) -> Wave:
        top = 700 * np.exp(-3.0 * shares) + 90
        return np.asarray((f > 20) * (np.maximum(f, 45) / 60) ** -0.6 / (1 + (f / top) ** 3))

    rumble = moving(noise(rng, duration_s), gains, frame=4096)
    scene = scene + level(rumble, rms=1.0) * roll * 0.9
    return room(rng, scene, time_s=2.0, mix=0.5, bright_hz=800, tail=False)


@sound("fire", "fire", "fire crackling", "a fire crackling", "a campfire burning and crackling", in_room=False)
def fire(rng: Rng) -> Wave:
    """Crackles in bursts over a soft fluttering roar."""
    duration_s = rng.uniform(4.0, 6.0)
    scene = silence(duration_s)
    for centre_s in events(rng, duration_s, rate_hz=rng.uniform(4.0, 9.0)):
        for _ in range(rng.geometric(0.35)):
            crack_s = rng.uniform(0.001, 0.006)
            crack = noise(rng, 8 * crack_s) * decay(8 * crack_s, crack_s, attack_s=0.0002)
            low_hz = rng.uniform(500, 2500)
            crack = band(crack, low_hz, low_hz * rng.uniform(2, 6), order=1)
            place(scene, crack, centre_s + rng.exponential(0.05), level=min(0.3 + rng.pareto(2.2), 3.5))
    scene = np.tanh(level(scene, rms=0.35))
    fizz = _patter(rng, duration_s, rate_hz=150, low_hz=2500, high_hz=9000, ring_s=0.0006)
    roar = coloured(rng, duration_s, exponent=1.6, low_hz=70) * wander(rng, duration_s, rate_hz=9, low=0.4, high=1.0)
    return (
        level(scene, rms=1.0) + level(fizz, rms=0.2) + level(band(roar, 50, 1200, order=1), rms=rng.uniform(0.3, 0.7))
    )


@sound(
    "storm", "weather", "thunderstorm", "rain and thunder in a thunderstorm", "a thunderstorm with rain", in_room=False
)
def storm(rng: Rng) -> Wave:
    """Heavy rain with thunder in it."""
    rain, bang = rain_heavy(rng), thunder(rng)
    n = min(len(rain), len(bang))
    return level(rain[:n], rms=rng.uniform(0.25, 0.5)) + level(bang[:n])


@sound(
    "wind_in_leaves",
    "weather",
    "wind in leaves",
    "wind rustling the leaves",
    "leaves rustling in the wind",
    in_room=False,
)
def wind_in_leaves(rng: Rng) -> Wave:
    """High rustle, grainy, swelling with the breeze."""
    duration_s = rng.uniform(4.0, 6.0)
    gust = wander(rng, duration_s, rate_hz=rng.uniform(0.6, 1.2), low=0.1, high=1.0) ** 1.5
    grains = np.repeat(rng.pareto(2.5, length(duration_s) // 400 + 1), 400)[: length(duration_s)]
    grains = smooth(grains, 0.012)
    rustle = band(noise(rng, duration_s) * (0.3 + np.minimum(grains, 4)), 1800, 9500, order=1)
    breeze = band(coloured(rng, duration_s, exponent=1.0), 100, 700, order=1)
    return gust * (level(rustle) + level(breeze, rms=0.25))


@sound("gong", "drums", "gong", "a gong being struck", "a large gong")
def gong(rng: Rng) -> Wave:
    """Dense inharmonic partials; the high ones bloom late and die first."""
    duration_s = rng.uniform(4.0, 6.0)
    base_hz = rng.uniform(55, 120)
    frequencies = base_hz * np.sort(rng.uniform(1, 28, 70))
    frequencies[:3] = base_hz * np.array([1.0, 1.52, 2.03])
    t = times(duration_s)
    out = np.zeros(len(t))
    for f in frequencies:
        share = f / base_hz
        bloom = 1 - np.exp(-t / (0.01 + 0.02 * share))
        out += (
            rng.uniform(0.3, 1)
            / share**0.6
            * bloom
            * np.exp(-t * (0.3 + 0.09 * share))
            * np.sin(2 * np.pi * f * (1 + 0.002 * np.exp(-3 * t)) * t + rng.uniform(0, 6))
        )
    thump = modes(0.3, [base_hz * 1.1], [0.06], [1.0])
    place(out, thump, 0.0, level=2.0)
    return out * swell(duration_s, attack_s=0.002, release_s=0.6)


@sound(
    "wind_chimes",
    "household",
    "wind chimes",
    "wind chimes tinkling",
    "small chimes ringing in the breeze",
    in_room=False,
)
def wind_chimes(rng: Rng) -> Wave:
    """Five tubes of a pentatonic scale struck at random."""
    duration_s = rng.uniform(4.0, 6.0)
    scene = silence(duration_s)
    root_hz = rng.uniform(900, 1500)
    pitches = root_hz * 2 ** (np.array([0, 2, 4, 7, 9]) / 12)
    for start_s in events(rng, duration_s - 0.5, rate_hz=rng.uniform(2.5, 5.0)):
        f = rng.choice(pitches) * rng.normal(1, 0.001)
        ring = modes(2.5, [f, 2.76 * f, 5.4 * f], [0.9, 0.45, 0.15], [1, 0.5, 0.25])
        place(scene, ring * decay(2.5, 5.0, attack_s=0.0015), start_s, level=rng.uniform(0.15, 1.0))
    return scene + 0.004 * band(noise(rng, len(scene) / RATE_HZ), 200, 2000, order=1) * curve(
        duration_s, [(0, 1), (1, 0.5)]
    )
