"""Plucked, struck, blown and bowed instruments playing notes, chords and short phrases."""

from collections.abc import Callable

import numpy as np

from .kinds import sound
from .signals import (
    RATE_HZ,
    Rng,
    Wave,
    at,
    band,
    curve,
    decay,
    harmonics,
    length,
    modes,
    moving,
    noise,
    peak_gain,
    phase,
    place,
    resonances,
    room,
    shape,
    silence,
    smooth,
    swell,
    times,
    wander,
)

_SCALES = ([0, 2, 4, 5, 7, 9, 11, 12], [0, 2, 3, 5, 7, 8, 10, 12], [0, 2, 4, 7, 9, 12, 14, 16])


def pluck(
    rng: Rng, frequency_hz: float, duration_s: float, *, bright: float, sustain: float, position: float = 0.18
) -> Wave:
    """Plucked string after Karplus and Strong (1983): a burst of noise that circles in a damped delay line."""
    period = RATE_HZ / frequency_hz
    size = int(period)
    burst = shape(noise(rng, size / RATE_HZ)[:size], lambda f: 1 / (1 + (f / (800 + 9000 * bright)) ** 2))
    burst = burst - np.roll(burst, max(1, round(position * size)))  # comb of the place where it is plucked
    burst -= burst.mean()
    turns = int(length(duration_s) / size) + 1
    out = np.empty(turns * size)
    loss = 0.5 ** (1 / (sustain * frequency_hz))  # half of the level is lost in `sustain` seconds
    blend = 0.5 * (1 - bright * 0.85)
    for turn in range(turns):
        out[turn * size : (turn + 1) * size] = burst
        burst = loss * ((1 - blend) * burst + blend * np.roll(burst, 1))
    exact = np.interp(np.arange(length(duration_s)) * (size / period), np.arange(len(out)), out)
    return np.asarray(exact * np.minimum(1, times(duration_s) / 0.0008))


def _phrase(
    rng: Rng,
    note: Callable[[float, float], Wave],
    *,
    low: int,
    high: int,
    notes: int,
    beat_s: float,
    ring_s: float,
    chords: float = 0.0,
) -> Wave:
    """Play a few notes of a scale; pitches are MIDI numbers, neighbours mostly near each other."""
    scale = _SCALES[rng.integers(len(_SCALES))]
    root = int(rng.integers(low, max(low + 1, high - 11)))
    step = int(rng.integers(0, 6))
    starts_s, start_s = [], 0.03
    for _ in range(notes):
        starts_s.append(start_s)
        start_s += beat_s * rng.choice([0.5, 1.0, 1.0, 1.0, 1.5])
    scene = silence(start_s + ring_s)
    for begin_s, following_s in zip(starts_s, [*starts_s[1:], start_s], strict=True):
        pitches = [root + scale[step]]
        if rng.random() < chords:
            pitches += [root + scale[(step + 2) % 8], root + scale[(step + 4) % 8]]
        for pitch in pitches:
            f = 440 * 2 ** ((pitch - 69) / 12)
            place(
                scene,
                note(f, following_s - begin_s + ring_s),
                begin_s + rng.uniform(0, 0.008),
                level=rng.uniform(0.75, 1),
            )
        step = int(np.clip(step + rng.choice([-3, -2, -1, 1, 2, 3]), 0, 7))
    return scene


@sound(
    "guitar",
    "instruments",
    "acoustic guitar",
    "an acoustic guitar",
    "a plucked guitar string",
    "someone playing a guitar",
)
def guitar(rng: Rng) -> Wave:
    """Fingered notes with the resonances of the body."""
    bright, sustain = rng.uniform(0.45, 0.8), rng.uniform(0.5, 1.1)
    dry = _phrase(
        rng,
        lambda f, s: pluck(rng, f, s, bright=bright, sustain=sustain),
        low=40,
        high=64,
        notes=int(rng.integers(1, 9)),
        beat_s=rng.uniform(0.25, 0.5),
        ring_s=1.0,
        chords=0.15,
    )
    return resonances(dry, [(105, 40, 0.8), (205, 60, 0.7), (410, 120, 0.4)], floor=0.7)


