"""Work: the one job that this page does at a time, for all its visitors, in a process of its own."""

from __future__ import annotations

from ...indexer.job import Jobs

_jobs = Jobs()


def jobs() -> Jobs:
    """Return the jobs of this page's process."""
    return _jobs
