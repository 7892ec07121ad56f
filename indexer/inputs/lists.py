"""Lists: tables that name clips, a row each, and say more of them."""

import contextlib
import logging
import os
import posixpath
from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import ModuleType

import numpy as np
import pyarrow as pa

from ...model.audio.archives import split_member
from ...model.audio.clip_files import clip_state
from ...model.audio.clip_state import ClipState
from ...model.audio.stores import is_url, list_objects
from ...model.paths import normal_name, readable_path
from ...model.system import absolute_path
from ...search.store.identity import clip_id_of
from ..report import Failure
from .columns import beside_clip_id
from .files import Findings, FolderWalk, FoundFile
from .shards import look_into_shard
from .spelling import as_spelled, spellings
from .usertable import key_column, read_user_table

# A store is asked for this many objects of one folder one by one before it is asked for them all.
_N_ASKED_SINGLY = 4

_log = logging.getLogger(__name__)


def look_into_list(path: bytes, findings: Findings, walk: FolderWalk) -> None:
    """Take the clips that a list names.

    A path in it is absolute, relative to the list's own folder, or a URL; it may name a member of a tar archive. Where
    one stands in several rows, the last one counts. Names are found in whatever way their letters are composed.

    Args:
        path: The list.
        findings: Takes the clips, their columns, and what is missing.
        walk: Takes files.

    Raises:
        UsageError: If the list cannot be read, or has no column that names clips.
    """
    table = read_user_table(path)
    key = key_column(table, key=None, path=path)
    name = readable_path(path)
    folder = path.rpartition(b"/")[0]
    named = [None if one is None else _found(_place(one, folder=folder)) for one in _exact(table.column(key))]
    places = {one: place for place, one in enumerate(named) if one is not None}
    n_missing = sum(one is None for one in named)
    if n_missing:
        first = named.index(None) + 1
        rows = "1 of its rows names" if n_missing == 1 else f"{n_missing} of its rows name"
        findings.failures.append(Failure(name, f"{rows} no file (the first is row {first})"))
    if len(places) < len(named) - n_missing:
        n_double = len(named) - n_missing - len(places)
        _log.warning("%s: %d of its rows name a file that another one names too; the last one counts", name, n_double)
    respelled = _take(places, findings, walk)
    ids = {one: clip_id_of(respelled.get(one, one)) for one in places}
    findings.lists.setdefault(name, set()).update(ids.values())
    others = table.drop_columns([key]).take(pa.array(np.fromiter(places.values(), np.int64, len(places))))
    if others.num_columns:
        others = others.rename_columns(beside_clip_id(others.column_names))
        findings.columns.append(others.add_column(0, "clip_id", pa.array(list(ids.values()), pa.int64())))


def resolved(text: bytes, *, folder: bytes, flavour: ModuleType = os.path) -> bytes:
    """Return a path in a list as a clip's: absolute, or a URL.

    Args:
        text: The path as the list has it.
        folder: The list's folder, or the URL below which it lies.
        flavour: The system's rules of paths, as `absolute_path` takes them.
    """
    if is_url(text):
        return text
    if is_url(folder) and not flavour.isabs(text):
        return folder + b"/" + posixpath.normpath(text.replace(os.fsencode(flavour.sep), b"/"))
    return absolute_path(flavour.join(os.fsdecode(folder + b"/"), os.fsdecode(text)), flavour=flavour)


def _place(text: bytes, *, folder: bytes) -> bytes:
    """Resolve a path; where none is called so, its backslashes are those of a list that was written on Windows."""
    path = resolved(text, folder=folder)
    if b"\\" in text and not is_url(path) and not _is_there(path):
        slashed = resolved(text.replace(b"\\", b"/"), folder=folder)
        return slashed if _is_there(slashed) else path
    return path


def _is_there(path: bytes) -> bool:
    member = split_member(path)
    return os.path.lexists(path) or (member is not None and os.path.lexists(member[0]))


