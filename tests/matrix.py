"""The matrix: the package's wheel in new environments, with each Python and the newest and the lowest releases.

`make matrix` builds the wheel, installs it for every Python that pyproject.toml names, once with the newest releases of
what it needs and once with the lowest that it says it can do with, and runs the smoke suite there, away from the
checkout. Pythons come from this machine; one that it lacks is fetched where that is possible, or the table says that
there is none. `--only 3.12` is for one Python. Torch is in no environment: what needs it says so.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# The lowest releases for which a Python has a build: nothing is compiled here.
RELEASES = {"newest": (), "lowest": ("--resolution", "lowest-direct", "--only-binary", ":all:")}
EXTRAS = ("serve",)
INTERPRETER = "Scripts/python.exe" if os.name == "nt" else "bin/python"
LIMIT_S = 1_800


def main() -> int:
    """Try every combination, one after the other, and print the table."""
    parser = argparse.ArgumentParser(description="Install the wheel into new environments, and try it there.")
    parser.add_argument("--only", metavar="3.N", action="append", help="this Python, not all")
    versions = parser.parse_args().only or list(_versions())
    table: list[tuple[str, str, str]] = []
    with tempfile.TemporaryDirectory(prefix="soundgrep-matrix-") as scratch:
        folder = Path(scratch)
        wheel = _built_wheel(folder)
        shutil.copy(ROOT / "tests" / "smoke.py", folder)
        for version in versions:
            python = _python(version, folder)
            for releases in RELEASES:
                outcome = "no such Python here" if python is None else _tried(python, wheel, releases, folder)
                print(f"Python {version}, {releases} releases: {outcome}", flush=True)
                table.append((version, releases, outcome))
    print(f"\n{'Python':8}{'releases':10}outcome")
    for row in table:
        print("{:8}{:10}{}".format(*row))
    return any(outcome.startswith("FAILED") for *_, outcome in table)


def _versions() -> Iterator[str]:
    """Yield the Pythons that the package is for, as its classifiers say."""
    for classifier in PROJECT["classifiers"]:
        version = classifier.removeprefix("Programming Language :: Python :: ")
        if version != classifier and "." in version:
            yield version


def _built_wheel(folder: Path) -> Path:
    """Build the wheel of a copy of what git does not ignore: a build would leave its traces in the checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, os.fsdecode(listed.stdout).split("\0")):
        if not name.startswith(("tests/", "data/")) and (ROOT / name).is_file():
            (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / "source" / name)
    _uv("build", "--quiet", "--wheel", "--out-dir", str(folder), str(folder / "source"))
    (wheel,) = folder.glob("*.whl")
    return wheel


def _python(version: str, folder: Path) -> str | None:
    """Find a Python on the machine, among pyenv's too, or fetch it."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates = [str(path) for path in sorted(pyenv.glob(f"versions/{version}.*/{INTERPRETER}"))]
    for candidate in [version, *candidates]:
        found = _uv("python", "find", "--no-project", "--no-python-downloads", candidate, check=False)
        if found.returncode == 0:
            return found.stdout.strip()
    os.environ["UV_PYTHON_INSTALL_DIR"] = str(folder / "pythons")
    _uv("python", "install", "--quiet", "--no-bin", version, check=False)
    found = _uv("python", "find", "--no-project", "--no-python-downloads", version, check=False)
    return found.stdout.strip() if found.returncode == 0 else None


def _tried(python: str, wheel: Path, releases: str, folder: Path) -> str:
    """Install the wheel into a new environment, run the smoke suite there, and return what came of it."""
    started = time.monotonic()
    environment = folder / "environment"
    interpreter = str(environment / INTERPRETER)
    _uv("venv", "--quiet", "--no-project", "--clear", "--python", python, str(environment))
    extras = [one for extra in EXTRAS for one in PROJECT["optional-dependencies"][extra]]
    # Named here too: the lowest releases are those of what is asked for directly.
    asked = [str(wheel), *PROJECT["dependencies"], *extras]
    installed = _uv("pip", "install", "--quiet", "--python", interpreter, *RELEASES[releases], *asked, check=False)
    if installed.returncode:
        print(installed.stderr)
        return "FAILED install"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        [interpreter, str(folder / "smoke.py")],
        cwd=folder, env=clean, capture_output=True, encoding="utf-8", errors="replace", timeout=LIMIT_S, check=False,
    )  # fmt: skip
    if done.returncode:
        print(done.stdout + done.stderr)
        failed = (line for line in done.stdout.splitlines() if line.startswith("FAILED "))
        return next(failed, "FAILED to start").partition(":")[0]
    return f"ok ({time.monotonic() - started:.0f} s)"


def _uv(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "uv", *arguments], cwd=ROOT.parent, capture_output=True, text=True, check=check
    )


if __name__ == "__main__":
    sys.exit(main())
