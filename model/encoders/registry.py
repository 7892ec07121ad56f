"""The registry: which families and which named checkpoints there are, ours and those of other packages."""

from __future__ import annotations

import difflib
import functools
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from ..errors import CheckpointError
from ..paths import readable_path, user_path
from .checkpoint import CONFIG, Checkpoint
from .family import Family
from .release import Release
from .traits import Traits

ENTRY_POINTS = "soundgrep.encoders"
"""Group of entry points by which other packages add families; see `soundgrep.model.encoders.family`."""

# Imported when they are asked for: a search needs one of them.
_OURS = {
    "msclap": "..msclap.family:MSClap",
    "msclap_2022": "..msclap2022.family:MSClap2022",
    "clap": "..laion.family:LaionClap",
}
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
    folder = user_path(name_or_dir)
    # A folder whose name is a release's is asked for as "./mini".
    is_name = isinstance(name_or_dir, str) and not ({os.sep, "/"} & {*name} and folder.is_dir())
    release = find_release(name) if is_name else None
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

        try:
            folder = fetch_repository(name, family_named)
        except CheckpointError as error:
            meant = _near(name)
            raise CheckpointError(f"{error}; did you mean {' or '.join(meant)}?" if meant else str(error)) from error
    return Checkpoint(folder.resolve())


def kept_checkpoint(name: str) -> Checkpoint | None:
    """Find the checkpoint of a name where nothing may be fetched: with the package, or fetched by somebody before.

    Args:
        name: A release's name or a repository's; that a folder is called so does not matter.

    Returns:
        The checkpoint; None if it is not on this machine.
    """
    release = find_release(name)
    if release is not None and release.folder is not None:
        return Checkpoint(release.folder.resolve())
    if release is None and (not _ON_THE_HUB.fullmatch(name) or ".." in name.split("/")):
        return None
    from .hub import cached_folder, is_whole

    folder = cached_folder(name)
    return Checkpoint(folder.resolve()) if is_whole(folder) else None


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


@dataclass(frozen=True)
class KnownModel:
    """A checkpoint that is known by name, as it is on this machine.

    Attributes:
        release: What is known of it.
        family: Its family's name.
        package: The package that brings it; None for ours.
        traits: What it takes and gives; None where that is not known before it is here.
        n_bytes: What is fetched for it, or what it takes here.
        folder: Where it is; None if it is not on this machine.
    """

    release: Release
    family: str
    package: str | None
    traits: Traits | None
    n_bytes: int | None
    folder: Path | None

    def to_json(self) -> dict[str, object]:
        """Give it as plain values that JSON can hold."""
        return {
            "name": self.release.name,
            "family": self.family,
            "package": self.package,
            "embedding_dim": None if self.traits is None else self.traits.embedding_dim,
            "segment_s": None if self.traits is None else self.traits.segment_s,
            "sampling_rate_hz": None if self.traits is None else self.traits.sampling_rate_hz,
            "n_bytes": self.n_bytes,
            "licence": self.release.licence,
            "folder": None if self.folder is None else readable_path(self.folder),
        }


def known_models() -> list[KnownModel]:
    """List the checkpoints that are known by name, ours first, then those of other packages."""
    found = [one for one in families() if isinstance(one, Family)]
    return [_known(release, family) for family in found for release in family.releases]


def _known(release: Release, family: Family) -> KnownModel:
    from .hub import cached_folder, is_whole

    folder = release.folder or cached_folder(release.name)
    is_here = is_whole(folder)
    return KnownModel(
        release=release,
        family=family.name,
        package=None if family.name in _OURS else _package(_entry_points()[family.name]),
        traits=release.traits or (family.traits(Checkpoint(folder)) if is_here else None),
        n_bytes=sum(path.stat().st_size for path in folder.iterdir()) if release.folder else release.n_bytes,
        folder=folder.resolve() if is_here else None,
    )


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.value


def _family_of_release(release: Release) -> Family:
    return next(one for one in families() if isinstance(one, Family) and release in one.releases)


def _hint(name: str) -> str:
    """What to do for somebody who gave a name that nobody knows."""
    meant = _near(name)
    guess = f": did you mean {' or '.join(meant)}?" if meant else ";"
    return f"{guess} `soundgrep models` lists those with a name, or give a checkpoint's folder"


def _near(name: str) -> list[str]:
    """The names that are most like another, with or without who publishes them."""
    names = [release.name for family in families() if isinstance(family, Family) for release in family.releases]
    known = {whole.lower(): whole for whole in names} | {whole.rsplit("/", 1)[-1].lower(): whole for whole in names}
    asked = (name.lower(), name.rsplit("/", 1)[-1].lower())
    near = [one for form in asked for one in difflib.get_close_matches(form, list(known), _N_SUGGESTED)]
    return list(dict.fromkeys(known[one] for one in near))[:_N_SUGGESTED]


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
    package = _package(entry)
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
