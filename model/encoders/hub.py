"""The hub: checkpoints fetched once from huggingface.co, pinned, and held to what came the first time."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..atomic import write_atomically
from ..cache import cache_folder
from ..documents import json_of
from ..errors import CheckpointError
from ..extras import need_extra
from ..paths import readable_path
from ..reachable import is_reachable
from .checkpoint import CONFIG, Checkpoint
from .family import Family
from .release import HubFile, Release

_RECORDS = "fetched.json"


def fetch_release(release: Release, family: Family) -> Path:
    """Give the folder of a named checkpoint, fetched and assembled at the first call.

    Raises:
        MissingPackageError: If a package that its files are read with is not installed.
        CheckpointError: If the hub cannot be reached and its local cache lacks a file, or a file is not the one it
            should be.
    """
    folder = cached_folder(release.name)
    if is_whole(folder):
        return folder
    if release.extra is not None:
        need_extra(release.extra, wanted_by=f"making a checkpoint of {release.name} from its original files")
    by_hand = release.by_hand.format(folder=readable_path(folder))
    files = {file.path: _fetched(file, wanted_by=release.name, by_hand=by_hand) for file in release.files}
    return _put(folder, files, family)


def fetch_repository(name: str, family_named: Callable[..., Family]) -> Path:
    """Give the folder of a checkpoint in a repository of the hub that is on no list, fetched at the first call.

    Args:
        name: The repository, with `@` and a revision if wanted.
        family_named: Finds a family by what `model_type` says.

    Raises:
        CheckpointError: If there is no such repository, it cannot be reached, or nobody knows its family.
    """
    folder = cached_folder(name)
    if is_whole(folder):
        return folder
    repository, _, revision = name.partition("@")
    by_hand = f"copy the repository's files to {readable_path(folder)}"
    config = _fetched(HubFile(repository, CONFIG, revision or None), wanted_by=name, by_hand=by_hand)
    # All of one commit, though the branch may move meanwhile.
    commit = _commit(config, CONFIG)
    family = family_named(Checkpoint(config.parent).model_type, asked_by=f"{name} on the hub")
    files = {CONFIG: config}
    for names in family.needs:
        for one in names:
            path = files.get(one) or _fetched_if_there(
                HubFile(repository, one, commit), wanted_by=name, by_hand=by_hand
            )
            if path is not None:
                files[one] = path
                break
    return _put(folder, files, family)


def cached_folder(name: str) -> Path:
    """Where the checkpoint of a name is kept, whether it is there or not."""
    return cache_folder() / name


def is_whole(folder: Path) -> bool:
    """Tell whether a checkpoint is kept in a folder: links whose files somebody cleared away are none."""
    return (folder / CONFIG).is_file() and all(path.exists() for path in folder.iterdir())


def _put(folder: Path, files: Mapping[str, Path], family: Family) -> Path:
    """Assemble a checkpoint and move it to its place, whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        family.assemble(files, partial / "checkpoint")
        family.files(Checkpoint(partial / "checkpoint"))
        if not is_whole(folder):
            shutil.rmtree(folder, ignore_errors=True)
            with contextlib.suppress(OSError):  # another process was faster
                (partial / "checkpoint").replace(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _fetched_if_there(file: HubFile, *, wanted_by: str, by_hand: str) -> Path | None:
    from huggingface_hub.errors import RemoteEntryNotFoundError

    try:
        return _fetched(file, wanted_by=wanted_by, by_hand=by_hand)
    except CheckpointError as error:
        if isinstance(error.__cause__, RemoteEntryNotFoundError):
            return None
        raise


def _fetched(file: HubFile, *, wanted_by: str, by_hand: str) -> Path:
    """Fetch a file, or find it in the hub's own cache; it is the one that came the first time, or refused."""
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RemoteEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    record = _records().get(_key(file), {})
    pinned = replace(file, revision=file.revision or record.get("commit"), sha256=file.sha256 or record.get("sha256"))
    try:
        with _without_retries_told():
            # The hub's client tries a network that is not there again and again, for half a minute.
            absent = not _is_offline() and not is_reachable(constants.ENDPOINT)
            path = Path(
                hf_hub_download(pinned.repository, pinned.path, revision=pinned.revision, local_files_only=absent)
            )
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise CheckpointError(f"{wanted_by}: there is no repository {file.repository} on the hub") from error
    except RevisionNotFoundError as error:
        raise CheckpointError(f"{wanted_by}: {file.repository} has no revision {pinned.revision}") from error
    except RemoteEntryNotFoundError as error:
        raise CheckpointError(f"{wanted_by}: {file.repository} on the hub has no file {file.path}") from error
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, HfHubHTTPError, OSError) as error:
        why = "HF_HUB_OFFLINE is set" if _is_offline() else "the hub cannot be reached"
        raise CheckpointError(
            f"{wanted_by}: is not on this machine, and {why}; fetch {file.path} of {file.repository} where there is a "
            f"network, then: {by_hand}"
        ) from error
    sha256 = _sha256(path)
    if pinned.sha256 not in (None, sha256):
        raise CheckpointError(
            f"{wanted_by}: {path} is not the file it should be: its SHA-256 is {sha256[:12]}..., not "
            f"{(pinned.sha256 or '')[:12]}...; remove it, and fetch it again"
        )
    if not record:
        _record(file, {"commit": _commit(path, file.path), "sha256": sha256})
    return path


@contextlib.contextmanager
def _without_retries_told() -> Iterator[None]:
    """Keep the hub's client from logging every attempt: what came of them is told once, in a sentence."""
    log = logging.getLogger("huggingface_hub")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def _is_offline() -> bool:
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


def _commit(path: Path, name: str) -> str:
    """The commit that a file of the hub's cache is of: `.../snapshots/COMMIT/NAME`."""
    return path.parents[len(Path(name).parts) - 1].name


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _key(file: HubFile) -> str:
    return f"{file.repository}/{file.path}@{file.revision or ''}"


def _records() -> dict[str, dict[str, Any]]:
    """What came at the first fetch, by file."""
    try:
        content = json_of((cache_folder() / _RECORDS).read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{cache_folder() / _RECORDS}: the digests of what was fetched cannot be read ({error})"
        ) from error
    return content if isinstance(content, dict) else {}


def _record(file: HubFile, facts: dict[str, str]) -> None:
    path = cache_folder() / _RECORDS
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps({**_records(), _key(file): facts}, indent=1).encode())
