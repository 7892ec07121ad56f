import numpy as np
import pytest

from soundgrep.model.audio.segments import SegmentCutter, segment_starts
from soundgrep.model.errors import UsageError


@pytest.mark.parametrize(
    ("n_samples", "segment", "hop", "starts"),
    [
        (1, 10, 10, [0]),
        (10, 10, 10, [0]),
        (11, 10, 10, [0, 1]),
        (20, 10, 10, [0, 10]),
        (25, 10, 10, [0, 10, 15]),
        (25, 10, 5, [0, 5, 10, 15]),
        (26, 10, 5, [0, 5, 10, 15, 16]),
        (3, 1, 1, [0, 1, 2]),
    ],
)
def test_starts(n_samples: int, segment: int, hop: int, starts: list[int]) -> None:
    assert segment_starts(n_samples, segment_samples=segment, hop_samples=hop) == starts


def test_every_sample_is_heard_once_at_least_and_no_segment_leaves_the_clip() -> None:
    for n_samples in range(1, 120):
        for segment in (1, 7, 30):
            for hop in {1, segment // 2 or 1, segment}:
                starts = segment_starts(n_samples, segment_samples=segment, hop_samples=hop)
                assert starts == sorted(set(starts))
                heard = {sample for start in starts for sample in range(start, min(start + segment, n_samples))}
                assert heard == set(range(n_samples))
                assert n_samples <= segment or all(start + segment <= n_samples for start in starts)


@pytest.mark.parametrize(
    ("n_samples", "segment", "hop"), [(0, 10, 10), (5, 0, 1), (5, 10, 0), (5, 10, -1), (5, 10, 11)]
)
def test_impossible_lengths_are_refused(n_samples: int, segment: int, hop: int) -> None:
    with pytest.raises(UsageError):
        segment_starts(n_samples, segment_samples=segment, hop_samples=hop)


@pytest.mark.parametrize(("segment", "hop"), [(1, 1), (7, 7), (7, 3), (30, 30), (30, 1)])
@pytest.mark.parametrize("block", [1, 5, 64, 1_000])
def test_a_waveform_in_blocks_is_cut_as_the_whole_one(segment: int, hop: int, block: int) -> None:
    for n_samples in (1, 2, 6, 7, 8, 29, 30, 31, 90, 119):
        waveform = np.arange(n_samples, dtype=np.float32)
        cutter = SegmentCutter(segment_samples=segment, hop_samples=hop)
        segments = [one for first in range(0, n_samples, block) for one in cutter.add(waveform[first : first + block])]
        segments += cutter.finish()
        assert cutter.starts == segment_starts(n_samples, segment_samples=segment, hop_samples=hop)
        assert [one.tolist() for one in segments] == [waveform[s : s + segment].tolist() for s in cutter.starts]


def test_nothing_cannot_be_cut() -> None:
    with pytest.raises(UsageError):
        SegmentCutter(segment_samples=10, hop_samples=10).finish()
