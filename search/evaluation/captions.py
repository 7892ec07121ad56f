"""Captions: which texts describe which files, as our own csv, Clotho's or AudioCaps' say it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ...model.errors import UsageError
from ...model.paths import readable_path, user_path
from .listing import ClipNames, CsvRow, LeftOut, read_csv

FILE_COLUMNS = ("file", "file_name", "filename", "path")
_CLOTHO = re.compile(r"caption_[0-9]+")
_AUDIOCAPS = frozenset({"youtube_id", "start_time", "caption"})
_AUDIOCAPS_S = 10


@dataclass(frozen=True)
class Caption:
    """A text that describes a clip.

    Attributes:
        text: As it is written.
        clip: Number of the clip among those that were looked for.
        category: What kind of sound it is; None if nobody says.
    """

    text: str
    clip: int
    category: str | None


@dataclass(frozen=True)
class Captions:
    """The captions of a file that can be used.

    Attributes:
        captions: One for each text and clip.
        left_out: What could not be used.
    """

    captions: tuple[Caption, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True)
class _Entry:
    """What a listing says of one file: what it calls it, the names it may have, the line, and its texts."""

    shown: str
    names: tuple[str, ...]
    line: int
    texts: tuple[str, ...]
    category: str | None


def read_captions(path: str | os.PathLike[str], clip_paths: Sequence[str], *, where: str) -> Captions:
    """Read captions and find the clips that they are about.

    Args:
        path: A csv file: ours (`file`, `caption`, and `category` if wanted), Clotho's (`file_name`, `caption_1` ...) or
            AudioCaps' (`audiocap_id`, `youtube_id`, `start_time`, `caption`), told apart by their columns.
        clip_paths: The clips' paths, as people read them.
        where: What the clips are of, for the messages.

    Returns:
        The captions, their clips as places in `clip_paths`.

    Raises:
        UsageError: If the file cannot be read, lacks columns, or none of its files is there.
    """
    file = user_path(path)
    name = readable_path(file)
    columns, rows = read_csv(file)
    entries = _entries(name, columns, rows)
    names = ClipNames(clip_paths)
    found: list[Caption] = []
    unknown: dict[str, None] = {}
    unclear: dict[str, None] = {}
    empty: list[str] = []
    double: list[str] = []
    seen: set[tuple[int, str]] = set()
    for entry in entries:
        # The first name that anything has; several names are for one file under different customs.
        clips = next(filter(None, map(names.find, entry.names)), [])
        if len(clips) != 1:
            (unclear if clips else unknown)[entry.shown] = None
            continue
        for text in entry.texts:
            key = (clips[0], normalised(text))
            if not key[1]:
                empty.append(f"line {entry.line}")
            elif key in seen:
                double.append(f"line {entry.line}")
            else:
                seen.add(key)
                found.append(Caption(text, clips[0], entry.category))
    if not found:
        raise UsageError(_nothing_found(name, where, [*unknown], [*unclear], empty))
    left_out = (
        *LeftOut.of(f"file is not in {where}", f"files are not in {where}", [*unknown]),
        *LeftOut.of(f"file name fits several clips of {where}", f"file names fit several clips of {where}", [*unclear]),
        *LeftOut.of("caption is empty", "captions are empty", empty),
        *LeftOut.of("caption is there twice", "captions are there twice", double),
    )
    return Captions(tuple(found), left_out)


def normalised(text: str) -> str:
    """Bring a caption to the form in which two of them are the same: small letters, single spaces, no full stop."""
    return " ".join(text.casefold().split()).rstrip(".!, ")


def _entries(name: str, columns: Sequence[str], rows: Sequence[CsvRow]) -> list[_Entry]:
    if set(columns) >= _AUDIOCAPS:
        return _audiocaps(rows)
    file_column = next((column for column in FILE_COLUMNS if column in columns), None)
    texts = ["caption"] if "caption" in columns else [column for column in columns if _CLOTHO.fullmatch(column)]
    if file_column is None or not texts:
        raise UsageError(
            f"{name}: has the columns {', '.join(columns)}, but captions need file,caption[,category], or Clotho's "
            "file_name,caption_1,..., or AudioCaps' audiocap_id,youtube_id,start_time,caption"
        )
    nameless = next((row.line for row in rows if not row.fields[file_column]), None)
    if nameless is not None:
        raise UsageError(f"{name}: line {nameless} names no file")
    return [
        _Entry(
            row.fields[file_column],
            (row.fields[file_column],),
            row.line,
            tuple(row.fields[column] for column in texts),
            row.fields.get("category") or None,
        )
        for row in rows
    ]


def _audiocaps(rows: Sequence[CsvRow]) -> list[_Entry]:
    """Name AudioCaps' clips as the scripts do that download them; the data set itself has no files."""
    ids: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        clip = (row.fields["youtube_id"], row.fields["start_time"])
        ids.setdefault(clip, []).append(row.fields.get("audiocap_id", ""))
    return [
        _Entry(
            row.fields["youtube_id"],
            (*_audiocaps_names(*clip), *filter(None, ids[clip])),
            row.line,
            (row.fields["caption"],),
            row.fields.get("category") or None,
        )
        for row in rows
        for clip in [(row.fields["youtube_id"], row.fields["start_time"])]
    ]


def _audiocaps_names(youtube_id: str, start_time: str) -> list[str]:
    names = [youtube_id]
    try:
        start_s = float(start_time)
    except ValueError:
        start_s = None
    if start_s is not None and start_s.is_integer():
        start, end = int(start_s), int(start_s) + _AUDIOCAPS_S
        spans = [f"{start}", f"{start}_{end}", f"{1000 * start}_{1000 * end}", f"{1000 * start}"]
        spans += [f"{start:.3f}_{end:.3f}", f"{start:.1f}_{end:.1f}"]
        # The longer names first: one video may have several clips, and the bare id may be that of the whole video.
        names = [*(f"{youtube_id}_{span}" for span in spans), youtube_id]
    return [name for stem in names for name in (f"Y{stem}", stem)]


def _nothing_found(name: str, where: str, unknown: Sequence[str], unclear: Sequence[str], empty: Sequence[str]) -> str:
    if unknown:
        return f"{name}: none of its files is in {where} (the first is {readable_path(os.fsencode(unknown[0]))!r})"
    if unclear:
        return f"{name}: its file names fit several clips of {where} (the first is {unclear[0]!r})"
    return f"{name}: all its captions are empty" if empty else f"{name}: holds no captions"
