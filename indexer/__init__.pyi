from .build import build_collection as build_collection
from .report import Failure as Failure
from .report import IndexReport as IndexReport

__all__ = ["Failure", "IndexReport", "build_collection"]
