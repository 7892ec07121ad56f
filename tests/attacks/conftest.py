"""What the attacks share with other tests."""

from __future__ import annotations

from ..indexer.test_verify import base
from ..ui.conftest import indexed

__all__ = ["base", "indexed"]
