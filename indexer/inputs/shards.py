"""Shards: the clips in a tar archive, and what WebDataset keeps beside them."""

import contextlib
import logging
from collections.abc import Mapping
from typing import BinaryIO

import pyarrow as pa

from ...model.audio.archives import COMPRESSED_SUFFIXES, Member, member_path, read_members
from ...model.audio.clip_files import clip_state, open_in_place
from ...model.audio.clip_state import ClipState
from ...model.documents import json_of, text_of
from ...model.errors import ArchiveError
from ...model.paths import readable_path
from ...search.store.identity import clip_id_of
from ..report import Failure
from .columns import beside_clip_id, column_of
from .exclusions import is_hidden
from .files import HEAD_BYTES, Findings, FoundFile, is_audio_path, is_shared_suffix, is_text

TEXT_COLUMN = "txt"
"""Column for what stands in the .txt beside a clip; a .json gives a column a key."""

_SIDECARS = (b".json", b".txt")
_MAX_SIDECAR_BYTES = 1 << 20

_log = logging.getLogger(__name__)

Rows = dict[bytes, Mapping[str, object]]


def is_shard(path: bytes) -> bool:
    """Return whether a file, by its suffix, is a tar archive."""
    return path.lower().endswith((b".tar", *COMPRESSED_SUFFIXES))


def look_into_shard(archive: bytes, findings: Findings, *, state: ClipState | None = None) -> None:
    """Take the clips in a tar archive, with what its .json and .txt members say of them.

    A member beside a clip has its name up to the suffix, or, as WebDataset has it, up to the first dot.

    Args:
        archive: The archive: a file or a URL.
        findings: Takes the clips, their columns, and what is wrong. An archive that cannot be looked through to its end
            is unseen: nothing of it is gone.
        state: The archive's state, if it is known.
    """
    clips: dict[bytes, Member] = {}
    beside: dict[bytes, dict[str, object]] = {}
    try:
        state = state or clip_state(archive)
        with open_in_place(archive) as file:
            for member in read_members(file):
                _take(member, file, archive, clips=clips, beside=beside, findings=findings)
    except (ArchiveError, OSError) as error:
        reason = str(error) if isinstance(error, ArchiveError) else f"cannot be read ({error.strerror or error})"
        findings.failures.append(Failure(readable_path(archive), reason))
        findings.unseen.append(archive + b"!")
    if state is None:
        return
    rows: Rows = {}
    for name, member in clips.items():
        path = member_path(archive, name)
        span = (member.offset, member.size_bytes)
        findings.files[path] = FoundFile(path, member.size_bytes, state.mtime_ns, span)
        row = {**beside.get(_key(name), {}), **beside.get(_stem(name), {})}
        if row:
            rows[path] = row
    if rows:
        findings.columns.append(_columns(rows))


def _take(
    member: Member,
    file: BinaryIO,
    archive: bytes,
    *,
    clips: dict[bytes, Member],
    beside: dict[bytes, dict[str, object]],
    findings: Findings,
) -> None:
    if is_hidden(member.name, below=b"") and member.problem is None:
        return
    if is_audio_path(member.name) and not _is_written(member, file):
        clips.pop(member.name, None)  # a later member of the same name counts
        if member.problem is None:
            clips[member.name] = member
        else:
            findings.failures.append(Failure(readable_path(member_path(archive, member.name)), member.problem))
    elif member.name.endswith(_SIDECARS) and member.problem is None and member.size_bytes <= _MAX_SIDECAR_BYTES:
        file.seek(member.offset)
        data = file.read(member.size_bytes)
        try:
            beside.setdefault(_stem(member.name), {}).update(_read(member.name, data))
        except ValueError:
            name = readable_path(member_path(archive, member.name))
            _log.warning("%s: is passed over, it is not what its suffix says", name)


def _is_written(member: Member, file: BinaryIO) -> bool:
    if not is_shared_suffix(member.name) or member.problem is not None:
        return False
    file.seek(member.offset)
    return is_text(file.read(min(HEAD_BYTES, member.size_bytes)))


def _read(name: bytes, data: bytes) -> dict[str, object]:
    text = text_of(data)
    if name.endswith(b".txt"):
        return {TEXT_COLUMN: text.strip()}
    values = json_of(text)
    if not isinstance(values, dict):
        return {"json": values}
    return values


def _columns(rows: Rows) -> pa.Table:
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    columns: dict[str, pa.Array] = {"clip_id": pa.array([clip_id_of(path) for path in rows], pa.int64())}
    for name, shown in zip(names, beside_clip_id(names), strict=True):
        with contextlib.suppress(UnicodeEncodeError):  # half a surrogate, which JSON can write, names no column
            name.encode()
            columns[shown.replace("\0", "") or "unnamed"] = column_of([row.get(name) for row in rows.values()])
    return pa.table(columns)


def _stem(name: bytes) -> bytes:
    folder, slash, last = name.rpartition(b"/")
    return folder + slash + last.rpartition(b".")[0]


def _key(name: bytes) -> bytes:
    folder, slash, last = name.rpartition(b"/")
    return folder + slash + last.partition(b".")[0]
