"""Sirens, alarms, horns, bells, telephones, test tones."""

import numpy as np

from .kinds import sound
from .signals import (
    RATE_HZ,
    Rng,
    Wave,
    band,
    coloured,
    decay,
    harmonics,
    length,
    level,
    modes,
    noise,
    passing,
    phase,
    place,
    resonances,
    room,
    silence,
    smooth,
    swell,
    times,
    tone,
    wander,
)

# Partials of a tuned church bell relative to its strike note: hum, prime, tierce, quint, nominal and above.
_BELL = np.array([0.5, 1.0, 1.183, 1.506, 2.0, 2.514, 2.662, 3.011, 4.166, 5.433])


def _street(rng: Rng, siren: Wave) -> Wave:
    """Put a siren on a street: horn-like resonance, now and then passing by, with echoes."""
    siren = resonances(siren, [(900, 900, 1.0), (2400, 1600, 0.6)], floor=0.1)
    if rng.random() < 0.4:
        siren = passing(
            siren, speed_m_s=rng.uniform(10, 22), distance_m=rng.uniform(12, 30), share=rng.uniform(0.3, 0.7)
        )
    return room(rng, siren, time_s=rng.uniform(0.5, 1.4), mix=rng.uniform(0.1, 0.35), tail=False)


@sound(
    "siren_wail", "alerts", "police siren", "a police siren wailing", "a police car with its siren on", in_room=False
)
def siren_wail(rng: Rng) -> Wave:
    """Slow sweep up and down."""
    duration_s = rng.uniform(4.5, 6.0)
    period_s = rng.uniform(2.5, 4.5)
    position = (times(duration_s) / period_s + rng.random()) % 1
    rise = rng.uniform(0.35, 0.6)
    height = np.where(position < rise, 1 - np.exp(-3 * position / rise), np.exp(-3 * (position - rise) / (1 - rise)))
    low_hz = rng.uniform(450, 650)
    frequency_hz = low_hz + height * rng.uniform(600, 950)
    return _street(rng, harmonics(frequency_hz, 1 / np.arange(1, 14) ** rng.uniform(0.8, 1.4)))


@sound("siren_yelp", "alerts", "police siren", "a police siren yelping", "a fast police siren", in_room=False)
def siren_yelp(rng: Rng) -> Wave:
    """Fast sweep, three to four a second."""
    duration_s = rng.uniform(3.0, 5.0)
    position = (times(duration_s) * rng.uniform(2.8, 4.2) + rng.random()) % 1
    height = np.where(position < 0.6, position / 0.6, (1 - position) / 0.4)
    frequency_hz = rng.uniform(500, 700) + height * rng.uniform(700, 1000)
    return _street(rng, harmonics(frequency_hz, 1 / np.arange(1, 14) ** rng.uniform(0.8, 1.4)))


@sound(
    "siren_hi_lo", "alerts", "siren", "an ambulance siren", "a two-tone siren of an emergency vehicle", in_room=False
)
def siren_hi_lo(rng: Rng) -> Wave:
    """Two tones in turn."""
    duration_s = rng.uniform(4.0, 6.0)
    half_s = rng.uniform(0.45, 0.8)
    low_hz = rng.uniform(420, 520)
    high = ((times(duration_s) / half_s + rng.uniform(0, 2)) % 2) < 1
    steps = np.where(high, low_hz * rng.choice([4 / 3, 1.335, 1.26, 1.5]), low_hz)
    frequency_hz = smooth(steps, 0.014)
    return _street(rng, harmonics(frequency_hz, 1 / np.arange(1, 18) ** rng.uniform(0.5, 1.0)))


@sound("air_raid_siren", "alerts", "siren", "an air raid siren", "a siren rising and falling slowly", in_room=False)
def air_raid_siren(rng: Rng) -> Wave:
    """A rotor that spins up and down; two rows of ports a minor third apart."""
    duration_s = 6.0
    height = 0.5 - 0.5 * np.cos(2 * np.pi * times(duration_s) / rng.uniform(5, 7) + rng.uniform(-0.4, 0.4))
    frequency_hz = 200 + rng.uniform(200, 320) * height
    levels = 1 / np.arange(1, 16) ** 0.9
    both = harmonics(frequency_hz, levels) + 0.8 * harmonics(frequency_hz * 1.2, levels)
    return room(rng, both * (0.3 + 0.7 * height), time_s=2.0, mix=0.5, bright_hz=3000, tail=False)


