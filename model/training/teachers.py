"""Teachers: where the packages that carry frozen networks were installed."""

from importlib.util import find_spec
from pathlib import Path

from ..errors import UsageError


def teacher_package(package: str, *, missing: str) -> Path:
    """Return the folder of an installed package, which is not imported for it.

    Args:
        package: Its import name.
        missing: What to say where there is none.

    Raises:
        UsageError: If the package is not installed.
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise UsageError(missing)
    return Path(spec.origin).parent
