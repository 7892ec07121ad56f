from .classification import Classification as Classification
from .collection import Collection as Collection
from .evaluation import Evaluation as Evaluation
from .evaluation import evaluate as evaluate
from .hit import Hit as Hit
from .hit import Span as Span
from .hits import Explanation as Explanation
from .hits import Hits as Hits
from .options import SearchOptions as SearchOptions
from .query import Query as Query
from .union import Collections as Collections

__all__ = [
    "Classification",
    "Collection",
    "Collections",
    "Evaluation",
    "Explanation",
    "Hit",
    "Hits",
    "Query",
    "SearchOptions",
    "Span",
    "evaluate",
]