def _beeps(
    rng: Rng,
    frequency_hz: float,
    *,
    on_s: float,
    off_s: float,
    group: int,
    pause_s: float,
    duration_s: float,
    square: float,
) -> Wave:
    scene = silence(duration_s)
    beep = harmonics(np.full(length(on_s), frequency_hz), [1, 0, square, 0, square * 0.6, 0, square * 0.4])
    beep *= swell(on_s, attack_s=0.003, release_s=0.004)
    start_s = rng.uniform(0.0, 0.2)
    while start_s < duration_s:
        for number in range(group):
            place(scene, beep, start_s + number * (on_s + off_s))
        start_s += group * (on_s + off_s) + pause_s
    return scene


@sound("alarm_clock", "alerts", "alarm clock", "an alarm clock beeping", "a digital alarm clock")
def alarm_clock(rng: Rng) -> Wave:
    """Groups of four quick beeps."""
    on_s = rng.uniform(0.05, 0.09)
    return _beeps(
        rng,
        rng.uniform(1800, 3200),
        on_s=on_s,
        off_s=on_s * rng.uniform(0.7, 1.1),
        group=int(rng.choice([2, 3, 4])),
        pause_s=rng.uniform(0.25, 0.5),
        duration_s=rng.uniform(2.5, 4.5),
        square=rng.uniform(0.15, 0.4),
    )


@sound("smoke_alarm", "alerts", "alarm", "a smoke alarm beeping", "a fire alarm", "a piercing alarm")
def smoke_alarm(rng: Rng) -> Wave:
    """Three long piercing beeps, a pause."""
    return _beeps(
        rng,
        rng.uniform(2900, 3500),
        on_s=rng.uniform(0.3, 0.5),
        off_s=rng.uniform(0.15, 0.4),
        group=3,
        pause_s=rng.uniform(0.5, 1.0),
        duration_s=rng.uniform(4.0, 5.5),
        square=rng.uniform(0.05, 0.3),
    )


@sound("buzzer", "alerts", "error sound", "a buzzer", "a harsh buzzing error sound")
def buzzer(rng: Rng) -> Wave:
    """Low raw square wave."""
    scene = silence(rng.uniform(1.0, 2.5))
    on_s = rng.uniform(0.3, 0.9)
    f = rng.uniform(90, 180) * (1 + 0.003 * wander(rng, on_s, rate_hz=30, low=-1, high=1))
    levels = np.where(np.arange(1, 60) % 2, 1 / np.arange(1, 60) ** 0.7, 0.3 / np.arange(1, 60))
    buzz = harmonics(f, levels) * swell(on_s, attack_s=0.004, release_s=0.01)
    for start_s in np.arange(0.05, len(scene) / RATE_HZ - on_s * 0.7, on_s * rng.uniform(1.2, 1.8)):
        place(scene, buzz, start_s)
    return scene


@sound("car_horn", "vehicles", "car horn", "a car horn honking", "a car honking", "someone blowing a car horn")
def car_horn(rng: Rng) -> Wave:
    """Two brassy notes a third apart."""
    low_hz = rng.uniform(330, 440)
    scene = silence(rng.uniform(1.5, 3.5))
    start_s = rng.uniform(0.02, 0.2)
    levels = np.array([0.5, 0.8, 1, 0.95, 0.8, 0.7, 0.5, 0.42, 0.35, 0.26, 0.2, 0.16, 0.12, 0.1, 0.08])
    third = rng.choice([1.2, 1.25, 1.26])
    while start_s < len(scene) / RATE_HZ - 0.25:
        honk_s = rng.choice([rng.uniform(0.15, 0.3), rng.uniform(0.5, 1.3)])
        bend = 1 - 0.03 * np.exp(-times(honk_s) / 0.02)
        honk = harmonics(low_hz * bend, levels) + harmonics(low_hz * third * bend, levels)
        place(scene, honk * swell(honk_s, attack_s=0.012, release_s=0.03), start_s)
        start_s += honk_s + rng.uniform(0.08, 0.35)
    return resonances(scene, [(2200, 1500, 1.0)], floor=0.4)


