from .collection import Collection as Collection
from .encoding import Encoding as Encoding
from .evaluation.classification import Classification as Classification
from .evaluation.retrieval import Evaluation as Evaluation
from .evaluation.retrieval import compare as compare
from .evaluation.retrieval import evaluate as evaluate
from .feedback import refine as refine
from .querying.hit import Hit as Hit
from .querying.hit import Span as Span
from .querying.hits import Explanation as Explanation
from .querying.hits import Hits as Hits
from .querying.query import Query as Query
from .querying.request import SearchOptions as SearchOptions
from .querying.request import SearchRequest as SearchRequest
from .querying.table_view import TableView as TableView
from .union import Collections as Collections

__all__ = [
    "Classification",
    "Collection",
    "Collections",
    "Encoding",
    "Evaluation",
    "Explanation",
    "Hit",
    "Hits",
    "Query",
    "SearchOptions",
    "SearchRequest",
    "Span",
    "TableView",
    "compare",
    "evaluate",
    "refine",
]
