from .build import build_collection as build_collection
from .maintenance.compact import CompactReport as CompactReport
from .maintenance.compact import compact_collection as compact_collection
from .maintenance.labels import Watch as Watch
from .maintenance.labels import classify as classify
from .maintenance.mapping import MapReport as MapReport
from .maintenance.mapping import map_collection as map_collection
from .maintenance.metadata import MetadataReport as MetadataReport
from .maintenance.metadata import add_metadata as add_metadata
from .maintenance.queries import delete_query as delete_query
from .maintenance.queries import save_query as save_query
from .maintenance.relocation import RelocationReport as RelocationReport
from .maintenance.relocation import relocate_collection as relocate_collection
from .maintenance.verify import VerifyReport as VerifyReport
from .maintenance.verify import verify_collection as verify_collection
from .options import BuildOptions as BuildOptions
from .report import Failure as Failure
from .report import IndexReport as IndexReport

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
