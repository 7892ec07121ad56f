from .build import build_collection as build_collection
from .compact import CompactReport as CompactReport
from .compact import compact_collection as compact_collection
from .labels import Watch as Watch
from .labels import classify as classify
from .metadata import MetadataReport as MetadataReport
from .metadata import add_metadata as add_metadata
from .options import BuildOptions as BuildOptions
from .report import Failure as Failure
from .report import IndexReport as IndexReport
from .verify import VerifyReport as VerifyReport
from .verify import verify_collection as verify_collection

__all__ = [
    "BuildOptions",
    "CompactReport",
    "Failure",
    "IndexReport",
    "MetadataReport",
    "VerifyReport",
    "Watch",
    "add_metadata",
    "build_collection",
    "classify",
    "compact_collection",
    "verify_collection",
]
