from .indexer import IndexReport as IndexReport
from .indexer import build_collection as build_collection
from .model import Encoder as Encoder
from .model import SoundgrepError as SoundgrepError
from .search import Collection as Collection
from .search import Hit as Hit

__all__ = ["Collection", "Encoder", "Hit", "IndexReport", "SoundgrepError", "build_collection"]
