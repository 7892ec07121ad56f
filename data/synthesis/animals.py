"""Beasts: dogs, cats, cattle, horses, wolves."""

import numpy as np

from .kinds import sound
from .signals import RATE_HZ, Rng, Wave, band, curve, decay, level, noise, place, room, silence, swell, times, tone
from .throats import Formant, throat, vocal_tract


@sound("dog", "animals", "dog barking", "a dog barking", "a dog", "barking of a dog")
def dog(rng: Rng) -> Wave:
    """Barks: a rough burst, pitch up and down, mouth opening and closing."""
    scene = silence(rng.uniform(1.8, 3.5))
    f0, size = rng.uniform(320, 620), rng.uniform(0.8, 1.25)
    start_s = 0.05
    while start_s < len(scene) / RATE_HZ - 0.3:
        bark_s = rng.uniform(0.13, 0.22)
        pitch = curve(bark_s, [(0, f0 * 0.75), (0.3, f0 * 1.2), (0.6, f0), (1, f0 * 0.5)])
        bark = throat(rng, pitch, rough=0.06, breath=0.3, tilt=0.7)
        mouth: list[Formant] = [
            ([(0, 500 * size), (0.35, 1050 * size), (1, 550 * size)], 160, 1.0),
            ([(0, 1100 * size), (0.35, 1900 * size), (1, 1200 * size)], 260, 0.7),
            ([(0, 2900 * size), (1, 2800 * size)], 600, 0.25),
        ]
        bark = vocal_tract(bark, mouth, floor=0.003) * swell(bark_s, attack_s=0.012, release_s=0.09)
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
        mouth: list[Formant] = [
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
    mouth: list[Formant] = [
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
        mouth: list[Formant] = [
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
