from .build import build_collection as build_collection
from .options import BuildOptions as BuildOptions
from .report import Failure as Failure
from .report import IndexReport as IndexReport
from .upkeep.compact import CompactReport as CompactReport
from .upkeep.compact import compact_collection as compact_collection
from .upkeep.labels import Watch as Watch
from .upkeep.labels import classify as classify
from .upkeep.mapping import MapReport as MapReport
from .upkeep.mapping import map_collection as map_collection
from .upkeep.metadata import MetadataReport as MetadataReport
from .upkeep.metadata import add_metadata as add_metadata
from .upkeep.queries import delete_query as delete_query
from .upkeep.queries import save_query as save_query
from .upkeep.relocation import RelocationReport as RelocationReport
from .upkeep.relocation import relocate_collection as relocate_collection
from .upkeep.verify import VerifyReport as VerifyReport
from .upkeep.verify import verify_collection as verify_collection

__all__ = [
    "BuildOptions",
    "CompactReport",
    "Failure",
    "IndexReport",
    "MapReport",
    "MetadataReport",
    "RelocationReport",
    "VerifyReport",
    "Watch",
    "add_metadata",
    "build_collection",
    "classify",
    "compact_collection",
    "delete_query",
    "map_collection",
    "relocate_collection",
    "save_query",
    "verify_collection",
]