@sound("ship_horn", "vehicles", "ship horn", "a ship's horn", "a foghorn", in_room=False)
def ship_horn(rng: Rng) -> Wave:
    """Very low reed with a slow start and a long echo."""
    duration_s = rng.uniform(3.0, 5.0)
    blast_s = duration_s * rng.uniform(0.5, 0.7)
    f = rng.uniform(75, 150) * (1 - 0.05 * np.exp(-times(blast_s) / 0.1))
    blast = harmonics(f, 1 / np.arange(1, 70) ** rng.uniform(0.8, 1.1)) * swell(blast_s, attack_s=0.15, release_s=0.2)
    scene = silence(duration_s)
    place(scene, blast + 0.05 * noise(rng, blast_s) * swell(blast_s, attack_s=0.2, release_s=0.2), 0.1)
    return room(rng, band(scene, 50, 2500, order=1), time_s=2.5, mix=0.5, bright_hz=1500, tail=False)


def _bell(rng: Rng, strike_hz: float, *, ring_s: float, duration_s: float, bright: float) -> Wave:
    """One stroke of a church bell, every partial split a little so that it beats."""
    sound_ = np.zeros(length(duration_s))
    for number, ratio in enumerate(_BELL):
        f = strike_hz * ratio * (1 + rng.normal(0, 0.002))
        split = rng.uniform(0.3, 1.5)
        partial = modes(duration_s, [f, f + split], [ring_s / ratio**0.9] * 2, [1.0, 0.4])
        sound_ += partial * (0.7 if number == 0 else 1.0) / (1 + number) ** (1.2 - bright)
    clang = band(noise(rng, 0.08) * decay(0.08, 0.012), strike_hz * 3, strike_hz * 14, order=1)
    place(sound_, clang, 0.0, level=0.5)
    return sound_


@sound("church_bell", "alerts", "church bell", "a church bell tolling", "a large bell ringing", in_room=False)
def church_bell(rng: Rng) -> Wave:
    """Slow strokes that ring on."""
    duration_s = rng.uniform(4.5, 6.0)
    scene = silence(duration_s)
    strike_hz, interval_s = rng.uniform(220, 480), rng.uniform(1.4, 2.6)
    for start_s in np.arange(rng.uniform(0.02, 0.3), duration_s - 0.5, interval_s):
        stroke = _bell(
            rng, strike_hz, ring_s=rng.uniform(1.8, 3.2), duration_s=duration_s, bright=rng.uniform(0.3, 0.6)
        )
        place(scene, stroke, start_s, level=rng.uniform(0.8, 1))
    return room(rng, scene, time_s=1.5, mix=0.2, tail=False)


@sound("hand_bell", "alerts", "bell", "a small bell ringing", "a hand bell", "a bell ringing")
def hand_bell(rng: Rng) -> Wave:
    """High clear strokes, to and fro."""
    duration_s = rng.uniform(2.5, 4.5)
    scene = silence(duration_s)
    f = rng.uniform(1100, 2400)
    gap_s = rng.uniform(0.16, 0.4)
    for number, start_s in enumerate(np.arange(0.03, duration_s * 0.75, gap_s)):
        stroke = modes(
            1.6, [f, f * 1.003, f * 2.74, f * 5.2, f * 8.1], [0.6, 0.55, 0.3, 0.12, 0.05], [1, 0.5, 0.6, 0.35, 0.2]
        )
        place(scene, stroke, start_s + rng.normal(0, 0.008), level=(1.0 if number % 2 else 0.75) * rng.uniform(0.85, 1))
    return scene


@sound("bicycle_bell", "alerts", "bicycle bell", "a bicycle bell ringing", "the ring of a bicycle bell")
def bicycle_bell(rng: Rng) -> Wave:
    """A ratchet that strikes a small dome a dozen times within a quarter of a second, once or twice."""
    duration_s = rng.uniform(1.6, 2.8)
    scene = silence(duration_s)
    f = rng.uniform(2000, 3000)
    ring = modes(1.5, [f, f * 1.004, f * 2.35, f * 3.9, f * 5.6], [0.45, 0.4, 0.22, 0.1, 0.05], [1, 0.6, 0.7, 0.5, 0.3])
    for pull_s in (0.05, rng.uniform(0.5, 0.8), *([rng.uniform(1.1, 1.3)] if rng.random() < 0.4 else [])):
        rate_hz = rng.uniform(35, 50)
        for number in range(rng.integers(7, 13)):
            place(scene, ring, pull_s + number / rate_hz + rng.normal(0, 0.002), level=rng.uniform(0.4, 1))
    return scene


