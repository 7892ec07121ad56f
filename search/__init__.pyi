from .collection import Collection as Collection
from .hit import Hit as Hit

__all__ = ["Collection", "Hit"]