def _found(path: bytes) -> bytes:
    return path if is_url(path) else as_spelled(path)


def _exact(column: pa.ChunkedArray) -> Iterable[bytes | None]:
    for value in column.to_pylist():
        exact = value.encode() if isinstance(value, str) else value
        yield exact.strip() or None if exact else None


def _take(paths: Iterable[bytes], findings: Findings, walk: FolderWalk) -> dict[bytes, bytes]:
    """Take the files, objects and members of these paths, and report those that are missing.

    Returns:
        The members that have their names in another spelling, by the path that was asked for.
    """
    respelled: dict[bytes, bytes] = {}
    members: defaultdict[bytes, list[bytes]] = defaultdict(list)
    objects: defaultdict[bytes, list[bytes]] = defaultdict(list)
    for path in paths:
        member = split_member(path)
        if member is not None and (is_url(path) or not os.path.lexists(path)):
            members[member[0]].append(path)
        elif is_url(path):
            objects[path.rpartition(b"/")[0]].append(path)
        else:
            try:
                walk.take(path, os.stat(path))  # noqa: PTH116 - bytes
            except (OSError, ValueError) as error:
                _fail(path, error, findings)
    for archive, wanted in members.items():
        inside = Findings()
        look_into_shard(archive, inside)
        spelled = {normal_name(path): path for path in inside.files}
        respelled |= {
            path: spelled[normal_name(path)]
            for path in wanted
            if path not in inside.files and normal_name(path) in spelled
        }
        wanted = [respelled.get(path, path) for path in wanted]
        _take_known(wanted, inside.files, findings)
        findings.unseen.extend(inside.unseen)
        wanted_ids = pa.array([clip_id_of(path) for path in wanted], pa.int64())
        for columns in inside.columns:
            findings.columns.append(columns.filter(_is_in(columns.column("clip_id"), wanted_ids)))
    for folder, wanted in objects.items():
        respelled |= _take_objects(folder, wanted, findings)
    return respelled


def _take_objects(folder: bytes, wanted: list[bytes], findings: Findings) -> dict[bytes, bytes]:
    """Take objects of one folder of a store, and return those that have their names in another spelling."""
    states: dict[bytes, ClipState] = {}
    if len(wanted) > _N_ASKED_SINGLY:
        try:
            states = dict(list_objects(folder))
        except OSError:
            states = {}  # not every store can list: each is asked for by name
    respelled: dict[bytes, bytes] = {}
    for path in wanted:
        try:
            there, state = _object(path, states)
        except OSError as error:
            _fail(path, error, findings)
        else:
            findings.files[there] = FoundFile(there, state.size_bytes, state.mtime_ns)
            if there != path:
                respelled[path] = there
    return respelled


def _object(url: bytes, states: Mapping[bytes, ClipState]) -> tuple[bytes, ClipState]:
    """Return an object in the spelling in which the store has it, and its state.

    Raises:
        OSError: If it is there in none, or the store fails.
    """
    for spelling in spellings(url):
        with contextlib.suppress(FileNotFoundError):
            return spelling, states.get(spelling) or clip_state(spelling)
    raise FileNotFoundError


def _take_known(wanted: Iterable[bytes], there: Mapping[bytes, FoundFile], findings: Findings) -> None:
    for path in wanted:
        if path in there:
            findings.files[path] = there[path]
        else:
            findings.failures.append(Failure(readable_path(path), "there is no such member in the archive"))


def _fail(path: bytes, error: OSError | ValueError, findings: Findings) -> None:
    if isinstance(error, FileNotFoundError | NotADirectoryError | ValueError):
        reason = "there is no such file"
    else:
        findings.unseen.append(path)
        reason = f"cannot be read ({error.strerror or error})"
    findings.failures.append(Failure(readable_path(path), reason))


def _is_in(ids: pa.ChunkedArray, wanted: pa.Array) -> pa.Array:
    return pa.array(np.isin(ids.to_numpy(), wanted.to_numpy()))
