"""Building blocks of synthetic sounds: noise, curves, oscillators, filters, echoes.

Every waveform is [n_samples] at `RATE_HZ`, of any level.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

RATE_HZ = 44_100

Wave = npt.NDArray[np.float64]
Rng = np.random.Generator
Response = Callable[[Wave], Wave | npt.NDArray[np.complex128]]
"""Gain of a filter, real or complex, at each of the frequencies [n] in Hz."""


def length(duration_s: float) -> int:
    """Samples in a duration, at least 1."""
    return max(1, round(duration_s * RATE_HZ))


def times(duration_s: float) -> Wave:
    """Time of every sample in seconds."""
    return np.arange(length(duration_s)) / RATE_HZ


def silence(duration_s: float) -> Wave:
    """Nothing, to place sounds in."""
    return np.zeros(length(duration_s))


def noise(rng: Rng, duration_s: float) -> Wave:
    """White noise of unit variance."""
    return rng.standard_normal(length(duration_s))


# Curves


def wander(rng: Rng, duration_s: float, *, rate_hz: float, low: float, high: float) -> Wave:
    """Smooth random curve between two values that turns about `rate_hz` times a second."""
    n_knots = max(2, int(duration_s * rate_hz)) + 3
    knots = rng.uniform(low, high, n_knots)
    position = np.linspace(0.0, n_knots - 2.001, length(duration_s))
    left = position.astype(int)
    share = 0.5 - 0.5 * np.cos(np.pi * (position - left))
    return np.asarray(knots[left] * (1 - share) + knots[left + 1] * share)


def smooth(values: Wave, width_s: float) -> Wave:
    """Moving average of the same length."""
    half = max(1, length(width_s) // 2)
    sums = np.cumsum(np.pad(values, (half + 1, half), mode="edge"))
    return np.asarray((sums[2 * half + 1 :] - sums[: -2 * half - 1]) / (2 * half + 1))


def curve(duration_s: float, points: Sequence[tuple[float, float]]) -> Wave:
    """Broken line through (share of the duration, value) points, rounded off a little."""
    shares, values = zip(*points, strict=True)
    line = np.interp(np.linspace(0, 1, length(duration_s)), shares, values)
    return smooth(line, min(0.02, duration_s / 20))


def decay(duration_s: float, time_s: float, *, attack_s: float = 0.001) -> Wave:
    """Exponential decay with time constant `time_s` after a short attack."""
    t = times(duration_s)
    return np.minimum(1.0, t / max(attack_s, 1e-5)) * np.exp(-t / time_s)


def swell(duration_s: float, *, attack_s: float, release_s: float) -> Wave:
    """Rise, hold, fall: raised-cosine edges on a level of 1."""
    t = times(duration_s)
    rise = np.clip(t / max(attack_s, 1e-4), 0, 1)
    fall = np.clip((duration_s - t) / max(release_s, 1e-4), 0, 1)
    return np.asarray((0.5 - 0.5 * np.cos(np.pi * rise)) * (0.5 - 0.5 * np.cos(np.pi * fall)))


# Oscillators


def phase(frequency_hz: Wave) -> Wave:
    """Running phase in radians of a frequency curve."""
    return np.asarray(2 * np.pi * np.cumsum(frequency_hz) / RATE_HZ)


def tone(frequency_hz: float, duration_s: float) -> Wave:
    """Sine wave."""
    return np.sin(2 * np.pi * frequency_hz * times(duration_s))


def harmonics(frequency_hz: Wave, levels: Sequence[float] | Wave) -> Wave:
    """Harmonic sound along a frequency curve; partials above 95 % of the Nyquist frequency are left out."""
    turn = np.exp(1j * phase(frequency_hz))
    partial = np.ones(len(turn), dtype=np.complex128)
    sound = np.zeros(len(turn))
    top_hz = float(frequency_hz.max())
    for number, strength in enumerate(levels, start=1):
        if number * top_hz > 0.475 * RATE_HZ:
            break
        partial *= turn  # the next power of a unit number is the next harmonic
        offset = 0.7 * number * number  # so that the peaks of the partials do not pile up
        if strength != 0.0:
            sound += strength * (np.cos(offset) * partial.imag + np.sin(offset) * partial.real)
    return sound


def pulses(frequency_hz: Wave, *, rng: Rng | None = None, jitter: float = 0.0) -> Wave:
    """Train of unit impulses along a frequency curve; `jitter` disturbs each period by that share."""
    cycles = np.cumsum(frequency_hz) / RATE_HZ
    if rng is not None and jitter > 0.0:
        count = int(cycles[-1]) + 2
        disturbance = rng.normal(0.0, jitter, count)
        cycles = cycles + np.interp(cycles, np.arange(count), disturbance)
        cycles = np.maximum.accumulate(cycles)
    train = np.zeros(len(cycles))
    train[np.flatnonzero(np.diff(np.floor(cycles), prepend=0.0) > 0)] = 1.0
    return train


def modes(
    duration_s: float,
    frequencies_hz: Sequence[float] | Wave,
    decays_s: Sequence[float] | Wave,
    levels: Sequence[float] | Wave,
) -> Wave:
    """Struck body: a sum of sines that each die away in their own time."""
    t = times(duration_s)
    sound = np.zeros(len(t))
    for number, (frequency_hz, decay_s, level) in enumerate(zip(frequencies_hz, decays_s, levels, strict=True)):
        if frequency_hz < 0.475 * RATE_HZ:
            sound += level * np.exp(-t / decay_s) * np.sin(2 * np.pi * frequency_hz * t + 0.9 * number)
    return sound


# Filters


def shape(sound: Wave, response: Response) -> Wave:
    """Filter without delay by a gain at each frequency."""
    size = 1 << (len(sound) + 2048).bit_length()
    spectrum = np.fft.rfft(sound, size)
    gains = response(np.asarray(np.fft.rfftfreq(size, 1 / RATE_HZ), dtype=np.float64))
    return np.asarray(np.fft.irfft(spectrum * gains, size)[: len(sound)])


def band(sound: Wave, low_hz: float, high_hz: float, *, order: float = 2.0) -> Wave:
    """Keep a band: Butterworth magnitudes of an order at either edge."""
    return shape(sound, lambda f: band_gain(f, low_hz, high_hz, order=order))


def band_gain(f: Wave, low_hz: float, high_hz: float, *, order: float = 2.0) -> Wave:
    """Gain of `band`."""
    f = np.maximum(f, 1e-3)
    gain = 1 / np.sqrt(1 + (f / high_hz) ** (2 * order))
    return gain / np.sqrt(1 + (low_hz / f) ** (2 * order)) if low_hz > 0 else gain


def peak_gain(f: Wave, centre_hz: float | Wave, width_hz: float) -> Wave:
    """Gain of a resonance of unit height; centres [n_frames, 1] give gains [n_frames, n_bins]."""
    f = np.maximum(f, 1.0)
    return np.asarray(1 / np.sqrt(1 + ((f - centre_hz**2 / f) / width_hz) ** 2))


def resonances(sound: Wave, peaks: Sequence[tuple[float, float, float]], *, floor: float = 0.0) -> Wave:
    """Let parallel resonators (centre in Hz, width in Hz, level) ring, over a constant floor."""

    def response(f: Wave) -> npt.NDArray[np.complex128]:
        f = np.maximum(f, 1.0)
        total = np.full(len(f), floor, dtype=np.complex128)
        for centre_hz, width_hz, strength in peaks:  # two-pole band-passes: they ring after a pulse, never before it
            total += strength / (1 + 1j * (f - centre_hz**2 / f) / width_hz)
        return total

    return shape(sound, response)


def moving(sound: Wave, gains: Callable[[Wave, Wave], Wave], *, frame: int = 1024) -> Wave:
    """Filter that changes in time.

    Args:
        sound: What to filter.
        gains: From frame times [n_frames, 1] as shares of the sound and frequencies [1, n_bins] in Hz, gains
            [n_frames, n_bins].
        frame: Samples a frame; frames overlap by three quarters.
    """
    hop = frame // 4
    padded = np.pad(sound, (frame, 2 * frame))
    window = np.hanning(frame + 1)[:-1]
    starts = np.arange(0, len(padded) - frame, hop)
    frames = np.lib.stride_tricks.sliding_window_view(padded, frame)[starts] * window
    shares = np.clip((starts - frame / 2) / max(1, len(sound)), 0, 1)[:, np.newaxis]
    f = np.asarray(np.fft.rfftfreq(frame, 1 / RATE_HZ), dtype=np.float64)[np.newaxis]
    filtered = np.fft.irfft(np.fft.rfft(frames) * gains(shares, f), frame) * window
    out = np.zeros(len(padded))
    for start, piece in zip(starts, filtered, strict=True):
        out[start : start + frame] += piece
    return np.asarray(out[frame : frame + len(sound)] / 1.5)


def at(shares: Wave, values: Wave) -> Wave:
    """Values of a curve at the frame times that `moving` passes, [n_frames, 1]."""
    return np.asarray(values[np.minimum((shares * len(values)).astype(int), len(values) - 1)])


def coloured(rng: Rng, duration_s: float, *, exponent: float, low_hz: float = 20.0) -> Wave:
    """Noise whose power falls with frequency to the power of `exponent` (1 pink, 2 brown), of unit variance."""
    sound = shape(noise(rng, duration_s), lambda f: np.maximum(f, low_hz) ** (-exponent / 2))
    return sound / max(float(sound.std()), 1e-12)


# Arranging


def place(scene: Wave, sound: Wave, start_s: float, *, level: float = 1.0) -> None:
    """Add a sound to a scene at a time; what hangs over the end is cut off."""
    start = round(start_s * RATE_HZ)
    if 0 <= start < len(scene):
        piece = sound[: len(scene) - start]
        scene[start : start + len(piece)] += level * piece


def convolve(sound: Wave, response: Wave) -> Wave:
    """Convolution, cut to the length of the sound."""
    size = 1 << (len(sound) + len(response)).bit_length()
    return np.asarray(np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(response, size), size)[: len(sound)])


def room(rng: Rng, sound: Wave, *, time_s: float, mix: float, bright_hz: float = 5_000.0, tail: bool = True) -> Wave:
    """Add reverberation that dies by 60 dB in `time_s`; with `tail`, the sound is lengthened to let it ring."""
    response = band(noise(rng, time_s) * np.exp(-6.9 * times(time_s) / time_s), 100, bright_hz, order=1)
    response *= mix / max(float(np.sqrt(np.square(response).sum())), 1e-12)
    extended = np.pad(sound, (0, length(time_s * 0.6))) if tail else sound
    return extended + convolve(extended, response)


def events(rng: Rng, duration_s: float, *, rate_hz: float, start_s: float = 0.0) -> Wave:
    """Times in seconds of independent events, `rate_hz` of them a second on average."""
    count = rng.poisson(rate_hz * max(0.0, duration_s - start_s))
    return np.sort(rng.uniform(start_s, duration_s, count))


def level(sound: Wave, *, rms: float = 1.0) -> Wave:
    """Bring a sound to a root mean square."""
    return sound * (rms / max(float(np.sqrt(np.mean(np.square(sound)))), 1e-12))


def unit(sound: Wave) -> Wave:
    """Bring a sound to a peak of 1."""
    return sound / max(float(np.abs(sound).max()), 1e-12)


def passing(sound: Wave, *, speed_m_s: float, distance_m: float, share: float = 0.5) -> Wave:
    """Doppler shift and loudness of a source that drives past, nearest after a share of the sound.

    What would have been sent before the sound began is cut off, so the sound becomes a little shorter.
    """
    t = np.arange(len(sound)) / RATE_HZ
    along_m = (t - t[-1] * share) * speed_m_s
    away_m = np.hypot(along_m, distance_m)
    sent_s = t - (away_m - away_m.min()) / 343.0
    heard = np.interp(sent_s, t, sound) * distance_m / away_m
    return np.asarray(heard[sent_s >= 0])
