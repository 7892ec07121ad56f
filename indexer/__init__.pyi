from .build import build_collection as build_collection
from .labels import Watch as Watch
from .labels import classify as classify
from .options import BuildOptions as BuildOptions
from .report import Failure as Failure
from .report import IndexReport as IndexReport

__all__ = ["BuildOptions", "Failure", "IndexReport", "Watch", "build_collection", "classify"]
