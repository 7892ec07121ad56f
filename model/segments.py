"""Segments: where the fixed-length windows of a clip start."""

from .errors import UsageError


def segment_starts(n_samples: int, *, segment_samples: int, hop_samples: int) -> list[int]:
    """Lay segments over a clip so that every sample lies in one (if the hop is no longer than a segment).

    Args:
        n_samples: Length of the clip, at least 1.
        segment_samples: Length of a segment, at least 1.
        hop_samples: Distance between the starts of neighbouring segments, from 1 to `segment_samples`.

    Returns:
        First samples of the segments, ascending. A clip no longer than a segment has one, at 0. A longer clip has one
        at every hop for as long as a whole segment fits, and a last one aligned to the end where that adds anything.

    Raises:
        UsageError: If a length is under 1, or the hop is longer than a segment and would leave sound unheard.
    """
    if n_samples < 1 or segment_samples < 1:
        raise UsageError(f"a clip of {n_samples} samples cannot be cut into segments of {segment_samples} samples")
    if not 1 <= hop_samples <= segment_samples:
        raise UsageError(f"a hop of {hop_samples} samples is not between 1 and the segment's {segment_samples} samples")
    last = max(0, n_samples - segment_samples)
    starts = list(range(0, last + 1, hop_samples))
    if starts[-1] != last:
        starts.append(last)
    return starts
