"""A system that has none of what only POSIX has, for every Python started with this folder on its PYTHONPATH.

Names are taken out of the standard library's modules, and what they are asked before they are used says no. Where the
standard library or another package of this machine could not do without, only our own package goes without: on Windows
they have ways of their own. What is left is close to what Python has on Windows:

- the modules `fcntl`, `resource`, `pwd` and `grp`, for us;
- the names in lacking_names.py, for everybody or for us;
- symbolic links: nobody may make one;
- `/proc` and `/sys`, for whatever Python opens or lists;
- entries of folders tell no device and no inode, to us;
- a file that this process has open or mapped cannot be removed or replaced.
"""

from __future__ import annotations

import builtins
import os
import shutil
import signal
import sys
import tempfile
from types import ModuleType
from typing import Any

from lacking_names import ABSENT, MODULES, OURS_ABSENT  # beside this file

_PACKAGE = "soundgrep"
_FOLDERS = ("/proc", "/sys")


def _package_of(names: Any) -> str:
    """Tell whose code has these names; pytest may count our tests to our package, but they are from here."""
    parts = str((names or {}).get("__name__", "")).split(".")
    return "tests" if "tests" in parts[:2] else parts[0]  # the first may be the folder of the checkout


def _is_ours(depth: int) -> bool:
    """Tell whether the code so many calls up is our package's."""
    return _package_of(sys._getframe(depth + 1).f_globals) == _PACKAGE


class _Lacking(ModuleType):
    """A module without some of its names, as our package sees it."""

    def __init__(self, real: ModuleType, names: tuple[str, ...]) -> None:
        super().__init__(real.__name__)
        self.__dict__.update({name: value for name, value in vars(real).items() if name not in names})


_import = builtins.__import__
_modules: dict[str, ModuleType] = {}


def _import_without(
    name: str,
    globals: Any = None,  # noqa: A002 - as it is called
    locals: Any = None,  # noqa: A002
    fromlist: Any = (),
    level: int = 0,
) -> Any:
    if level == 0 and _package_of(globals) == _PACKAGE:
        if name in MODULES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        if name in _modules and not fromlist:
            return _modules[name]
    return _import(name, globals, locals, fromlist, level)


def _no_link(source: object, target: object, *more: object, **named: object) -> None:
    raise OSError(1314, "a required privilege is not held by the client", source, None, target)


class _Entry:
    """An entry of a folder, whose status lacks what Windows does not tell of it."""

    def __init__(self, real: os.DirEntry[Any]) -> None:
        self._real = real
        self.name, self.path = real.name, real.path

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        status = self._real.stat(follow_symlinks=follow_symlinks)
        exact = {name: getattr(status, name) for name in ("st_atime_ns", "st_mtime_ns", "st_ctime_ns")}
        return os.stat_result((status.st_mode, 0, 0, 0, *status[4:10]), exact)


class _Entries:
    def __init__(self, real: Any) -> None:
        self._real = real

    def __enter__(self) -> _Entries:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> _Entries:
        return self

    def __next__(self) -> _Entry:
        return _Entry(next(self._real))

    def close(self) -> None:
        self._real.close()


_scandir = os.scandir


def _scandir_without(path: Any = ".") -> Any:
    return _Entries(_scandir(path)) if _is_ours(1) else _scandir(path)


_is_looking = False


def _in_use(path: object) -> bool:
    """Tell whether this process has a file open or mapped."""
    global _is_looking
    _is_looking = True
    try:
        wanted = os.fsencode(os.path.realpath(os.fspath(path)))  # type: ignore[call-overload]
        for number in os.listdir("/proc/self/fd"):  # noqa: PTH208 - as low as can be
            try:
                if os.fsencode(os.readlink(f"/proc/self/fd/{number}")) == wanted:  # noqa: PTH115
                    return True
            except OSError:
                continue
        with open("/proc/self/maps", "rb") as maps:  # noqa: PTH123
            return any(line.rstrip(b"\n").endswith(b" " + wanted) for line in maps)
    except (OSError, TypeError):
        return False
    finally:
        _is_looking = False


def _is_temporary() -> bool:
    """Tell whether the standard library is making a file without a name, as it does otherwise on Windows."""
    frame = sys._getframe(2)
    return frame.f_code.co_filename == tempfile.__file__


def _is_looked_at_by_tests() -> bool:
    """Tell whether a test, or psutil for it, looks what processes do."""
    frame = sys._getframe(2)
    while frame.f_back is not None and _package_of(frame.f_globals) in (*sys.stdlib_module_names, __name__):
        frame = frame.f_back
    return _package_of(frame.f_globals) in ("psutil", "tests")


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if _is_looking:
        return
    if event in ("open", "os.listdir", "os.scandir") and arguments and isinstance(arguments[0], str | bytes):
        if os.fsdecode(arguments[0]).startswith(_FOLDERS) and not _is_looked_at_by_tests():
            raise FileNotFoundError(2, "No such file or directory", arguments[0])
    elif event in ("os.remove", "os.rename"):
        for path in arguments[: 1 if event == "os.remove" else 2]:
            if not _is_temporary() and _in_use(path):
                raise PermissionError(13, "the file is being used by another process", path)


for _name, _names in ABSENT.items():
    for _one in _names:
        if hasattr(sys.modules.get(_name) or __import__(_name), _one):
            delattr(sys.modules[_name], _one)
_modules.update(os=_Lacking(os, OURS_ABSENT["os"]), signal=_Lacking(signal, OURS_ABSENT["signal"]))
os.symlink = _no_link  # type: ignore[assignment]
_modules["os"].symlink = _no_link  # type: ignore[attr-defined]
os.scandir = _modules["os"].scandir = _scandir_without  # type: ignore[assignment, attr-defined]
shutil._use_fd_functions = False  # type: ignore[attr-defined]
builtins.__import__ = _import_without
sys.addaudithook(_refuse)
