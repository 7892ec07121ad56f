"""Archive: a zip of clips' files, or of the stretches of them that answer, written as it is read."""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import os
import time
import zipfile
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Literal

from ...model.audio.archives import split_member
from ...model.audio.clip_files import open_clip
from ...model.audio.stores import is_url
from ...model.errors import AudioError
from ...model.system import is_share
from .items import Item
from .names import Names, common_folders, split_name

if TYPE_CHECKING:
    from typing_extensions import Buffer

What = Literal["files", "wav", "flac"]

LIST_NAME = "hits.csv"
PROBLEMS_NAME = "left out.txt"

_BLOCK_BYTES = 1 << 18
_ZIP64_BYTES = (1 << 31) - 1
_FIRST_DATE, _LAST_DATE = (1980, 1, 1, 0, 0, 0), (2107, 12, 31, 23, 59, 58)  # that a zip archive can tell
_ENTRY_BYTES = 300  # what an archive says of a file, about
_SAMPLE_BYTES, _WIDE_SAMPLE_BYTES = 2, 3
_FLAC_SHARE = 0.6
_WIDE_CODECS = ("pcm_s24", "pcm_s32", "pcm_f", "pcm_s64", "flac", "alac", "wavpack")
_COLUMNS = ("file", "path", "start_s", "end_s", "score")


@dataclass(frozen=True)
class Estimate:
    """What an archive will be.

    Attributes:
        n_files: Sounds in it.
        n_bytes: Its size; of stretches, about.
        missing: The clips whose files are not where they were.
    """

    n_files: int
    n_bytes: int
    missing: tuple[Item, ...]


@dataclass(frozen=True)
class _Entry:
    """A file of the archive."""

    name: str
    item: Item
    start_s: float | None = None
    end_s: float | None = None


def estimate(items: Sequence[Item], what: What) -> Estimate:
    """Tell how large an archive will be, without reading the sounds.

    Args:
        items: The clips.
        what: Their files as they are, or the stretches that answer as "wav" or "flac".
    """
    missing = tuple(item for item in items if not _is_there(item.exact))
    gone = {item.clip_id for item in missing}
    there = [item for item in items if item.clip_id not in gone]
    if what == "files":
        once = {item.clip_id: item for item in there}
        return Estimate(len(once), sum(item.size_bytes + _ENTRY_BYTES for item in once.values()), missing)
    n_bytes = float(sum(len(item.spans) * _ENTRY_BYTES for item in there))
    for item in there:
        wide = item.codec.startswith(_WIDE_CODECS)
        rate = item.sampling_rate_hz * item.n_channels * (_WIDE_SAMPLE_BYTES if wide else _SAMPLE_BYTES)
        n_bytes += sum(span.end_s - span.start_s for span in item.spans) * rate * (_FLAC_SHARE if what == "flac" else 1)
    return Estimate(sum(len(item.spans) for item in there), round(n_bytes), missing)


def archive_of(
    items: Sequence[Item],
    what: What,
    *,
    progress: Callable[[int, int], None] | None = None,
    left_out: Callable[[str], None] | None = None,
) -> Iterator[bytes]:
    """Write a zip archive, piece by piece: no more than a piece of it is ever in memory.

    Files keep their names below the folder that all of them lie in; stretches are named by rank, clip and seconds.
    Names are made safe for every system. `hits.csv` in it says what is what, and `left out.txt`, if there is reason,
    which clips are missing and why.

    Args:
        items: The clips, best first; several hits of one clip put its file in once.
        what: Their files as they are, or the stretches that answer as "wav" or "flac".
        progress: Called with how many clips are done, and of how many.
        left_out: Called with a sentence for each clip that cannot be had.

    Yields:
        The archive's bytes.

    Raises:
        OSError: If the disk for temporary files is full.
    """
    sink, problems, rows = _Sink(), list[str](), list[_Entry]()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:  # sound does not get smaller
        clips = _files(items) if what == "files" else _stretches(items, what)
        for n_done, (item, entries) in enumerate(clips, start=1):
            try:
                with contextlib.closing(_opened(item, entries, what)) as opened:
                    for entry, file in opened:
                        with file:
                            yield from _added(archive, sink, entry.name, file)
                        rows.append(entry)
            except (AudioError, OSError) as error:
                if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                    raise  # of the disk here: no other clip would fare better
                problems.append(_problem(item, error))
                if left_out is not None:
                    left_out(problems[-1])
            if progress is not None:
                progress(n_done, len(clips))
        archive.writestr(_info(LIST_NAME), _listed(rows), zipfile.ZIP_DEFLATED)
        if problems:
            archive.writestr(_info(PROBLEMS_NAME), "\n".join(problems) + "\n", zipfile.ZIP_DEFLATED)
        yield sink.taken()
    yield sink.taken()


