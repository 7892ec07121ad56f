"""People: speech-like babble, crowds, whistling, laughter, the body."""

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
    noise,
    phase,
    place,
    room,
    silence,
    smooth,
    swell,
    times,
    wander,
)
from .throats import throat, vocal_tract

# First three formants of vowels in Hz (Peterson and Barney 1952, men).
_VOWELS = [
    (270, 2290, 3010),
    (390, 1990, 2550),
    (530, 1840, 2480),
    (660, 1720, 2410),
    (730, 1090, 2440),
    (570, 840, 2410),
    (300, 870, 2240),
    (640, 1190, 2390),
]
_WIDTHS = (70, 100, 150)
_LEVELS = (1.0, 0.55, 0.3)


def _vowel(
    rng: Rng, duration_s: float, pitch_hz: Wave, first: int, second: int, *, size: float, breath: float = 0.02
) -> Wave:
    source = throat(rng, pitch_hz, rough=0.008, breath=breath, tilt=1.0)
    tract = [
        ([(0, a * size), (0.25, a * size), (0.75, b * size), (1, b * size)], width, strength)
        for a, b, width, strength in zip(_VOWELS[first], _VOWELS[second], _WIDTHS, _LEVELS, strict=True)
    ]
    return vocal_tract(source, tract) * swell(duration_s, attack_s=0.02, release_s=0.03)


def babble(rng: Rng, duration_s: float, *, base_hz: float, size: float) -> Wave:
    """Syllables without words: hisses and stops, gliding vowels, sentences whose melody sinks."""
    scene = silence(duration_s)
    start_s = rng.uniform(0.02, 0.2)
    while start_s < duration_s - 0.2:
        syllables = int(rng.integers(4, 12))
        for number in range(syllables):
            melody = 1.15 - 0.3 * number / syllables + rng.normal(0, 0.06)
            onset = rng.random()
            if onset < 0.3:  # s, sh, f
                hiss_s = rng.uniform(0.05, 0.11)
                low_hz = rng.uniform(2500, 5500)
                hiss = band(noise(rng, hiss_s), low_hz, low_hz * 1.8) * swell(hiss_s, attack_s=0.02, release_s=0.02)
                place(scene, level(hiss), start_s, level=0.35)
                start_s += hiss_s
            elif onset < 0.6:  # p, t, k
                start_s += rng.uniform(0.03, 0.06)
                burst = band(noise(rng, 0.015) * decay(0.015, 0.004), rng.uniform(700, 3000), 6000, order=1)
                place(scene, level(burst), start_s, level=0.5)
                start_s += 0.015
            vowel_s = rng.uniform(0.08, 0.2) * (1.5 if number == syllables - 1 else 1)
            pitch = (
                base_hz
                * melody
                * curve(vowel_s, [(0, 1.0), (0.4, rng.uniform(1.0, 1.08)), (1, rng.uniform(0.92, 1.0))])
            )
            vowel = _vowel(rng, vowel_s, pitch, int(rng.integers(8)), int(rng.integers(8)), size=size)
            place(scene, level(vowel), start_s, level=rng.uniform(0.6, 1))
            start_s += vowel_s * 0.95
            if start_s > duration_s - 0.2:
                break
        start_s += rng.uniform(0.15, 0.5)
    return scene


@sound("man_talking", "speech", "speech", "a man speaking", "a man talking", "speech")
def man_talking(rng: Rng) -> Wave:
    """Low voice, long throat."""
    return babble(rng, rng.uniform(3.0, 5.0), base_hz=rng.uniform(90, 140), size=rng.uniform(0.93, 1.05))


@sound("woman_talking", "speech", "speech", "a woman speaking", "a woman talking", "speech")
def woman_talking(rng: Rng) -> Wave:
    """Higher voice, shorter throat."""
    return babble(rng, rng.uniform(3.0, 5.0), base_hz=rng.uniform(180, 250), size=rng.uniform(1.1, 1.22))


