"""The corpus as training reads it: captions, and waveforms from the cache that `data/corpus/fetch.py` fills."""

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import UsageError

SAMPLING_RATE_HZ = 22_050


@dataclass(frozen=True, slots=True)
class Example:
    """A captioned clip of the corpus.

    Attributes:
        package: The package that it comes from.
        path: Its path inside the package.
        caption: What is heard, as a phrase.
        category: A broad kind.
        concept: The kind of sound; clips of one concept answer each other's captions. A clip without a caption
            has none, and no category either.
    """

    package: str
    path: str
    caption: str
    category: str
    concept: str


def read_examples(path: Path) -> list[Example]:
    """Read a csv with the columns package, path, caption, category and concept.

    Raises:
        UsageError: If the file is missing or lacks a column.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such captions file")
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = {"package", "path", "caption", "category", "concept"} - set(reader.fieldnames or ())
        if missing:
            raise UsageError(f"{path}: no column {', '.join(sorted(missing))}")
        return [
            Example(
                row["package"], row["path"], row["caption"].strip(), row["category"].strip(), row["concept"].strip()
            )
            for row in reader
        ]


def read_places(path: Path) -> list[tuple[str, str]]:
    """Read the package and path columns of a csv.

    Raises:
        UsageError: If the file is missing or lacks a column.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such file")
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = {"package", "path"} - set(reader.fieldnames or ())
        if missing:
            raise UsageError(f"{path}: no column {', '.join(sorted(missing))}")
        return [(row["package"], row["path"]) for row in reader]


class WaveformCache:
    """Waveforms by package and path, from folders of `<package>.npy` (int16) beside `<package>.csv`."""

    def __init__(self, *folders: Path) -> None:
        self.folders = folders
        self._places: dict[str, dict[str, tuple[int, int]]] = {}
        self._samples: dict[str, npt.NDArray[np.int16]] = {}

    def _open(self, package: str) -> None:
        places: dict[str, tuple[int, int]] = {}
        for folder in self.folders:
            table, samples = folder / f"{package}.csv", folder / f"{package}.npy"
            if package in self._samples or not table.is_file() or not samples.is_file():
                continue
            with table.open(newline="", encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    places[row["path"]] = (int(row["offset"]), int(row["n_samples"]))
            self._samples[package] = np.load(samples, mmap_mode="r")
        self._places[package] = places

    def waveform(self, example: Example) -> npt.NDArray[np.float32] | None:
        """Samples of a clip's first seconds, float32 `[n_samples]`, -1 to 1; None if the cache lacks it."""
        if example.package not in self._places:
            self._open(example.package)
        place = self._places[example.package].get(example.path)
        if place is None or place[1] == 0:
            return None
        offset, n_samples = place
        return self._samples[example.package][offset : offset + n_samples].astype(np.float32) / np.float32(32768)

    def holds(self, example: Example) -> bool:
        """Return whether the folders have a clip."""
        if example.package not in self._places:
            self._open(example.package)
        return example.path in self._places[example.package]

    def others(self, listed: Sequence[tuple[str, str]], *, packages: Sequence[str], at_most: int) -> list[Example]:
        """Return the clips that no list names, without caption, category or concept.

        Args:
            listed: Package and path of the clips to leave out.
            packages: Where they may come from.
            at_most: The most clips of a package, chosen by a digest of their paths.
        """
        named = set(listed)
        examples: list[Example] = []
        for package in sorted(packages):
            if package not in self._places:
                self._open(package)
            paths = [path for path in self._places[package] if (package, path) not in named]
            paths.sort(key=lambda path: hashlib.sha256(path.encode()).digest())
            examples += [Example(package, path, "", "", "") for path in sorted(paths[:at_most])]
        return examples
