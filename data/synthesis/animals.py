"""Birds, insects, frogs and beasts."""

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
    harmonics,
    length,
    level,
    moving,
    noise,
    phase,
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


def vocal_tract(
    source: Wave, formants: list[tuple[list[tuple[float, float]], float, float]], *, floor: float = 0.01
) -> Wave:
    """Filter a voice through resonances that move: for each (points of a centre curve in Hz, width in Hz, level)."""
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
    return harmonics(frequency_hz, 1 / np.arange(1, 30) ** tilt) * near


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


@sound("dog", "animals", "dog barking", "a dog barking", "a dog", "barking of a dog")
def dog(rng: Rng) -> Wave:
    """Barks: a rough burst, pitch up and down, mouth opening and closing."""
    scene = silence(rng.uniform(1.8, 3.5))
    f0, size = rng.uniform(320, 620), rng.uniform(0.8, 1.25)
    start_s = 0.05
    while start_s < len(scene) / RATE_HZ - 0.3:
        bark_s = rng.uniform(0.13, 0.22)
        pitch = curve(bark_s, [(0, f0 * 0.75), (0.3, f0 * 1.2), (0.6, f0), (1, f0 * 0.5)])
        bark = throat(rng, pitch, rough=0.08, breath=0.7, tilt=0.6)
        mouth = [
            ([(0, 500 * size), (0.35, 1050 * size), (1, 550 * size)], 160, 1.0),
            ([(0, 1100 * size), (0.35, 1900 * size), (1, 1200 * size)], 260, 0.7),
            ([(0, 2900 * size), (1, 2800 * size)], 600, 0.25),
        ]
        bark = vocal_tract(bark, mouth) * swell(bark_s, attack_s=0.012, release_s=0.09)
        place(scene, bark, start_s, level=rng.uniform(0.8, 1))
        start_s += bark_s + rng.choice([rng.uniform(0.12, 0.25), rng.uniform(0.35, 0.7)])
    return room(rng, scene, time_s=0.6, mix=0.2, tail=False)


@sound("cat", "animals", "cat meowing", "a cat meowing", "a meow", "a kitten meowing")
def cat(rng: Rng) -> Wave:
    """Mee-ow: pitch rises and falls while the mouth opens and closes."""
    scene = silence(rng.uniform(1.5, 3.0))
    start_s, f0 = 0.05, rng.uniform(450, 750)
    while start_s < len(scene) / RATE_HZ - 0.5:
        meow_s = rng.uniform(0.55, 1.0)
        pitch = curve(meow_s, [(0, f0 * 0.85), (0.25, f0 * 1.2), (0.55, f0 * 1.1), (1, f0 * 0.75)])
        mouth = [
            ([(0, 700), (0.25, 900), (0.5, 1500), (0.75, 1200), (1, 700)], 140, 1.0),
            ([(0, 2600), (0.25, 2900), (0.5, 2300), (1, 1300)], 220, 0.9),
            ([(0, 4200), (0.5, 4000), (1, 3600)], 400, 0.3),
        ]
        meow = vocal_tract(throat(rng, pitch, rough=0.008, breath=0.03, tilt=0.7), mouth)
        place(scene, meow * swell(meow_s, attack_s=0.08, release_s=0.2), start_s)
        start_s += meow_s + rng.uniform(0.25, 0.8)
    return scene


@sound("cow", "animals", "cow mooing", "a cow mooing", "a moo", "cattle mooing")
def cow(rng: Rng) -> Wave:
    """A long low call that opens and sinks."""
    moo_s = rng.uniform(1.3, 2.2)
    f0 = rng.uniform(95, 150)
    pitch = curve(moo_s, [(0, f0 * 0.85), (0.2, f0), (0.6, f0 * 1.15), (1, f0 * 0.8)])
    mouth = [
        ([(0, 260), (0.3, 420), (0.7, 620), (1, 450)], 90, 1.0),
        ([(0, 700), (0.4, 900), (0.7, 1150), (1, 850)], 140, 0.6),
        ([(0, 2200), (1, 2300)], 300, 0.2),
    ]
    moo = vocal_tract(throat(rng, pitch, rough=0.015, breath=0.05, tilt=0.7), mouth) * swell(
        moo_s, attack_s=0.2, release_s=0.35
    )
    return np.concatenate([silence(0.05), moo, silence(0.3)])


