"""Folders: how a path that somebody is typing may go on."""

from __future__ import annotations

import os
from pathlib import Path

from ...model.errors import UsageError
from ...model.paths import readable_path, user_path

MOST = 24


def completions(typed: str, *, most: int = MOST) -> list[str]:
    """List the folders that a path may become, as paths that end in a slash.

    Args:
        typed: A path as far as it is typed; `~` is the home folder. After a slash, the folders in there; otherwise
            those beside that begin like it, whatever their case. Hidden ones are shown once their dot is typed.
        most: How many to list at most.
    """
    text = os.path.expanduser(typed.strip() or "~/")  # noqa: PTH111 - keeps the slash at the end
    folder, begun = os.path.split(text)
    if not os.path.isabs(text):  # noqa: PTH117
        return []
    found: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") and not begun.startswith("."):
                    continue
                if not entry.name.casefold().startswith(begun.casefold()) or readable_path(entry.name) != entry.name:
                    continue
                if _is_folder(entry):
                    found.append(entry.name)
    except (OSError, ValueError):
        return []
    found.sort(key=lambda name: (name.casefold(), name))
    return [os.path.join(folder, name, "") for name in found[:most]]  # noqa: PTH118 - ends in a slash


def chosen_folder(typed: str) -> Path:
    """Return the folder that was typed.

    Raises:
        UsageError: If it is none, or cannot be opened.
    """
    if not typed.strip():
        raise UsageError("choose a folder of sounds first")
    folder = user_path(typed.strip())
    name = readable_path(folder)
    if not folder.is_absolute():
        raise UsageError(f"{name}: write the whole path, from / or ~ on")
    try:
        if not folder.is_dir():
            raise UsageError(f"{name}: {'is not a folder' if folder.exists() else 'there is no such folder'}")
        os.scandir(folder).close()
    except OSError as error:
        raise UsageError(f"{name}: cannot be opened ({error.strerror})") from error
    except ValueError as error:
        raise UsageError(f"{name}: is not a path ({error})") from error
    return folder


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
