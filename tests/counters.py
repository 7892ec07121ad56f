"""What a reader has to open: files that a command enters, lines, circles, long functions. `python -m tests.counters`.

The bounds in `test_package.py` hold these figures where they are.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[1]
FLOORS = ("model", "search", "indexer", "ui")
BUILDERS = ("building", "buckets", "calibration", "truth")  # of an index
SOUNDS = ("kitchen/glass_breaking.ogg", "weather/wind.ogg")
_NEW_SCOPE = 0x02  # of functions and what is written like them; bodies of modules and classes have it not


def sources() -> list[Path]:
    """The package's files, without the recipe of `model/training`."""
    paths = [path for floor in FLOORS for path in sorted((ROOT / floor).rglob("*.py"))]
    return [path for path in [ROOT / "__init__.py", *paths] if "training" not in path.parts]


def entered(call: Callable[[], object]) -> list[str]:
    """The package's files whose functions run while something is called, in the order of their first time.

    Importing a file is not entering it. Threads of this process count, other processes do not.
    """
    files: dict[str, None] = {}
    names: dict[str, str | None] = {}
    importing = threading.local()

    def note(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if code.co_name == "<module>":
            importing.depth = getattr(importing, "depth", 0) + {"call": 1, "return": -1}.get(event, 0)
        elif event == "call" and code.co_flags & _NEW_SCOPE and not getattr(importing, "depth", 0):
            path = code.co_filename
            if path not in names:
                inside = os.path.relpath(os.path.realpath(path), ROOT).replace(os.sep, "/")
                names[path] = inside if inside.startswith(tuple(f"{floor}/" for floor in FLOORS)) else None
            if names[path] is not None:
                files[str(names[path])] = None

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
    return list(files)


def files_of_command(*arguments: str) -> tuple[list[str], list[str]]:
    """The files that a command enters, in a process of its own, and the modules of the package that it loads."""
    done = subprocess.run(
        [sys.executable, __file__, *arguments],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT.parent), "OMP_NUM_THREADS": "1"},
    )
    files, modules = json.loads(done.stdout)
    return files, modules


def files_of_question(collection: Path) -> list[str]:
    """The files that a text query enters in a collection that was searched before."""
    from soundgrep import Collection

    with Collection.open(collection) as opened:
        opened.search("rain", k=3)
        return entered(lambda: opened.search("glass breaking", k=3))


def n_lines() -> int:
    """Lines of the package, blank ones and comments among them."""
    return sum(len(path.read_text("utf-8").splitlines()) for path in sources())


def long_files(most: int = 450) -> list[str]:
    """Files of more lines."""
    return [path.relative_to(ROOT).as_posix() for path in sources() if len(path.read_text("utf-8").splitlines()) > most]


def long_functions(most: int = 60) -> list[str]:
    """Functions of more lines, their docstrings left out."""
    return [name for path in sources() for name, n in _functions(path) if n > most]


def _functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            is_documented = ast.get_docstring(node) is not None
            n_docstring = (first.end_lineno or 0) - first.lineno + 1 if is_documented else 0
            n = (node.end_lineno or 0) - node.lineno + 1 - n_docstring
            yield f"{path.relative_to(ROOT).as_posix()}: {node.name}", n


def circles() -> list[list[str]]:
    """Modules that import each other, whether at run time or for types alone."""
    import grimp

    graph = grimp.build_graph("soundgrep", exclude_type_checking_imports=False)
    beneath = {module: graph.find_downstream_modules(module) for module in graph.modules if "training" not in module}
    found = {
        frozenset({module, *(other for other in others if module in beneath.get(other, ()))})
        for module, others in beneath.items()
    }
    return sorted(sorted(circle) for circle in found if len(circle) > 1)


def main() -> None:
    """Print the figures; with a command's arguments, the files that it enters."""
    if sys.argv[1:]:
        from soundgrep.ui.cli import main as command

        def quietly() -> None:
            with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
                command()

        files = entered(quietly)
        print(json.dumps([files, [module for module in sys.modules if module.startswith("soundgrep.")]]))
        return
    with tempfile.TemporaryDirectory() as folder:
        collection = Path(folder, "c.soundgrep")
        sounds = [str(ROOT / "data" / "demo" / name) for name in SOUNDS]
        for name, files in (
            ("index", files_of_command("index", *sounds, str(collection))[0]),
            ("search", files_of_command("search", str(collection), "glass", "breaking", "-k", "3")[0]),
            ("a question to an open collection", files_of_question(collection)),
        ):
            print(f"{name}: {len(files)} files\n  {' > '.join(files)}")
    print(f"{n_lines():,} lines; too long: {long_files()} {long_functions()}; circles: {circles()}")


if __name__ == "__main__":
    main()