@sound(
    "guitar_strum", "instruments", "guitar strum", "a guitar strum", "strumming a chord on a guitar", "a guitar chord"
)
def guitar_strum(rng: Rng) -> Wave:
    """Six strings one after another."""
    shapes = (
        [40, 47, 52, 56, 59, 64],
        [45, 52, 57, 61, 64],
        [43, 47, 50, 55, 59, 67],
        [48, 52, 55, 60, 64],
        [45, 52, 57, 60, 64],
    )
    chord = np.array(shapes[rng.integers(len(shapes))]) + rng.integers(0, 5)
    count = int(rng.choice([1, 2, 4]))
    gap_s, bright = rng.uniform(0.4, 0.8), rng.uniform(0.6, 0.9)
    scene = silence(count * gap_s + 1.4)
    for strum in range(count):
        order = chord if strum % 2 == 0 else chord[::-1]
        for number, pitch in enumerate(order):
            string = pluck(rng, 440 * 2 ** ((pitch - 69) / 12), 1.8, bright=bright, sustain=0.8, position=0.12)
            place(scene, string, 0.03 + strum * gap_s + number * rng.uniform(0.008, 0.02), level=rng.uniform(0.7, 1))
    return resonances(scene, [(105, 40, 0.8), (205, 60, 0.7), (410, 120, 0.4)], floor=0.7)


