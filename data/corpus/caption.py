"""Write captions.csv and held_out.csv from the rules: ``python data/corpus/caption.py CACHE_DIR``.

``rules/<package>.txt`` holds one rule a line, ``pattern | concept [| caption]``. A pattern is searched in the clip's
path in lower case, without its suffix and without a number at its end; the first rule that is found names the clip's
concept, and a concept ``-`` leaves the clip out, as having no rule does. ``concepts.csv`` gives each concept's
category, the caption used where the rule has none, and the more general concepts that its clips answer too (a pistol
shot is a gunshot). Silent and very short clips, the clips of ``dropped.csv``, and those above the limits below are
left out too: a corpus of a thousand pistol shots teaches pistol shots.
"""

import argparse
import csv
import hashlib
import re
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

HERE = Path(__file__).resolve().parent
COLUMNS = ("package", "path", "caption", "category", "concept")
SAMPLING_RATE_HZ = 22_050
MIN_S = 0.08
MIN_PEAK = 0.003
# The most clips of one concept, by category; the last number is for the categories not named.
MAX_PER_PACKAGE = {"drums": 24, "music": 20, "speech": 40}, 45
MAX_PER_CONCEPT = {"drums": 70, "music": 40, "speech": 72}, 140
MAX_RENDERED = {"drums": 3, "instruments": 16}, 3
MAX_HELD_OUT = {"drums": 8, "instruments": 6, "music": 5, "speech": 24}, 10
PHRASES = {
    "chord": "playing a chord",
    "fast melody": "playing a fast melody",
    "low note": "playing a low note",
    "melody": "playing a melody",
    "note": "playing a long note",
}


class Rule(NamedTuple):
    """One line of a rules file; an empty caption means the concept's own."""

    pattern: re.Pattern[str]
    concept: str
    caption: str


class Clip(NamedTuple):
    """One row of captions.csv or held_out.csv."""

    package: str
    path: str
    caption: str
    category: str
    concept: str


def read_rules(file: Path) -> list[Rule]:
    """Read the rules of one package, in their order; a line that starts with # is a comment."""
    rules = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            pattern, concept, *caption = (field.strip() for field in line.split(" | "))
            rules.append(Rule(re.compile(pattern), concept, caption[0] if caption else ""))
    return rules


def comparable(path: str) -> str:
    """Lower a path's case and take its suffix and the number at its end away."""
    stem = re.sub(r"\.(aiff?|flac|mp3|oga|ogg|opus|wav)$", "", "/" + path.lower())
    return re.sub(r"[-_ ]*\d+[a-e]?$", "", stem)


def audible_paths(cache: Path, package: str) -> list[str]:
    """List the cached clips of a package that are neither silent nor shorter than 0.08 s."""
    samples = np.load(cache / f"{package}.npy", mmap_mode="r")
    paths = []
    with (cache / f"{package}.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            offset, n_samples = int(row["offset"]), int(row["n_samples"])
            if n_samples < MIN_S * SAMPLING_RATE_HZ:
                continue
            clip = samples[offset : offset + n_samples].astype(np.int32)
            if int(np.abs(clip).max()) >= MIN_PEAK * 32768:
                paths.append(row["path"])
    return paths


def caption(package: str, paths: Iterable[str], rules: list[Rule], concepts: dict[str, tuple[str, str]]) -> list[Clip]:
    """Caption the clips of a package that a rule knows.

    Raises:
        KeyError: If a rule names a concept that concepts.csv does not hold.
    """
    clips = []
    for path in paths:
        name = comparable(path)
        rule = next((rule for rule in rules if rule.pattern.search(name)), None)
        if rule is not None and rule.concept != "-":
            category, default = concepts[rule.concept]
            clips.append(Clip(package, path, rule.caption or default, category, rule.concept))
    return clips


def limited(clips: Iterable[Clip], limits: tuple[dict[str, int], int], *, by_package: bool) -> list[Clip]:
    """Keep at most so many clips of a concept, chosen by a digest of their paths: always the same ones."""
    counts: Counter[tuple[str, str]] = Counter()
    kept = []
    for clip in sorted(clips, key=lambda clip: hashlib.sha256(f"{clip.package}/{clip.path}".encode()).digest()):
        key = (clip.package if by_package else "", clip.concept)
        counts[key] += 1
        if counts[key] <= limits[0].get(clip.category, limits[1]):
            kept.append(clip)
    return kept


def write(file: Path, clips: Iterable[Clip]) -> None:
    """Write clips in the order of their packages and paths."""
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(sorted(clips))


def with_phrase(clip: Clip) -> Clip:
    """Say what a rendered instrument plays, as its path does: ``Violin/melody 1``."""
    kind = clip.path.rpartition("/")[2].rpartition(" ")[0]
    if clip.category != "instruments" or kind not in PHRASES:
        return clip
    return clip._replace(caption=f"{clip.caption} {PHRASES[kind]}")


def captioned(cache: Path) -> tuple[list[Clip], dict[str, dict[str, str]]]:
    """Caption every package of packages.csv that is in the cache, before any clip is dropped or any limit applied.

    Returns:
        The clips, and the rows of packages.csv by package.
    """
    with (HERE / "concepts.csv").open(newline="", encoding="utf-8") as file:
        concepts = {row["concept"]: (row["category"], row["caption"]) for row in csv.DictReader(file)}
    with (HERE / "packages.csv").open(newline="", encoding="utf-8") as file:
        packages = {row["package"]: row for row in csv.DictReader(file)}
    clips: list[Clip] = []
    for package, row in packages.items():
        if not (cache / f"{package}.csv").exists():
            print(f"{package}: not in the cache", file=sys.stderr)
            continue
        name = package if row["content"] == "audio" else "soundfonts"
        found = caption(package, audible_paths(cache, package), read_rules(HERE / "rules" / f"{name}.txt"), concepts)
        clips += found if name == package else [with_phrase(clip) for clip in found]
    return clips, packages


def main() -> int:
    """Caption every cached package and write both lists."""
    parser = argparse.ArgumentParser(description="Write captions.csv and held_out.csv from the rules.")
    parser.add_argument("cache", type=Path, metavar="CACHE_DIR")
    clips, packages = captioned(parser.parse_args().cache)
    splits = {package: row["split"] for package, row in packages.items()}
    fonts = {package for package, row in packages.items() if row["content"] == "soundfont"}
    with (HERE / "dropped.csv").open(newline="", encoding="utf-8") as file:
        dropped = {(row["package"], row["path"]) for row in csv.DictReader(file)}
    clips = [clip for clip in clips if (clip.package, clip.path) not in dropped]
    train = [clip for clip in clips if splits[clip.package] == "train"]
    rendered = limited((clip for clip in train if clip.package in fonts), MAX_RENDERED, by_package=True)
    train = limited((clip for clip in train if clip.package not in fonts), MAX_PER_PACKAGE, by_package=True)
    train = limited(train, MAX_PER_CONCEPT, by_package=False) + rendered
    held_out = [clip for clip in clips if splits[clip.package] == "held-out"]
    held_out = limited(held_out, MAX_HELD_OUT, by_package=False)
    write(HERE / "captions.csv", train)
    write(HERE / "held_out.csv", held_out)
    for name, part in (("train", train), ("held-out", held_out)):
        counts = Counter(clip.category for clip in part)
        print(f"{name}: {len(part)} clips, {len({clip.concept for clip in part})} concepts, {dict(counts)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
