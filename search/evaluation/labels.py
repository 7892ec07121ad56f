"""Labels: what sounds may be called, and which is called what, as lists and the csv files of data sets say it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...model.errors import UsageError
from ...model.paths import readable_path, user_path
from .captions import FILE_COLUMNS, normalised
from .listing import ClipNames, LeftOut, read_csv, read_lines

_CSV_SUFFIXES = (".csv", ".tsv")
# ESC-50 has filename and category, UrbanSound8K slice_file_name and class.
_LABEL_COLUMNS = ("label", "category", "class")
_FILE_COLUMNS = (*FILE_COLUMNS, "slice_file_name")


@dataclass(frozen=True)
class Labels:
    """Labels to choose from.

    Attributes:
        source: The file that they come from, as people read it.
        names: The labels as they are written, each once; at least two.
        truth: File name, and the label as a place in `names`, where the file says which sound is called what.
        left_out: Entries that could not be used.
    """

    source: str
    names: tuple[str, ...]
    truth: tuple[tuple[str, int], ...]
    left_out: tuple[LeftOut, ...]

    def texts(self) -> list[str]:
        """Return the labels as words: small letters, and spaces for underscores."""
        return [" ".join(name.replace("_", " ").lower().split()) for name in self.names]

    def truth_of(self, clip_paths: Sequence[str], *, where: str) -> Truth:
        """Find the clips of which the file says what they are.

        Args:
            clip_paths: The clips' paths, as people read them.
            where: What they are of, for the messages.

        Raises:
            UsageError: If the file names files, and none of them is there.
        """
        names = ClipNames(clip_paths)
        of: dict[int, set[int]] = {}
        unknown: dict[str, None] = {}
        unclear: dict[str, None] = {}
        for file, label in self.truth:
            clips = names.find(file)
            if len(clips) == 1:
                of.setdefault(clips[0], set()).add(label)
            else:
                (unclear if clips else unknown)[file] = None
        if self.truth and not of:
            first = next(iter(unknown or unclear))
            raise UsageError(f"{self.source}: none of its files is in {where} (the first is {readable_path(first)!r})")
        left_out = (
            *LeftOut.of(f"file is not in {where}", f"files are not in {where}", [*unknown]),
            *LeftOut.of(
                f"file name fits several clips of {where}", f"file names fit several clips of {where}", [*unclear]
            ),
        )
        return Truth({clip: frozenset(labels) for clip, labels in of.items()}, left_out)


@dataclass(frozen=True)
class Truth:
    """What some clips are.

    Attributes:
        labels: For a clip, as a place among the clips, its labels; one that has several may be called any of them.
        left_out: Files that could not be found.
    """

    labels: dict[int, frozenset[int]] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()


def read_labels(path: str | os.PathLike[str]) -> Labels:
    """Read labels.

    Args:
        path: A text file with a label a line (lines that begin with # are comments), or a csv file with a column of
            labels (`label`, `category` or `class`) and, if it says what is what, one of file names, as ESC-50's and
            UrbanSound8K's have.

    Raises:
        UsageError: If it cannot be read, has no column of labels, or holds fewer than two labels.
    """
    file = user_path(path)
    name = readable_path(file)
    entries, empty = _from_csv(file, name) if file.suffix.lower() in _CSV_SUFFIXES else _from_lines(file)
    return _chosen(name, entries, empty)


def labels_of(texts: Iterable[str], *, source: str) -> Labels:
    """Take labels as somebody typed them; empty ones are passed over, and what is there twice counts once.

    Args:
        texts: The labels.
        source: What messages call them.

    Raises:
        UsageError: If they are fewer than two.
    """
    entries = [(line, None, text.strip()) for line, text in enumerate(texts, start=1) if _is_label(text)]
    return _chosen(source, entries, [])


def _is_label(text: str) -> bool:
    return bool(normalised(text.replace("_", " ")))


def _chosen(name: str, entries: Sequence[tuple[int, str | None, str]], empty: Sequence[str]) -> Labels:
    labels: dict[str, str] = {}
    truth: dict[tuple[str, str], None] = {}
    double: list[str] = []
    for line, sound, label in entries:
        key = normalised(label.replace("_", " "))
        if (sound, key) in truth or (sound is None and key in labels):
            double.append(f"line {line}")
        labels.setdefault(key, label)
        if sound is not None:
            truth[sound, key] = None
    if not labels:
        raise UsageError(f"{name}: holds no labels")
    if len(labels) == 1:
        (only,) = labels.values()
        raise UsageError(
            f"{name}: holds one label, {readable_path(only)!r}, but a choice needs two or more; to find one kind of "
            "sound, use search"
        )
    places = {key: place for place, key in enumerate(labels)}
    left_out = (
        *LeftOut.of("label is empty", "labels are empty", empty),
        *LeftOut.of("label is there twice", "labels are there twice", double),
    )
    return Labels(name, tuple(labels.values()), tuple((sound, places[key]) for sound, key in truth), left_out)


def _from_lines(file: Path) -> tuple[list[tuple[int, str | None, str]], list[str]]:
    return [(line, None, text) for line, text in read_lines(file)], []


def _from_csv(file: Path, name: str) -> tuple[list[tuple[int, str | None, str]], list[str]]:
    columns, rows = read_csv(file)
    labels = next((column for column in _LABEL_COLUMNS if column in columns), None)
    files = next((column for column in _FILE_COLUMNS if column in columns), None)
    if labels is None:
        raise UsageError(
            f"{name}: has the columns {', '.join(columns)}, but labels need one called "
            f"{', '.join(_LABEL_COLUMNS[:-1])} or {_LABEL_COLUMNS[-1]}"
        )
    entries: list[tuple[int, str | None, str]] = []
    empty: list[str] = []
    for row in rows:
        label, sound = row.fields[labels], row.fields[files] if files is not None else None
        if not _is_label(label):
            empty.append(f"line {row.line}")
        elif sound == "":
            raise UsageError(f"{name}: line {row.line} names no file")
        else:
            entries.append((row.line, sound, label))
    return entries, empty