@sound("harp", "instruments", "harp", "a harp", "a harp arpeggio", "harp strings plucked")
def harp(rng: Rng) -> Wave:
    """A glissando or arpeggio that rings on."""
    scale = _SCALES[rng.integers(len(_SCALES))]
    root, gap_s = rng.integers(48, 60), rng.uniform(0.06, 0.2)
    steps = list(range(int(rng.integers(10, 17))))
    steps = steps if rng.random() < 0.6 else steps + steps[-2::-1]
    scene = silence(len(steps) * gap_s + 2.0)
    for number, step in enumerate(steps):
        pitch = root + scale[step % 7] + 12 * (step // 7)
        string = pluck(rng, 440 * 2 ** ((pitch - 69) / 12), 2.5, bright=0.35, sustain=0.7, position=0.45)
        place(scene, string, 0.03 + number * gap_s * rng.uniform(0.95, 1.05), level=rng.uniform(0.7, 1))
    return room(rng, scene, time_s=1.4, mix=0.25, tail=False)


@sound("bass_guitar", "instruments", "bass guitar", "a bass guitar", "a bass guitar riff")
def bass_guitar(rng: Rng) -> Wave:
    """Low plucked strings."""
    bright = rng.uniform(0.25, 0.5)
    dry = _phrase(
        rng,
        lambda f, s: pluck(rng, f, s, bright=bright, sustain=0.9, position=0.2),
        low=28,
        high=42,
        notes=int(rng.integers(3, 9)),
        beat_s=rng.uniform(0.2, 0.4),
        ring_s=0.5,
    )
    return band(dry, 35, 2500, order=1)


@sound("banjo", "instruments", "banjo", "a banjo", "a banjo being picked")
def banjo(rng: Rng) -> Wave:
    """Bright short strings over a drum head, picked quickly."""
    dry = _phrase(
        rng,
        lambda f, s: pluck(rng, f, s, bright=0.95, sustain=0.13, position=0.07),
        low=55,
        high=72,
        notes=int(rng.integers(8, 18)),
        beat_s=rng.uniform(0.13, 0.2),
        ring_s=0.4,
    )
    return resonances(dry, [(350, 250, 0.8), (800, 500, 0.8), (2600, 1500, 0.5)], floor=0.25)


@sound(
    "distorted_guitar",
    "instruments",
    "distorted guitar",
    "a distorted electric guitar",
    "a heavy electric guitar chord",
)
def distorted_guitar(rng: Rng) -> Wave:
    """Power chords driven into clipping."""
    root = rng.integers(40, 48)
    scene = silence(rng.uniform(2.5, 4.0))
    gap_s = rng.uniform(0.35, 0.9)
    for start_s in np.arange(0.03, len(scene) / RATE_HZ - 0.5, gap_s):
        shift = rng.choice([0, 0, 3, 5, 7])
        for interval in (0, 7, 12):
            string = pluck(
                rng, 440 * 2 ** ((root + shift + interval - 69) / 12), gap_s, bright=0.8, sustain=2.0, position=0.1
            )
            place(scene, string * swell(gap_s, attack_s=0.001, release_s=0.02), start_s)
    driven = np.tanh(rng.uniform(6, 18) * band(scene, 80, 4000, order=1))
    return band(driven, 90, 4500, order=2)


@sound("piano", "instruments", "piano", "a piano", "someone playing the piano", "piano notes")
def piano(rng: Rng) -> Wave:
    """Stiff strings: stretched partials, two-stage decay, the knock of the hammer."""

    def note(f: float, s: float) -> Wave:
        s = min(s, 2.5)
        numbers = np.arange(1, 22)
        partials = f * numbers * np.sqrt(1 + 0.0004 * (f / 260) * numbers**2)
        levels = numbers**-0.9 * np.exp(-numbers * f / 3200) * (0.15 + np.abs(np.sin(np.pi * numbers / 8)))
        times_s = 1.6 * (220 / f) ** 0.4 / (1 + 0.25 * numbers)
        body = modes(s, partials, times_s, levels) + modes(s, partials * 1.0006, times_s * 2.2, 0.35 * levels)
        knock = band(noise(rng, 0.05) * decay(0.05, 0.008), 150, 2500, order=1)
        place(body, knock, 0.0, level=0.12)
        return body * swell(s, attack_s=0.002, release_s=0.12)

    return _phrase(
        rng,
        note,
        low=48,
        high=78,
        notes=int(rng.integers(2, 9)),
        beat_s=rng.uniform(0.25, 0.5),
        ring_s=0.9,
        chords=0.35,
    )


def _bars(
    rng: Rng, ratios: list[float], decays_s: list[float], levels: list[float], *, low: int, high: int, hard: float
) -> Wave:
    def note(f: float, s: float) -> Wave:
        stretch = (440 / f) ** 0.5
        bar = modes(s, f * np.array(ratios), np.array(decays_s) * stretch, levels)
        mallet = band(noise(rng, 0.02) * decay(0.02, 0.003), 400, 3000 + 7000 * hard, order=1)
        place(bar, mallet, 0.0, level=0.15 + 0.3 * hard)
        return bar

    return _phrase(
        rng, note, low=low, high=high, notes=int(rng.integers(4, 12)), beat_s=rng.uniform(0.16, 0.32), ring_s=0.6
    )


@sound("xylophone", "instruments", "xylophone", "a xylophone", "wooden bars of a xylophone struck")
def xylophone(rng: Rng) -> Wave:
    """Hard mallets on wood, tuned to the twelfth."""
    return _bars(rng, [1, 3.0, 6.2, 10.1], [0.11, 0.05, 0.025, 0.012], [1, 0.55, 0.35, 0.25], low=72, high=96, hard=0.9)


@sound("marimba", "instruments", "marimba", "a marimba")
def marimba(rng: Rng) -> Wave:
    """Soft mallets on low wood, tuned to the double octave."""
    return _bars(rng, [1, 3.93, 9.6], [0.28, 0.06, 0.02], [1, 0.22, 0.08], low=52, high=76, hard=0.1)


@sound("music_box", "instruments", "music box", "a music box", "a music box playing a tune")
def music_box(rng: Rng) -> Wave:
    """Tiny steel teeth."""
    return _bars(rng, [1, 2.01, 5.9, 10.4], [0.8, 0.4, 0.15, 0.05], [1, 0.2, 0.25, 0.12], low=79, high=100, hard=0.5)


@sound("flute", "instruments", "flute", "a flute", "someone playing the flute", "a flute melody")
def flute(rng: Rng) -> Wave:
    """Few harmonics, breath around them, vibrato that comes late."""

    def note(f: float, s: float) -> Wave:
        t = times(s)
        late = np.clip((t - 0.15) / 0.25, 0, 1)
        vibrato = np.sin(2 * np.pi * rng.uniform(4.6, 5.6) * t)
        pitch = f * (1 + 0.006 * late * vibrato) * (1 - 0.02 * np.exp(-t / 0.02))
        body = harmonics(pitch, [1, 0.45, 0.22, 0.08, 0.04, 0.02]) * (1 + 0.12 * late * vibrato)
        breath = resonances(noise(rng, s), [(f, 60, 0.5), (2 * f, 90, 0.6), (3000, 2500, 0.25)])
        chiff = breath * np.exp(-t / 0.04)
        return (body + 0.12 * breath + 0.5 * chiff) * swell(s, attack_s=0.06, release_s=0.08)

    return _phrase(
        rng, note, low=67, high=86, notes=int(rng.integers(1, 7)), beat_s=rng.uniform(0.35, 0.8), ring_s=0.05
    )


@sound("violin", "instruments", "violin", "a violin", "a bowed string", "someone playing the violin")
def violin(rng: Rng) -> Wave:
    """Sawtooth of stick and slip, bow noise, vibrato, body resonances."""

    def note(f: float, s: float) -> Wave:
        t = times(s)
        vibrato = np.clip((t - 0.1) / 0.3, 0, 1) * np.sin(2 * np.pi * rng.uniform(5, 6.3) * t + rng.uniform(0, 6))
        pitch = f * (1 + 0.008 * vibrato + 0.002 * wander(rng, s, rate_hz=15, low=-1, high=1))
        pitch *= 1 - 0.03 * np.exp(-t / 0.03)
        string = harmonics(pitch, 1 / np.arange(1, 36)) * (1 + 0.12 * vibrato)
        bow = band(noise(rng, s), 1500, 9000, order=1) * (0.03 + 0.12 * np.exp(-t / 0.04))
        return (string + bow) * swell(s, attack_s=rng.uniform(0.05, 0.12), release_s=0.07)

    dry = _phrase(rng, note, low=55, high=82, notes=int(rng.integers(1, 6)), beat_s=rng.uniform(0.4, 1.0), ring_s=0.04)
    body = [(280, 50, 1.0), (460, 70, 1.0), (560, 80, 0.9), (1100, 250, 0.6), (2500, 900, 0.9), (4500, 1500, 0.25)]
    return room(rng, resonances(dry, body, floor=0.12), time_s=1.0, mix=0.2)


@sound("cello", "instruments", "cello", "a cello", "a low bowed string")
def cello(rng: Rng) -> Wave:
    """As the violin, an octave and more lower."""

    def note(f: float, s: float) -> Wave:
        t = times(s)
        vibrato = np.clip((t - 0.15) / 0.4, 0, 1) * np.sin(2 * np.pi * rng.uniform(4.5, 5.5) * t)
        string = harmonics(f * (1 + 0.006 * vibrato) * (1 - 0.03 * np.exp(-t / 0.04)), 1 / np.arange(1, 40) ** 1.05)
        bow = band(noise(rng, s), 800, 5000, order=1) * (0.03 + 0.1 * np.exp(-t / 0.06))
        return (string + bow) * swell(s, attack_s=rng.uniform(0.08, 0.16), release_s=0.1)

    dry = _phrase(rng, note, low=36, high=58, notes=int(rng.integers(1, 5)), beat_s=rng.uniform(0.5, 1.2), ring_s=0.06)
    return room(
        rng,
        resonances(dry, [(110, 30, 1), (200, 50, 1), (420, 150, 0.7), (1500, 900, 0.4)], floor=0.15),
        time_s=1.2,
        mix=0.2,
    )


@sound("organ", "instruments", "church organ", "a church organ", "an organ chord", "a pipe organ")
def organ(rng: Rng) -> Wave:
    """Chords of several ranks in a large church."""
    chord_s = rng.uniform(1.2, 2.4)
    count = int(rng.integers(1, 4))
    scene = silence(count * chord_s + 1.2)
    root = rng.integers(36, 44)
    for number in range(count):
        shift = rng.choice([0, 5, 7, 9, -3]) if number else 0
        for pitch in (0, 12, 19, 24, 28 if rng.random() < 0.6 else 27):
            f = 440 * 2 ** ((root + shift + pitch - 69) / 12)
            n = length(chord_s)
            pipe = np.zeros(n)
            for rank, strength in ((1, 1), (2, 0.7), (3, 0.25), (4, 0.45), (8, 0.2)):
                pipe += strength * harmonics(
                    np.full(n, f * rank * (1 + rng.normal(0, 0.0006))), [1, 0.4, 0.25, 0.12, 0.08]
                )
            place(
                scene,
                pipe * swell(chord_s, attack_s=0.05, release_s=0.06),
                number * chord_s + 0.03,
                level=1 / (1 + pitch / 24),
            )
    return room(rng, scene, time_s=2.5, mix=0.5, bright_hz=4000, tail=False)


@sound("trumpet", "instruments", "trumpet", "a trumpet", "a trumpet fanfare", "brass playing a fanfare")
def trumpet(rng: Rng) -> Wave:
    """Harmonics that open with the breath; notes of one bugle call."""

    def note(f: float, s: float) -> Wave:
        t = times(s)
        pitch = (
            f * (1 - 0.025 * np.exp(-t / 0.025)) * (1 + 0.003 * np.sin(2 * np.pi * 5.2 * t) * np.clip(t - 0.3, 0, 1))
        )
        raw = harmonics(
            pitch, np.array([0.6, 0.9, 1, 1, 0.9, 0.75, 0.6, 0.5, 0.4, 0.3, 0.24, 0.18, 0.14, 0.1, 0.08, 0.06])
        )
        breath = swell(s, attack_s=0.05, release_s=0.08) * (0.8 + 0.2 * np.exp(-t / 0.1))
        opened = moving(raw, lambda sh, fr: 1 / (1 + (fr / (600 + 5000 * at(sh, breath))) ** 3))
        return opened * breath

    call, beat_s = [0, 5, 9, 12, 9, 12, 17], rng.uniform(0.13, 0.3)
    root = rng.integers(58, 64)
    scene = silence(0.1)
    for number in range(int(rng.integers(1, 8))):
        note_s = beat_s * rng.choice([1, 1, 2]) if number else beat_s * 2
        f = 440 * 2 ** ((root + call[(number * int(rng.integers(1, 3))) % 7] - 69) / 12)
        scene = np.concatenate([scene, note(f, note_s * 0.95), silence(note_s * 0.05)])
    return room(rng, scene, time_s=1.2, mix=0.25)


@sound("clarinet", "instruments", "clarinet", "a clarinet")
def clarinet(rng: Rng) -> Wave:
    """Odd harmonics."""

    def note(f: float, s: float) -> Wave:
        levels = [1, 0.04, 0.7, 0.06, 0.5, 0.1, 0.3, 0.12, 0.2, 0.1, 0.12, 0.06, 0.06]
        pitch = f * (1 + 0.0015 * wander(rng, s, rate_hz=6, low=-1, high=1))
        return (harmonics(pitch, levels) + 0.02 * band(noise(rng, s), 1000, 6000)) * swell(
            s, attack_s=0.035, release_s=0.05
        )

    return _phrase(
        rng, note, low=52, high=76, notes=int(rng.integers(3, 9)), beat_s=rng.uniform(0.25, 0.6), ring_s=0.03
    )


@sound("accordion", "instruments", "accordion", "an accordion", "an accordion playing a chord")
def accordion(rng: Rng) -> Wave:
    """Pairs of reeds that beat."""

    def note(f: float, s: float) -> Wave:
        n = length(s)
        levels = 1 / np.arange(1, 22) ** 0.75
        reeds = (
            harmonics(np.full(n, f), levels)
            + harmonics(np.full(n, f * 1.0055), levels)
            + 0.4 * harmonics(np.full(n, f / 2), levels)
        )
        return reeds * swell(s, attack_s=0.05, release_s=0.05)

    dry = _phrase(
        rng, note, low=55, high=76, notes=int(rng.integers(2, 7)), beat_s=rng.uniform(0.3, 0.7), ring_s=0.03, chords=0.6
    )
    return shape(dry, lambda f: (0.3 + peak_gain(f, 900, 900)) / (1 + (f / 5000) ** 2))


@sound("synth", "instruments", "synthesizer", "a synthesizer", "an electronic synthesizer arpeggio", in_room=False)
def synth(rng: Rng) -> Wave:
    """Sawtooth notes through a filter that closes on each."""
    cutoff_hz = rng.uniform(1500, 6000)

    def note(f: float, s: float) -> Wave:
        raw = harmonics(np.full(length(s), f), 1 / np.arange(1, 40)) + harmonics(
            np.full(length(s), f * 1.008), 1 / np.arange(1, 40)
        )
        closing = curve(s, [(0, 1), (0.4, 0.25), (1, 0.1)])
        filtered = moving(raw, lambda sh, fr: 1 / (1 + (fr / (150 + cutoff_hz * at(sh, closing))) ** 4))
        return filtered * decay(s, s * 0.6, attack_s=0.004) * swell(s, attack_s=0.003, release_s=0.02)

    return _phrase(
        rng, note, low=40, high=72, notes=int(rng.integers(8, 17)), beat_s=rng.uniform(0.12, 0.2), ring_s=0.05
    )


@sound("theremin", "instruments", "theremin", "a theremin", "an eerie wavering electronic tone")
def theremin(rng: Rng) -> Wave:
    """A gliding voice-like tone with wide vibrato."""
    duration_s = rng.uniform(3.0, 5.0)
    semitones = curve(duration_s, [(x, float(rng.choice([0, 3, 5, 7, 8, 12, -2]))) for x in np.linspace(0, 1, 6)])
    eased = smooth(semitones, 0.18)
    t = times(duration_s)
    f = rng.uniform(300, 500) * 2 ** ((eased + 0.4 * np.sin(2 * np.pi * rng.uniform(5, 6.5) * t)) / 12)
    voice = np.sin(phase(f)) + 0.35 * np.sin(2 * phase(f)) + 0.12 * np.sin(3 * phase(f))
    return voice * swell(duration_s, attack_s=0.3, release_s=0.4)
