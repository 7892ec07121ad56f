"""The release: a checkpoint that is known by name, and where its files come from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .traits import Traits


@dataclass(frozen=True)
class HubFile:
    """A file on the hub.

    Attributes:
        repository: Its repository, such as "laion/clap-htsat-unfused".
        path: Its path in there.
        revision: The commit it is taken from; None where it is not known here: the one found at the first fetch is
            written down, and held to.
        sha256: Hash of its bytes, in hexadecimal; None where it is not known here: written down and held to, too.
    """

    repository: str
    path: str
    revision: str | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Release:
    """A checkpoint that is known by name.

    Attributes:
        name: What people ask for.
        licence: Of the weights: an SPDX name, or what its publisher says.
        traits: What it takes and gives, told before it is here; None for one that came with a package.
        n_bytes: What is fetched for it, or what it takes in the package; None where that is not known.
        files: What is fetched for it.
        by_hand: What to do with the files where there is no network, `{folder}` standing for the folder to make.
        folder: Where it is, if it came with a package.
        extra: One of our extras that making a checkpoint of the files needs; None where nothing more is needed. It is
            looked for before anything is fetched.
    """

    name: str
    licence: str
    traits: Traits | None = None
    n_bytes: int | None = None
    files: tuple[HubFile, ...] = ()
    by_hand: str = "copy the repository's files to {folder}"
    folder: Path | None = None
    extra: str | None = None