@sound("doorbell", "alerts", "doorbell", "a doorbell", "a ding-dong doorbell", "someone ringing the doorbell")
def doorbell(rng: Rng) -> Wave:
    """Ding, dong: two struck bars a major third apart."""
    duration_s = rng.uniform(2.4, 3.5)
    scene = silence(duration_s)
    high_hz = rng.uniform(580, 800)
    gap_s = rng.uniform(0.45, 0.75)
    for f, start_s in ((high_hz, 0.05), (high_hz / 1.26, 0.05 + gap_s)):
        bar = modes(2.4, [f, f * 2.0, f * 2.76, f * 5.4], [0.75, 0.3, 0.25, 0.06], [1, 0.15, 0.3, 0.12])
        place(scene, bar, start_s)
        place(scene, band(noise(rng, 0.02) * decay(0.02, 0.004), 800, 6000), start_s, level=0.2)
    return scene


@sound(
    "telephone_bell", "alerts", "telephone ringing", "an old telephone ringing", "a telephone with a mechanical bell"
)
def telephone_bell(rng: Rng) -> Wave:
    """Two gongs struck in turn, twenty-odd times a second, for two seconds."""
    duration_s = rng.uniform(3.0, 5.0)
    scene = silence(duration_s)
    low_hz = rng.uniform(1000, 1500)
    gongs = [
        modes(0.9, [f, f * 2.6, f * 4.4, f * 6.3], [0.25, 0.18, 0.1, 0.05], [1, 0.8, 0.5, 0.3])
        for f in (low_hz, low_hz * 1.22)
    ]
    rate_hz, on_s = rng.uniform(18, 26), rng.uniform(1.0, 1.8)
    for burst_s in np.arange(0.05, duration_s, on_s + rng.uniform(0.6, 1.5)):
        for number, start_s in enumerate(np.arange(0, on_s, 1 / rate_hz)):
            place(scene, gongs[number % 2], burst_s + start_s + rng.normal(0, 0.001), level=rng.uniform(0.8, 1))
    return scene


@sound("telephone_trill", "alerts", "telephone ringing", "an electronic telephone ringing", "an office phone ringing")
def telephone_trill(rng: Rng) -> Wave:
    """Warbling between two tones."""
    duration_s = rng.uniform(2.5, 4.5)
    t = times(duration_s)
    low_hz = rng.uniform(700, 1300)
    switching = (t * rng.uniform(12, 22)) % 1 < 0.5
    f = np.where(switching, low_hz, low_hz * rng.uniform(1.2, 1.35))
    on_s, off_s = rng.uniform(0.8, 1.4), rng.uniform(0.6, 1.2)
    gate = ((t % (on_s + off_s)) < on_s).astype(float)
    gate = smooth(gate, 0.005)
    return harmonics(f, [1, 0.1, 0.5, 0.05, 0.25, 0.0, 0.1]) * gate


@sound("dial_tone", "alerts", "dial tone", "a telephone dial tone", "the dial tone of a telephone", in_room=False)
def dial_tone(rng: Rng) -> Wave:
    """350 and 440 Hz, or 425 Hz alone, down a telephone line; sometimes dialling after it."""
    duration_s = rng.uniform(2.5, 4.5)
    hum = tone(425, duration_s) if rng.random() < 0.3 else tone(350, duration_s) + tone(440, duration_s)
    return band(hum, 250, 3500) + 0.01 * noise(rng, duration_s)


@sound(
    "touch_tones",
    "alerts",
    "phone dialing",
    "someone dialing a phone number",
    "touch tones of a telephone",
    in_room=False,
)
def touch_tones(rng: Rng) -> Wave:
    """A number in dual tones."""
    rows, columns = [697, 770, 852, 941], [1209, 1336, 1477]
    key_s, gap_s = rng.uniform(0.1, 0.25), rng.uniform(0.05, 0.2)
    keys = rng.integers(5, 11)
    scene = silence(keys * (key_s + gap_s) + 0.2)
    for number in range(keys):
        key = (tone(rng.choice(rows), key_s) + tone(rng.choice(columns), key_s)) * swell(
            key_s, attack_s=0.003, release_s=0.003
        )
        place(scene, key, 0.1 + number * (key_s + gap_s) + rng.normal(0, 0.01))
    return scene


