"""The index: which segments are nearest to a query, exactly or by visiting the most promising cells."""

from .building import EXACT_BELOW, Progress, Source, TextQueries, build_index, fold_index
from .generation import read_segment_ids, renamed_generation
from .opening import Index

__all__ = [
    "EXACT_BELOW",
    "Index",
    "Progress",
    "Source",
    "TextQueries",
    "build_index",
    "fold_index",
    "read_segment_ids",
    "renamed_generation",
]
