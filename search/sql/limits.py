"""Limits: what SQL may take before it is stopped."""

FILTER_LIMIT_S = 10.0
"""A filter that takes longer than this is stopped."""

SQL_LIMIT_S = 60.0
"""A statement that takes longer than this is stopped, unless the caller says otherwise."""

MEMORY_SHARE = 4
"""Of the machine's memory, a statement may take one part in so many."""

ISOLATED_MEMORY_SHARE = 8
"""The same for each of the processes in which isolated statements are computed."""

ISOLATED_ANSWER_BYTES = 256 << 20
"""An isolated statement gives no more than this: it is held in memory by who asked, with the answers of others."""
