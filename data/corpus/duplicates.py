"""List the copies of recordings in dropped.csv: ``python data/corpus/duplicates.py CACHE_DIR``.

A recording hides in several packages re-encoded, cut, or at another level, so hashes of files miss it. Candidates are
the nearest clips by their average spectrum, which neither a cut nor a level changes much; two candidates are one
recording when their waveforms, band-limited to 2.7 kHz, correlate at some shift. The training copy of a held-out
recording is dropped; of two copies on one side, the later one.
"""

import argparse
import csv
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr
from caption import HERE, SAMPLING_RATE_HZ, Clip, captioned

Floats = npt.NDArray[np.float32]

FACTOR = 4
MAX_SAMPLES = SAMPLING_RATE_HZ // FACTOR * 4
N_FFT = 1 << 16
N_NEIGHBOURS = 24
MIN_CUT_SAMPLES = SAMPLING_RATE_HZ // FACTOR // 2
MIN_CORRELATION = 0.85
MIN_CORRELATION_SAME_PACKAGE = 0.97


def waveforms(cache: Path, clips: list[Clip]) -> list[Floats]:
    """Read the first 4 s of each clip at a quarter of the sampling rate, float32 ``[n_samples]`` of unit energy."""
    package, where, samples = "", {}, np.zeros(0, np.int16)
    found = []
    for clip in clips:
        if clip.package != package:
            package = clip.package
            samples = np.load(cache / f"{package}.npy", mmap_mode="r")
            with (cache / f"{package}.csv").open(newline="", encoding="utf-8") as file:
                where = {row["path"]: (int(row["offset"]), int(row["n_samples"])) for row in csv.DictReader(file)}
        offset, n_samples = where[clip.path]
        full = samples[offset : offset + min(n_samples, MAX_SAMPLES * FACTOR)].astype(np.float32)
        short = soxr.resample(full, SAMPLING_RATE_HZ, SAMPLING_RATE_HZ // FACTOR)
        short -= short.mean()
        found.append(short / (np.linalg.norm(short) + 1e-9))
    return found


def spectra(clips: list[Floats]) -> Floats:
    """Describe clips by their power spectrum in 64 bands, in dB, centred, of unit length: float32 ``[n_clips, 64]``."""
    edges = np.unique(np.geomspace(4, 513, 65).astype(int))
    rows = []
    for clip in clips:
        padded = np.pad(clip, (0, max(0, 1024 - len(clip))))
        frames = np.lib.stride_tricks.sliding_window_view(padded, 1024)[::512]
        power = (np.abs(np.fft.rfft(frames * np.hanning(1024), axis=1)) ** 2).mean(axis=0)
        bands = 10 * np.log10(np.add.reduceat(power, edges[:-1]) + 1e-9)
        bands -= bands.mean()
        rows.append(bands / (np.linalg.norm(bands) + 1e-9))
    return np.stack(rows).astype(np.float32)


def correlation(first: Floats, second: Floats, spectrum: npt.NDArray[np.complex64]) -> float:
    """Compute the largest correlation of two waveforms over all shifts at which half of the shorter one overlaps.

    Args:
        first: float32 ``[n_samples]``.
        second: float32 ``[n_samples]``, of any other length.
        spectrum: The Fourier transform of ``second`` over N_FFT samples.

    Returns:
        The correlation over the samples where both have some, 0 to 1.
    """
    products = np.abs(np.fft.irfft(np.fft.rfft(first, N_FFT) * spectrum.conj(), N_FFT))
    shift = int(np.argmax(products))
    peak = float(products[shift])
    shift -= N_FFT if shift > N_FFT // 2 else 0
    one = first[max(0, shift) : shift + len(second)]
    other = second[max(0, -shift) : max(0, -shift) + len(one)]
    if len(one) < min(len(first), len(second)) / 2:
        return 0.0
    return peak / (float(np.linalg.norm(one)) * float(np.linalg.norm(other)) + 1e-9)


def main() -> int:
    """Compare every captioned clip but speech, raw tones and rendered phrases and write dropped.csv."""
    parser = argparse.ArgumentParser(description="List the copies of recordings in dropped.csv.")
    parser.add_argument("cache", type=Path, metavar="CACHE_DIR")
    cache: Path = parser.parse_args().cache
    clips, packages = captioned(cache)
    clips = [
        clip
        for clip in clips
        if clip.category != "speech"
        and clip.concept != "synthesizer"
        and (packages[clip.package]["content"] == "audio" or clip.category not in {"drums", "instruments"})
    ]
    clips.sort(key=lambda clip: (packages[clip.package]["split"], clip))
    sounds = waveforms(cache, clips)
    described = spectra(sounds)
    transforms = [np.fft.rfft(sound, N_FFT).astype(np.complex64) for sound in sounds]
    dropped: dict[int, str] = {}
    for number in range(1, len(clips)):  # held-out clips come first: the kept copy is always an earlier one
        similarity = described[:number] @ described[number]
        for other in np.argsort(-similarity)[:N_NEIGHBOURS]:
            if other in dropped or similarity[other] < 0.7:
                continue
            n_short, n_long = sorted((len(sounds[number]), len(sounds[other])))
            if n_short < MIN_CUT_SAMPLES and n_short < n_long / 1.5:
                continue  # a click is found in many sounds
            same_package = clips[other].package == clips[number].package
            needed = MIN_CORRELATION_SAME_PACKAGE if same_package else MIN_CORRELATION
            if correlation(sounds[number], sounds[other], transforms[other]) >= needed:
                dropped[number] = f"copy of {clips[other].package}: {clips[other].path} ({clips[other].concept})"
                break
    with (HERE / "dropped.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("package", "path", "reason"))
        writer.writerows(sorted((clips[number].package, clips[number].path, why) for number, why in dropped.items()))
    print(f"{len(dropped)} of {len(clips)} clips are copies")
    return 0


if __name__ == "__main__":
    sys.exit(main())
