"""Without a package that not everybody needs: everything else works, and what needs it says how to get it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from soundgrep.model.extras import EXTRAS

from .command import ENVIRONMENT, Finished, ForkServer, soundgrep
from .conftest import Indexed

PYTHON = """
from soundgrep import SoundgrepError
try:
    {}
except SoundgrepError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of processes, and of their children, for which no extra is installed."""
    modules = [module for modules in EXTRAS.values() for module in modules if module not in ("fsspec", "pydantic")]
    blocked = f"import sys\nsys.modules.update(dict.fromkeys({modules}))\n"
    folder = tmp_path_factory.mktemp("bare")
    (folder / "sitecustomize.py").write_text(blocked, encoding="utf-8")
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(paths), "SOUNDGREP_CACHE": str(folder / "cache")}


@pytest.fixture(scope="module")
def bare_soundgrep(bare: dict[str, str]) -> Iterator[Callable[..., Finished]]:
    """The command in that environment."""
    with contextlib.closing(ForkServer(ENVIRONMENT | bare)) as server:
        yield server.finished


def test_a_collection_is_made_and_asked_without_any(
    indexed: Indexed, bare_soundgrep: Callable[..., Finished], tmp_path: Path
) -> None:
    collection = tmp_path / "sounds.soundgrep"
    made = bare_soundgrep("index", indexed.sounds, collection)
    assert made.code in (0, 3), made.err
    assert "Traceback" not in made.err
    assert bare_soundgrep("search", collection, "a whistle").code == 0
    assert bare_soundgrep("map", collection).code == 0


@pytest.mark.parametrize(
    ("extra", "packages", "arguments"),
    [
        ("torch", "torch and transformers", ("convert", "weights.pth", "out")),
        ("torch", "torch and transformers", ("models", "check", "msclap-2022")),
        ("torch", "torch and transformers", ("models", "check", "msclap-2023")),
        ("torch", "torch and transformers", ("models", "check", "laion/clap-htsat-unfused")),
        ("torch", "torch and transformers", ("caption", "sounds.soundgrep")),
        ("s3", "s3fs", ("index", "s3://bucket/sounds", "new.soundgrep")),
        ("ray", "ray", ("index", "sounds", "new.soundgrep", "--engine", "ray")),
        ("map", "umap-learn", ("map", "sounds.soundgrep", "--method", "umap")),
        ("serve", "fastapi and prometheus-client", ("serve", "sounds.soundgrep")),
    ],
)
def test_a_command_says_what_it_needs(
    extra: str,
    packages: str,
    arguments: tuple[str, ...],
    indexed: Indexed,
    bare_soundgrep: Callable[..., Finished],
    tmp_path: Path,
) -> None:
    (tmp_path / "sounds.soundgrep").symlink_to(indexed.collection)
    (tmp_path / "sounds").symlink_to(indexed.sounds)
    said = bare_soundgrep(*arguments, cwd=tmp_path).mistake()
    assert f"needs {packages}, which " in said
    assert f"pip install 'soundgrep[{extra}]'" in said


def test_the_runtime_that_is_asked_for(indexed: Indexed, bare: dict[str, str], tmp_path: Path) -> None:
    asked = bare | {"SOUNDGREP_RUNTIME": "torch"}
    said = soundgrep("index", indexed.sounds, tmp_path / "new.soundgrep", environment=asked).mistake()
    assert said.startswith("SOUNDGREP_RUNTIME=torch needs torch and transformers, which are not installed")


@pytest.mark.parametrize("name", ["MSClapModel", "MSClap2022Config", "ClapCapModel"])
def test_a_name_of_the_library(name: str, bare: dict[str, str]) -> None:
    code = PYTHON.format(f"from soundgrep.model import {name}")
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT | bare, capture_output=True, text=True)
    expected = f"{name} needs torch and transformers, which are not installed: pip install 'soundgrep[torch]'\n"
    assert (done.stdout, done.stderr) == (expected, "")


def test_other_names_of_the_library_need_none(bare: dict[str, str]) -> None:
    code = (
        "import soundgrep.model as m; m.Encoder.from_pretrained('mini').embed_text(['a dog']); m.Captioner; m.Release"
    )
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT | bare, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