@sound("modem", "alerts", "modem", "a dial-up modem connecting", "a fax machine or modem", in_room=False)
def modem(rng: Rng) -> Wave:
    """Answer tone, warbling handshake, then scrambled noise in the telephone band."""
    parts = [tone(2100, rng.uniform(0.7, 1.2))]
    for _ in range(rng.integers(2, 4)):
        warble_s = rng.uniform(0.25, 0.5)
        bits = np.repeat(rng.integers(0, 2, length(warble_s) // 147 + 1), 147)[: length(warble_s)]
        parts.append(np.sin(phase(np.where(bits > 0, rng.choice([1270.0, 2225.0]), rng.choice([1070.0, 2025.0])))))
    parts.append(tone(1200, 0.3) + 0.8 * tone(2250, 0.3))
    scramble_s = rng.uniform(1.4, 2.4)
    symbols = np.repeat(rng.integers(0, 4, length(scramble_s) // 18 + 1), 18)[: length(scramble_s)]
    parts.append(1.4 * np.sin(2 * np.pi * 1800 * times(scramble_s) + symbols * np.pi / 2))
    return (
        band(np.concatenate(parts), 300, 3400, order=4)
        + 0.01 * coloured(rng, sum(map(len, parts)) / RATE_HZ, exponent=0)[: sum(map(len, parts))]
    )


@sound("morse", "alerts", "morse code", "morse code beeps", "a telegraph sending morse code", in_room=False)
def morse(rng: Rng) -> Wave:
    """Dots and dashes of one pitch."""
    dot_s, f = rng.uniform(0.05, 0.09), rng.uniform(500, 900)
    scene = silence(rng.uniform(2.5, 4.5))
    start_s = 0.1
    while start_s < len(scene) / RATE_HZ:
        for _ in range(rng.integers(1, 5)):
            on_s = dot_s * rng.choice([1, 3])
            place(scene, tone(f, on_s) * swell(on_s, attack_s=0.004, release_s=0.004), start_s)
            start_s += on_s + dot_s
        start_s += 2 * dot_s
    return scene + rng.uniform(0, 0.05) * band(noise(rng, len(scene) / RATE_HZ), 300, 3000)


@sound("sonar", "alerts", "sonar", "a sonar ping", "the ping of a submarine's sonar", in_room=False)
def sonar(rng: Rng) -> Wave:
    """A pure ping under water and its long echo."""
    duration_s = rng.uniform(3.0, 5.0)
    scene = silence(duration_s)
    f = rng.uniform(750, 1500)
    for start_s in np.arange(0.1, duration_s - 0.5, rng.uniform(1.6, 2.6)):
        place(scene, tone(f, 1.2) * decay(1.2, rng.uniform(0.12, 0.3), attack_s=0.01), start_s)
    deep = band(coloured(rng, duration_s, exponent=1.5), 40, 300)
    return room(rng, scene, time_s=2.5, mix=0.6, bright_hz=3000, tail=False) + 0.03 * level(deep)


@sound("sine_tone", "alerts", "sine tone", "a pure tone", "a steady sine wave", "a test tone", in_room=False)
def sine_tone(rng: Rng) -> Wave:
    """One frequency."""
    duration_s = rng.uniform(1.5, 3.0)
    return tone(200 * 10 ** rng.uniform(0, 1.2), duration_s) * swell(duration_s, attack_s=0.02, release_s=0.02)


@sound("sweep", "alerts", "frequency sweep", "a tone sweeping upward", "a rising sine sweep", in_room=False)
def sweep(rng: Rng) -> Wave:
    """A sine that climbs over many octaves."""
    duration_s = rng.uniform(2.0, 4.0)
    f = np.geomspace(rng.uniform(50, 200), rng.uniform(6000, 14000), length(duration_s))
    return np.sin(phase(f)) * swell(duration_s, attack_s=0.02, release_s=0.02)


@sound("white_noise", "machines", "white noise", "white noise", "a steady hiss", "static noise", in_room=False)
def white_noise(rng: Rng) -> Wave:
    """All frequencies alike."""
    return noise(rng, rng.uniform(1.5, 3.0))


@sound("pink_noise", "machines", "pink noise", "pink noise", "a soft steady rushing noise", in_room=False)
def pink_noise(rng: Rng) -> Wave:
    """All octaves alike."""
    return coloured(rng, rng.uniform(1.5, 3.0), exponent=1.0)
