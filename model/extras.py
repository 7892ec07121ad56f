"""Extras: packages that not everybody needs, and how to install them where one is asked for that is not there."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

from .errors import MissingPackageError

# What a package is called where it is installed from, where it is imported under another name.
_DISTRIBUTIONS = {"prometheus_client": "prometheus-client", "umap": "umap-learn"}

EXTRAS = {
    "torch": ("torch", "transformers"),
    "s3": ("fsspec", "s3fs"),
    "ray": ("ray",),
    "map": ("umap",),
    "serve": ("fastapi", "prometheus_client", "pydantic"),
}
"""The modules that each extra brings: what `pip install 'soundgrep[EXTRA]'` is good for."""


def has_extra(extra: str) -> bool:
    """Return whether all modules of an extra are installed, importing none."""
    return not _missing(extra)


def need_extra(extra: str, *, wanted_by: str) -> None:
    """Check that an extra is installed, importing nothing.

    Args:
        extra: One of `EXTRAS`.
        wanted_by: What needs it, as the subject of the message.

    Raises:
        MissingPackageError: If one of its packages is missing.
    """
    missing = _missing(extra)
    if missing:
        raise MissingPackageError(_sentence(extra, missing, wanted_by=wanted_by))


def explained(attribute: Callable[[str], object]) -> Callable[[str], object]:
    """Wrap a package's `__getattr__` so that a name whose module needs an extra says so.

    Args:
        attribute: The `__getattr__`, which imports the module that holds a name.

    Returns:
        The same, raising `MissingPackageError` where it would raise `ModuleNotFoundError` for a module of an extra.
    """

    def explaining(name: str) -> object:
        try:
            return attribute(name)
        except ModuleNotFoundError as error:
            for extra, modules in EXTRAS.items():
                if error.name in modules:
                    raise MissingPackageError(_sentence(extra, _missing(extra), wanted_by=name)) from error
            raise

    return explaining


def _missing(extra: str) -> list[str]:
    return [module for module in EXTRAS[extra] if importlib.util.find_spec(module) is None]


def _sentence(extra: str, missing: list[str], *, wanted_by: str) -> str:
    names = " and ".join(_DISTRIBUTIONS.get(module, module) for module in missing)
    are = "are" if len(missing) > 1 else "is"
    return f"{wanted_by} needs {names}, which {are} not installed: pip install 'soundgrep[{extra}]'"
