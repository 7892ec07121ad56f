import pytest

from soundgrep.model.errors import UsageError
from soundgrep.model.segments import segment_starts


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
