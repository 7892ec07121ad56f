"""The index: which segments are nearest to a query, exactly or by visiting the most promising cells.

What reads an index is here; what builds one is in `building`, which no query loads.
"""

from .generation import read_segment_ids, renamed_generation
from .opening import Index

__all__ = ["Index", "read_segment_ids", "renamed_generation"]
