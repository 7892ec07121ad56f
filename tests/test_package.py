"""The shape of the package: what a wheel holds, which file opens which library, what importing costs."""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.metadata
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import soundgrep
from soundgrep.model.extras import EXTRAS

ROOT = Path(soundgrep.__file__).parent
FLOORS = ("model", "search", "indexer", "ui")
# Each heavy library has few doors: a folder, or the files named here.
DOORS = {
    "torch": ("model/",),
    "transformers": ("model/",),
    "openvino": ("model/",),
    "tokenizers": ("model/",),
    "safetensors": ("model/",),
    "huggingface_hub": ("model/",),
    "av": ("model/audio/libav.py",),
    "soxr": ("model/audio/mixdown.py", "model/training/"),
    "faiss": ("search/index/",),
    "duckdb": ("search/sql/catalog.py", "search/sql/kinds.py"),
    "tantivy": ("search/querying/lexical.py",),
    "deltalake": ("search/store/tables.py",),
    "fsspec": ("model/audio/stores.py",),
    "fastapi": ("ui/service/",),
    "prometheus_client": ("ui/service/metrics.py",),
    "streamlit": ("ui/browser/",),
    "uvicorn": ("ui/browser/server.py", "ui/service/server.py", "ui/web/connection.py"),
    "ray": ("indexer/engines/ray_engine.py",),
    "typer": ("ui/",),
    "umap": ("indexer/maintenance/layout.py",),
    "rich": ("ui/",),
}


def sources() -> list[Path]:
    return [*sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py")), ROOT / "__init__.py"]


@functools.cache
def imported(path: Path, *, at_run_time: bool = False) -> set[str]:
    """Return the top-level names that a file imports, without those for type checkers alone if it is to run."""
    tree: ast.AST = ast.parse(path.read_text(encoding="utf-8"))
    if at_run_time:
        tree = _WithoutTyping().visit(tree)
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level}
    return {name.split(".")[0] for name in names}


class _WithoutTyping(ast.NodeTransformer):
    def visit_If(self, node: ast.If) -> ast.AST:
        return ast.Pass() if ast.unparse(node.test) == "TYPE_CHECKING" else self.generic_visit(node)


@pytest.mark.parametrize("library", DOORS)
def test_a_heavy_library_is_opened_only_at_its_doors(library: str) -> None:
    places = [path.relative_to(ROOT).as_posix() for path in sources() if library in imported(path)]
    assert places, f"{library} is not used any more: take it off the list and out of pyproject.toml"
    assert [place for place in places if not place.startswith(DOORS[library])] == []


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    """The dependencies, and each extra, are the packages that the sources import, and no others."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {extra: set(map(distribution, asked)) for extra, asked in project["optional-dependencies"].items()}
    modules = {name for path in sources() if "training" not in path.parts for name in imported(path, at_run_time=True)}
    foreign = modules - sys.stdlib_module_names - {"soundgrep"}
    owners = importlib.metadata.packages_distributions()
    used = {distribution(owners[module][0]) for module in foreign}
    declared = set(map(distribution, project["dependencies"]))
    assert used - declared - set().union(*extras.values()) == set()
    assert declared - used == set()
    for extra, asked in extras.items():
        assert asked == {distribution(owners[module][0]) for module in EXTRAS[extra]}, extra


def distribution(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower().replace("_", "-")


def test_no_file_outgrows_a_reader() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in sources()}
    assert {str(path): n for path, n in lengths.items() if n > 450} == {}
    assert sorted(lengths.values())[len(lengths) // 2] < 180


def test_library_code_neither_prints_nor_asserts() -> None:
    for path in sources():
        where = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not isinstance(node, ast.Assert), f"{where}:{node.lineno} asserts"
            if not where.startswith(("ui/", "model/training/")) and isinstance(node, ast.Call):
                assert getattr(node.func, "id", "") != "print", f"{where}:{node.lineno} prints"


@pytest.mark.parametrize("package", ["soundgrep", "soundgrep.model", "soundgrep.search", "soundgrep.indexer"])
def test_public_names_are_listed_in_order_and_exist(package: str) -> None:
    module = importlib.import_module(package)
    assert module.__doc__
    assert module.__all__ == sorted(module.__all__)
    for name in module.__all__:
        assert getattr(module, name).__doc__, f"{package}.{name} has no docstring"


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import soundgrep", ("torch", "transformers", "faiss", "duckdb", "av", "numpy")),
        ("import soundgrep.search; soundgrep.search.Collection", ("torch", "transformers", "av", "streamlit", "ray")),
        ("import soundgrep.indexer; soundgrep.indexer.build_collection", ("torch", "transformers", "streamlit", "ray")),
        (
            "import soundgrep.ui.program",
            ("torch", "transformers", "faiss", "duckdb", "av", "pyarrow", "streamlit", "ray", "fastapi"),
        ),
        (
            "import soundgrep.ui.lean as lean; lean.leave_out_pandas(); import soundgrep.search as s; s.Collection",
            ("pandas",),
        ),
    ],
)
def test_importing_is_light(code: str, absent: tuple[str, ...]) -> None:
    check = f"{code}\nimport sys; print(sorted(set({absent!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert done.stderr == ""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Built from a copy of what git tracks: a build in the checkout would leave its traces there.
    checkout, out = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("wheel")
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in filter(None, names.split("\0")):
        if name.startswith(("tests/", "data/")) or not (ROOT / name).is_file():
            continue
        target = checkout / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(checkout)], check=True, capture_output=True
    )
    (built,) = out.glob("*.whl")
    return built


def test_a_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"soundgrep"}
    # The recipe of mini is run from a checkout.
    tracked = {path.relative_to(ROOT).as_posix() for path in sources() if "training" not in path.parts}
    assert tracked <= {name.removeprefix("soundgrep/") for name in names}, "a package is missing in pyproject.toml"
    for needed in ("py.typed", "__init__.pyi", "search/__init__.pyi", "model/mini/model.safetensors"):
        assert f"soundgrep/{needed}" in names
    assert not [
        name
        for name in names
        if name.startswith(("soundgrep/tests", "soundgrep/data", "soundgrep/build", "soundgrep/model/training"))
    ]
