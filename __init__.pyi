from .indexer import IndexReport as IndexReport
from .indexer import build_collection as build_collection
from .indexer import classify as classify
from .model import Encoder as Encoder
from .model import SoundgrepError as SoundgrepError
from .search import Classification as Classification
from .search import Collection as Collection
from .search import Evaluation as Evaluation
from .search import Hit as Hit
from .search import Query as Query
from .search import SearchOptions as SearchOptions
from .search import evaluate as evaluate

__all__ = [
    "Classification",
    "Collection",
    "Encoder",
    "Evaluation",
    "Hit",
    "IndexReport",
    "Query",
    "SearchOptions",
    "SoundgrepError",
    "build_collection",
    "classify",
    "evaluate",
]