@sound("sheep", "animals", "sheep bleating", "a sheep bleating", "a goat bleating", "sheep")
def sheep(rng: Rng) -> Wave:
    """Baa with a strong tremble."""
    scene = silence(rng.uniform(1.6, 3.0))
    start_s, f0 = 0.05, rng.uniform(190, 330)
    while start_s < len(scene) / RATE_HZ - 0.6:
        baa_s = rng.uniform(0.6, 1.0)
        tremble = np.sin(2 * np.pi * rng.uniform(7, 10) * times(baa_s))
        pitch = curve(baa_s, [(0, f0 * 0.9), (0.2, f0 * 1.08), (1, f0 * 0.88)]) * (1 + 0.045 * tremble)
        voice = throat(rng, pitch, rough=0.02, breath=0.12, tilt=0.45) * (1 + 0.45 * tremble)
        mouth = [
            ([(0, 450), (0.15, 750), (1, 680)], 120, 1.0),
            ([(0, 1500), (0.2, 1750), (1, 1650)], 200, 0.9),
            ([(0, 2800), (1, 2800)], 350, 0.5),
        ]
        place(scene, vocal_tract(voice, mouth) * swell(baa_s, attack_s=0.05, release_s=0.12), start_s)
        start_s += baa_s + rng.uniform(0.2, 0.8)
    return scene


@sound("wolf", "animals", "wolf howling", "a wolf howling", "the howl of a wolf at night", in_room=False)
def wolf(rng: Rng) -> Wave:
    """A long clear howl that rises quickly and sinks slowly."""
    howl_s = rng.uniform(2.5, 4.0)
    f0 = rng.uniform(380, 560)
    pitch = curve(howl_s, [(0, f0 * 0.6), (0.12, f0), (0.5, f0 * 1.05), (0.8, f0 * 0.95), (1, f0 * 0.65)])
    pitch *= 1 + 0.006 * np.sin(2 * np.pi * 5 * times(howl_s))
    voice = vocal_tract(
        throat(rng, pitch, rough=0.006, breath=0.02, tilt=1.3),
        [([(0, 500), (0.2, 700), (1, 550)], 200, 1.0), ([(0, 1100), (1, 1000)], 250, 0.4)],
    )
    howl = voice * swell(howl_s, attack_s=0.3, release_s=0.8)
    return room(rng, np.concatenate([silence(0.1), howl]), time_s=2.0, mix=0.4)


@sound(
    "horse_galloping",
    "animals",
    "horse galloping",
    "a horse galloping",
    "the hoofbeats of a horse",
    "horse hooves on a road",
)
def horse_galloping(rng: Rng) -> Wave:
    """Hooves: three quick beats and a rest, or the even beats of a trot."""
    scene = silence(rng.uniform(3.0, 4.5))
    stride_s = rng.uniform(0.42, 0.6)
    gaits = ([0.0, 0.22, 0.42], [0.0, 0.5], [0.0, 0.25, 0.5, 0.75])
    gait = gaits[rng.integers(3)]
    hoof_hz = rng.uniform(450, 1000)
    for start_s in np.arange(0.05, len(scene) / RATE_HZ - 0.2, stride_s * (1.0 if len(gait) < 4 else 1.6)):
        for number, share in enumerate(gait):
            clop = band(noise(rng, 0.1) * decay(0.1, 0.012), hoof_hz * 0.6, hoof_hz * 2.2, order=1.5)
            clop += 0.5 * np.sin(2 * np.pi * hoof_hz * (0.9 + 0.2 * (number % 2)) * times(0.1)) * decay(0.1, 0.018)
            thud = tone(95, 0.1) * decay(0.1, 0.03)
            offset_s = share * stride_s * (1.0 if len(gait) < 4 else 1.6)
            place(
                scene,
                level(clop) + 0.6 * level(thud),
                start_s + offset_s + rng.normal(0, 0.006),
                level=rng.uniform(0.7, 1),
            )
    return scene


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
