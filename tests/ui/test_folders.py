"""Folders that a path may go on with."""

from __future__ import annotations

from pathlib import Path

import pytest

from soundgrep.model.errors import UsageError
from soundgrep.ui.browser.folders import chosen_folder, completions


def test_a_path_goes_on_with_the_folders_that_are_there(tmp_path: Path) -> None:
    for name in ("Birds", "bells", "rain", ".hidden", "new\nline"):
        (tmp_path / name).mkdir()
    (tmp_path / "bark.wav").touch()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    here = f"{tmp_path}/"
    assert completions(here) == [f"{here}bells/", f"{here}Birds/", f"{here}rain/"]
    assert completions(f"{here}b") == [f"{here}bells/", f"{here}Birds/"]
    assert completions(f"{here}.h") == [f"{here}.hidden/"]
    assert completions(here, most=1) == [f"{here}bells/"]
    assert completions(f"{here}none/") == completions("relative") == completions("\0") == []


def test_a_folder_is_chosen_or_the_reason_is_said(tmp_path: Path) -> None:
    assert chosen_folder(f" {tmp_path}/ ") == tmp_path
    (tmp_path / "file").touch()
    for typed, reason in (
        ("", "choose a folder"),
        ("Sounds", "write the whole path"),
        (f"{tmp_path}/none", "there is no such folder"),
        (f"{tmp_path}/file", "is not a folder"),
    ):
        with pytest.raises(UsageError, match=reason):
            chosen_folder(typed)