class _Sink(io.RawIOBase):
    """Where the archive is written to: only forwards, as to a pipe."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer) -> int:
        self._pieces.append(bytes(data))
        return len(self._pieces[-1])

    def taken(self) -> bytes:
        """Take what was written since."""
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


def _names() -> Names:
    names = Names()
    for name in (LIST_NAME, PROBLEMS_NAME):
        names.unique((), *os.path.splitext(name))  # noqa: PTH122 - of a name
    return names


def _files(items: Sequence[Item]) -> list[tuple[Item, list[_Entry]]]:
    names = _names()
    once = list({item.clip_id: item for item in reversed(items)}.values())[::-1]
    parts = [split_name(item.exact) for item in once]
    n_common = common_folders([folders for folders, _, _ in parts])
    return [
        (item, [_Entry(names.unique(folders[n_common:], stem, suffix), item)])
        for item, (folders, stem, suffix) in zip(once, parts, strict=True)
    ]


def _stretches(items: Sequence[Item], codec: str) -> list[tuple[Item, list[_Entry]]]:
    names, n_digits = _names(), len(str(len(items)))
    planned = []
    for rank, item in enumerate(items, start=1):
        _, stem, _ = split_name(item.exact)
        entries = [
            _Entry(
                names.unique((), f"{rank:0{n_digits}} {stem} {span.start_s:.1f}-{span.end_s:.1f} s", f".{codec}"),
                item,
                span.start_s,
                span.end_s,
            )
            for span in item.spans
        ]
        planned.append((item, entries))
    return planned


def _opened(item: Item, entries: Sequence[_Entry], what: What) -> Generator[tuple[_Entry, BinaryIO], None, None]:
    if what == "files":
        yield entries[0], open_clip(item.file)
        return
    from ...model.audio.cutting import cut  # decoders load only where something is cut

    spans = [(entry.start_s or 0.0, entry.end_s or item.duration_s) for entry in entries]
    yield from zip(entries, cut(item.file, spans, codec=what), strict=True)


def _added(archive: zipfile.ZipFile, sink: _Sink, name: str, file: BinaryIO) -> Iterator[bytes]:
    n_bytes = file.seek(0, os.SEEK_END)
    file.seek(0)
    with archive.open(_info(name), "w", force_zip64=n_bytes > _ZIP64_BYTES) as entry:
        left = n_bytes  # what is appended meanwhile would not fit into what was announced
        while left and (block := file.read(min(_BLOCK_BYTES, left))):
            left -= len(block)
            entry.write(block)
            yield sink.taken()


def _info(name: str) -> zipfile.ZipInfo:
    now = time.localtime()[:6]  # of a clock that may be wrong
    info = zipfile.ZipInfo(name, max(_FIRST_DATE, min(now, _LAST_DATE)))
    info.external_attr = 0o644 << 16
    return info


def _listed(rows: Sequence[_Entry]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for entry in rows:
        hit = entry.item.hit
        start_s, end_s = entry.start_s, entry.end_s
        if start_s is None and hit is not None:
            start_s, end_s = hit.start_s, hit.end_s
        score = "" if hit is None else f"{hit.score:.4f}"
        seconds = ["" if second is None else f"{second:.3f}" for second in (start_s, end_s)]
        writer.writerow([entry.name, entry.item.path, *seconds, score])
    return text.getvalue()


def _problem(item: Item, error: Exception) -> str:
    if isinstance(error, AudioError):
        return str(error)
    reason = getattr(error, "strerror", None) or str(error)
    return f"{item.path}: the file is not to be had ({reason[:1].lower()}{reason[1:]})"


def _is_there(exact: bytes) -> bool:
    """Tell whether a clip's file is where it was; of stores and shares that is not asked."""
    if is_url(exact) or is_share(exact):
        return True
    member = split_member(exact)
    return os.path.exists(exact) or (member is not None and os.path.exists(member[0]))  # noqa: PTH110 - bytes