@sound(
    "crowd_talking",
    "human",
    "crowd talking",
    "a crowd of people talking",
    "many people talking in a hall",
    "babble of voices",
    in_room=False,
)
def crowd_talking(rng: Rng) -> Wave:
    """A dozen voices at once in a hall."""
    duration_s = rng.uniform(3.5, 5.0)
    scene = silence(duration_s)
    voices = [babble(rng, duration_s, base_hz=rng.uniform(90, 240), size=rng.uniform(0.93, 1.2)) for _ in range(5)]
    for voice in voices:
        for _ in range(4):
            shifted = np.roll(voice, int(rng.integers(len(voice))))
            scene += rng.uniform(0.2, 1.0) * shifted
    return room(rng, scene, time_s=1.2, mix=0.9, bright_hz=3500, tail=False)


@sound(
    "crowd_cheering",
    "human",
    "crowd cheering",
    "a crowd cheering",
    "a cheering audience",
    "fans cheering in a stadium",
    in_room=False,
)
def crowd_cheering(rng: Rng) -> Wave:
    """Many long open vowels at different pitches, whistles, a roar that swells."""
    duration_s = rng.uniform(4.0, 5.5)
    scene = silence(duration_s)
    calls = []
    for _ in range(10):
        call_s = rng.uniform(0.8, 2.0)
        f0 = rng.uniform(220, 520)
        pitch = curve(call_s, [(0, f0 * 0.8), (0.2, f0 * 1.1), (0.7, f0), (1, f0 * 0.75)])
        vowel = int(rng.choice([3, 4, 7]))
        calls.append(
            level(
                _vowel(rng, call_s, pitch, vowel, vowel, size=rng.uniform(1.0, 1.2), breath=0.2)
                * swell(call_s, attack_s=0.15, release_s=0.3)
            )
        )
    for start_s in rng.uniform(-0.3, duration_s, 70):
        place(scene, calls[rng.integers(len(calls))], max(0.0, start_s), level=rng.uniform(0.1, 0.8))
    for start_s in events(rng, duration_s, rate_hz=0.6):
        note_s = rng.uniform(0.25, 0.6)
        pitch = curve(note_s, [(0, 1500), (0.4, rng.uniform(2200, 3000)), (1, 1700)])
        place(scene, np.sin(phase(pitch)) * swell(note_s, attack_s=0.05, release_s=0.1), start_s, level=0.5)
    roar = band(coloured(rng, duration_s, exponent=0.6), 400, 3500, order=1)
    mix = level(scene) + 0.8 * level(roar) + 0.3 * level(applauding(rng, duration_s))
    swelling = curve(duration_s, [(0, 0.35), (0.25, 1), (0.8, 0.9), (1, 0.5)])
    return room(rng, mix * swelling, time_s=1.5, mix=0.4, bright_hz=4000, tail=False)


def applauding(rng: Rng, duration_s: float, *, people: int = 40) -> Wave:
    """Many pairs of hands, each at its own pace."""
    scene = silence(duration_s)
    for _ in range(people):
        cup_hz = rng.uniform(700, 2200)
        stroke = band(noise(rng, 0.05) * decay(0.05, rng.uniform(0.003, 0.008)), cup_hz * 0.6, cup_hz * 3, order=1)
        gap_s, distance = rng.uniform(0.18, 0.34), rng.uniform(0.15, 1)
        starts = np.arange(rng.uniform(0, gap_s), duration_s, gap_s)
        train = np.zeros(len(scene))
        np.add.at(
            train,
            np.clip(((starts + rng.normal(0, 0.015, len(starts))) * RATE_HZ).astype(int), 0, len(train) - 1),
            distance,
        )
        scene += convolve(train, stroke)
    return scene


@sound(
    "applause", "human", "applause", "an audience applauding", "applause", "people clapping in a theatre", in_room=False
)
def applause(rng: Rng) -> Wave:
    """A hall clapping."""
    duration_s = rng.uniform(3.5, 5.5)
    claps = applauding(rng, duration_s, people=int(rng.integers(15, 70)))
    swelling = curve(duration_s, [(0, rng.uniform(0.2, 0.9)), (0.25, 1), (0.75, 0.9), (1, rng.uniform(0.3, 0.8))])
    return room(rng, claps * swelling, time_s=1.2, mix=0.5, tail=False)


