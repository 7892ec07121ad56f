from .indexer import BuildOptions as BuildOptions
from .indexer import CompactReport as CompactReport
from .indexer import Failure as Failure
from .indexer import IndexReport as IndexReport
from .indexer import MapReport as MapReport
from .indexer import MetadataReport as MetadataReport
from .indexer import VerifyReport as VerifyReport
from .indexer import add_metadata as add_metadata
from .indexer import build_collection as build_collection
from .indexer import classify as classify
from .indexer import compact_collection as compact_collection
from .indexer import delete_query as delete_query
from .indexer import map_collection as map_collection
from .indexer import save_query as save_query
from .indexer import verify_collection as verify_collection
from .indexer.report import Progress as Progress
from .model import Captioner as Captioner
from .model import Encoder as Encoder
from .model import Family as Family
from .model import Traits as Traits
from .model.errors import ArchiveError as ArchiveError
from .model.errors import AudioError as AudioError
from .model.errors import CheckpointError as CheckpointError
from .model.errors import CollectionError as CollectionError
from .model.errors import EncoderMismatchError as EncoderMismatchError
from .model.errors import EngineError as EngineError
from .model.errors import QueryError as QueryError
from .model.errors import SoundgrepError as SoundgrepError
from .model.errors import SoundgrepWarning as SoundgrepWarning
from .model.errors import UsageError as UsageError
from .search import Classification as Classification
from .search import Collection as Collection
from .search import Collections as Collections
from .search import Encoding as Encoding
from .search import Evaluation as Evaluation
from .search import Explanation as Explanation
from .search import Hit as Hit
from .search import Hits as Hits
from .search import Query as Query
from .search import SearchOptions as SearchOptions
from .search import SearchRequest as SearchRequest
from .search import Span as Span
from .search import TableView as TableView
from .search import compare as compare
from .search import evaluate as evaluate
from .search import refine as refine

__all__ = [
    "ArchiveError",
    "AudioError",
    "BuildOptions",
    "Captioner",
    "CheckpointError",
    "Classification",
    "Collection",
    "CollectionError",
    "Collections",
    "CompactReport",
    "Encoder",
    "EncoderMismatchError",
    "Encoding",
    "EngineError",
    "Evaluation",
    "Explanation",
    "Failure",
    "Family",
    "Hit",
    "Hits",
    "IndexReport",
    "MapReport",
    "MetadataReport",
    "Progress",
    "Query",
    "QueryError",
    "SearchOptions",
    "SearchRequest",
    "SoundgrepError",
    "SoundgrepWarning",
    "Span",
    "TableView",
    "Traits",
    "UsageError",
    "VerifyReport",
    "add_metadata",
    "build_collection",
    "classify",
    "compact_collection",
    "compare",
    "delete_query",
    "evaluate",
    "map_collection",
    "refine",
    "save_query",
    "verify_collection",
]
