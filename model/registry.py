"""The registry: which families and which named checkpoints there are, ours and those of other packages."""

from __future__ import annotations

import difflib
import functools
import os
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from .checkpoint import CONFIG, Checkpoint
from .errors import CheckpointError
from .family import Family
from .paths import readable_path
from .release import Release

ENTRY_POINTS = "soundgrep.encoders"
"""Group of entry points by which other packages add families; see `soundgrep.model.family`."""

# Imported when they are asked for: a search needs one of them.
_OURS = {"msclap": ".msclap.family:MSClap"}
_ON_THE_HUB = re.compile(r"[A-Za-z0-9_][\w.-]*/[\w.-]+(@[\w.-]+)?")
_N_SUGGESTED = 3


def find_checkpoint(name_or_dir: str | os.PathLike[str]) -> Checkpoint:
    """Find the checkpoint that a name or a folder means, fetching it if it is not on this machine.

    Args:
        name_or_dir: A release's name, a folder, or a repository of the hub, with `@` and a revision if wanted.

    Raises:
        CheckpointError: If there is none, or it cannot be fetched.
    """
    name = os.fspath(name_or_dir)
    folder = Path(name_or_dir).expanduser()
    release = find_release(name) if isinstance(name_or_dir, str) else None
    if release is not None:
        family = _family_of_release(release)
        if release.folder is not None:
            return Checkpoint(release.folder.resolve())
        from .hub import fetch_release  # loads only where something may have to be fetched

        folder = fetch_release(release, family)
    elif not folder.is_dir():
        if not isinstance(name_or_dir, str) or not _ON_THE_HUB.fullmatch(name) or folder.parent.is_dir():
            raise CheckpointError(f"there is no encoder {readable_path(name)!r}{_hint(name)}")
        from .hub import fetch_repository

        folder = fetch_repository(name, family_named)
    return Checkpoint(folder.resolve())


def family_of(checkpoint: Checkpoint) -> Family:
    """Find the family of a checkpoint by what its configuration says.

    Raises:
        CheckpointError: If it has no configuration, or nobody knows its family.
    """
    if checkpoint.first_of((CONFIG,)) is None:
        raise CheckpointError(f"{checkpoint.folder}: not a checkpoint, the file {CONFIG} is missing")
    return family_named(checkpoint.model_type, asked_by=readable_path(checkpoint.folder / CONFIG))


def family_named(name: str, *, asked_by: str) -> Family:
    """Find a family.

    Args:
        name: What `model_type` says.
        asked_by: Who says it, for the message.

    Raises:
        CheckpointError: If nobody knows it, or the package that does cannot be loaded.
    """
    if name in _OURS:
        return _our_family(name)
    theirs = _entry_points().get(name)
    if theirs is None:
        known = ", ".join(repr(one) for one in sorted({*_OURS, *_entry_points()}))
        raise CheckpointError(f"{asked_by}: its model_type is {name!r}, but the families known here are {known}")
    return _their_family(theirs)


def families() -> Iterator[Family | CheckpointError]:
    """Give every family, ours first; in the place of one whose package cannot be loaded, why."""
    for name in _OURS:
        yield _our_family(name)
    for name, entry in _entry_points().items():
        if name not in _OURS:
            try:
                yield _their_family(entry)
            except CheckpointError as error:
                yield error


def find_release(name: str) -> Release | None:
    """Find a checkpoint that is known by name; only if it is none of ours, other packages are asked."""
    ours = (release for family in _OURS for release in _our_family(family).releases)
    found = next((release for release in ours if release.name == name), None)
    if found is None and _entry_points():
        theirs = (release for family in families() if isinstance(family, Family) for release in family.releases)
        found = next((release for release in theirs if release.name == name), None)
    return found


def _family_of_release(release: Release) -> Family:
    return next(one for one in families() if isinstance(one, Family) and release in one.releases)


def _hint(name: str) -> str:
    """What somebody who gave a name that nobody knows may have meant."""
    names = [release.name for family in families() if isinstance(family, Family) for release in family.releases]
    short = {known.rsplit("/", 1)[-1].lower(): known for known in names}
    near = difflib.get_close_matches(name.lower(), [known.lower() for known in names], _N_SUGGESTED)
    near += difflib.get_close_matches(name.rsplit("/", 1)[-1].lower(), list(short), _N_SUGGESTED)
    whole = {known.lower(): known for known in names}
    meant = list(dict.fromkeys(whole.get(one, short.get(one, one)) for one in near))[:_N_SUGGESTED]
    guess = f": did you mean {' or '.join(meant)}?" if meant else ";"
    return f"{guess} `soundgrep models` lists those with a name, or give a checkpoint's folder"


@functools.cache
def _our_family(name: str) -> Family:
    module, _, attribute = _OURS[name].partition(":")
    family: Family = getattr(import_module(module, __package__), attribute)()
    return family


@functools.cache
def _entry_points() -> Mapping[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}


@functools.cache
def _their_family(entry: EntryPoint) -> Family:
    package = entry.dist.name if entry.dist is not None else entry.value
    try:
        family = entry.load()()
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise CheckpointError(
            f"the family {entry.name!r} of the package {package} cannot be loaded ({reason})"
        ) from error
    if not isinstance(family, Family) or family.name != entry.name:
        raise CheckpointError(f"the package {package} gives no family {entry.name!r}, but {type(family).__name__}")
    return family