@sound("whistling", "human", "whistling", "a person whistling", "someone whistling a tune")
def whistling(rng: Rng) -> Wave:
    """A near-pure tone that glides between the notes of a tune, with breath around it."""
    duration_s = rng.uniform(2.5, 4.5)
    count = int(duration_s / rng.uniform(0.22, 0.4))
    pitches = 81 + np.cumsum(rng.choice([-4, -2, -1, 0, 2, 3, 5], count)) % 12
    steps = np.repeat(pitches, len(times(duration_s)) // count + 1)[: len(times(duration_s))].astype(float)
    glide = smooth(steps, 0.045)
    t = times(duration_s)
    f = 440 * 2 ** ((glide + 0.15 * np.sin(2 * np.pi * 5.5 * t) - 69) / 12)
    breath = band(noise(rng, duration_s), 900, 3500, order=1)
    gate = np.repeat(1 - (rng.random(count) < 0.15), len(t) // count + 1)[: len(t)]
    gate = smooth(gate, 0.034)
    return (
        (np.sin(phase(f)) + 0.03 * np.sin(2 * phase(f)) + 0.05 * level(breath))
        * gate
        * swell(duration_s, attack_s=0.05, release_s=0.1)
    )


@sound("referee_whistle", "alerts", "whistle blow", "a whistle being blown", "a referee's whistle")
def referee_whistle(rng: Rng) -> Wave:
    """Two close high tones that a pea makes flutter."""
    scene = silence(rng.uniform(1.2, 2.4))
    start_s = 0.05
    f0 = rng.uniform(2300, 3200)
    while start_s < len(scene) / RATE_HZ - 0.3:
        blow_s = rng.choice([rng.uniform(0.15, 0.25), rng.uniform(0.5, 1.0)])
        t = times(blow_s)
        flutter = np.sin(2 * np.pi * rng.uniform(35, 55) * t)
        f = f0 * (1 + 0.025 * flutter)
        blow = (np.sin(phase(f)) + 0.8 * np.sin(phase(f * 1.06)) + 0.15 * np.sin(2 * phase(f))) * (1 + 0.5 * flutter)
        place(
            scene,
            (blow + 0.1 * band(noise(rng, blow_s), 2000, 8000)) * swell(blow_s, attack_s=0.015, release_s=0.04),
            start_s,
        )
        start_s += blow_s + rng.uniform(0.08, 0.3)
    return scene


@sound("laughing", "human", "laughing", "a person laughing", "laughter")
def laughing(rng: Rng) -> Wave:
    """Ha ha ha: breathy bursts whose pitch sinks."""
    scene = silence(rng.uniform(1.8, 3.0))
    f0, size = (rng.uniform(150, 240), 1.0) if rng.random() < 0.5 else (rng.uniform(280, 420), 1.18)
    start_s, gap_s = 0.1, rng.uniform(0.16, 0.22)
    for run in range(int(rng.integers(1, 4))):
        count = int(rng.integers(4, 8))
        for number in range(count):
            ha_s = gap_s * 0.62
            pitch = f0 * (1.15 - 0.3 * number / count) * curve(ha_s, [(0, 1.1), (1, 0.9)])
            breath = band(noise(rng, 0.06), 600, 4000, order=1) * swell(0.06, attack_s=0.02, release_s=0.03)
            place(scene, level(breath), start_s, level=0.2)
            voice = level(_vowel(rng, ha_s, pitch, 4, 3, size=size, breath=0.12))
            place(scene, voice, start_s + 0.04, level=1.0 - 0.6 * number / count)
            start_s += gap_s
        start_s += rng.uniform(0.2, 0.5) if run < 2 else 0
    return scene


@sound("heartbeat", "human", "heartbeat", "a heart beating", "a heartbeat", in_room=False)
def heartbeat(rng: Rng) -> Wave:
    """Lub-dub."""
    duration_s = rng.uniform(3.5, 5.5)
    scene = silence(duration_s)
    beat_s, f = 60 / rng.uniform(55, 115), rng.uniform(42, 65)
    for start_s in np.arange(0.1, duration_s - 0.3, beat_s):
        for offset_s, ratio, strength in ((0.0, 1.0, 1.0), (min(0.32, beat_s * 0.38), 1.25, 0.7)):
            thump_s = 0.16
            t = times(thump_s)
            thump = (
                np.sin(phase(f * ratio * (1 + 0.6 * np.exp(-t / 0.02))))
                * swell(thump_s, attack_s=0.012, release_s=0.13) ** 2
            )
            place(
                scene,
                thump + 0.3 * band(noise(rng, thump_s), 40, 160) * decay(thump_s, 0.03),
                start_s + offset_s,
                level=strength,
            )
    return scene


@sound("breathing", "human", "breathing", "a person breathing", "heavy breathing")
def breathing(rng: Rng) -> Wave:
    """Noise through the open mouth, in bright, out darker."""
    duration_s = rng.uniform(3.5, 5.0)
    scene = silence(duration_s)
    cycle_s = rng.uniform(1.2, 2.2)
    for start_s in np.arange(0.05, duration_s - 0.4, cycle_s):
        for offset_s, breath_s, low, strength in (
            (0.0, cycle_s * 0.4, 1.3, 0.7),
            (cycle_s * 0.5, cycle_s * 0.42, 0.9, 1.0),
        ):
            air = vocal_tract(
                noise(rng, breath_s),
                [
                    ([(0, 700 * low), (1, 800 * low)], 300, 1.0),
                    ([(0, 1700 * low), (1, 1800 * low)], 500, 0.8),
                    ([(0, 5000), (1, 5000)], 2500, 0.3),
                ],
            )
            place(
                scene,
                air * swell(breath_s, attack_s=breath_s * 0.4, release_s=breath_s * 0.5),
                start_s + offset_s,
                level=strength,
            )
    return scene


@sound("snoring", "human", "snoring", "a person snoring", "someone asleep and snoring")
def snoring(rng: Rng) -> Wave:
    """Rattling breath in, soft breath out."""
    duration_s = 5.0
    scene = silence(duration_s)
    cycle_s = rng.uniform(2.2, 3.0)
    for start_s in np.arange(0.1, duration_s - 1.0, cycle_s):
        snore_s = rng.uniform(0.8, 1.1)
        pitch = curve(snore_s, [(0, 28), (0.5, rng.uniform(38, 55)), (1, 32)])
        rattle = harmonics(
            pitch * (1 + 0.08 * wander(rng, snore_s, rate_hz=40, low=-1, high=1)), 1 / np.arange(1, 60) ** 0.3
        )
        rattle = vocal_tract(
            level(rattle) + 0.3 * noise(rng, snore_s),
            [([(0, 350), (1, 450)], 150, 1.0), ([(0, 1200), (1, 1100)], 250, 0.5), ([(0, 2600), (1, 2600)], 600, 0.2)],
        )
        place(scene, level(rattle * swell(snore_s, attack_s=0.25, release_s=0.2)), start_s)
        out = band(noise(rng, 0.8), 400, 2500, order=1) * swell(0.8, attack_s=0.2, release_s=0.5)
        place(scene, level(out), start_s + snore_s + 0.25, level=0.12)
    return scene


@sound("choir", "instruments", "choir", "a choir singing", "voices singing a chord", in_room=False)
def choir(rng: Rng) -> Wave:
    """Many voices on the vowel ah or oh of a chord."""
    duration_s = rng.uniform(3.0, 4.5)
    scene = silence(duration_s)
    vowel = int(rng.choice([4, 5, 6]))
    root = rng.uniform(110, 150)
    for ratio in (1, 1.5, 2, 2.52, 3):
        for _ in range(3):
            t = times(duration_s)
            vibrato = 1 + 0.007 * np.sin(2 * np.pi * rng.uniform(4.8, 6) * t + rng.uniform(0, 6))
            pitch = root * ratio * rng.normal(1, 0.004) * vibrato
            scene += level(_vowel(rng, duration_s, pitch, vowel, vowel, size=1.0 if ratio < 2 else 1.15)) / ratio**0.3
    return room(rng, scene * swell(duration_s, attack_s=0.4, release_s=0.6), time_s=2.5, mix=0.6, tail=False)
