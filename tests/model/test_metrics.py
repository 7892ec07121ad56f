"""Retrieval metrics against the formulas as a textbook writes them, and on rankings whose figures are known by hand."""

from __future__ import annotations

import statistics

import numpy as np
import numpy.typing as npt
import pytest

from soundgrep.model.metrics import Ranks, Retrieval, chance_of_hit, resampled_means, resampled_medians


def ranks_of(scores: list[list[float]], right: list[list[int]]) -> Ranks:
    return Ranks.of(np.array(scores, np.float32), np.array(right, np.bool_))


def naive(scores: npt.NDArray[np.float32], right: npt.NDArray[np.bool_]) -> tuple[int, float]:
    """First rank and average precision over ten, by sorting one query's answers, wrong ones first among equals."""
    order = sorted(range(len(scores)), key=lambda i: (-float(scores[i]), bool(right[i])))
    n_found, precisions, first = 0, [], 0
    for rank, answer in enumerate(order, start=1):
        if right[answer]:
            n_found += 1
            first = first or rank
            if rank <= 10:
                precisions.append(n_found / rank)
    return first, sum(precisions) / min(10, len(order), int(right.sum()))


def test_ranks_known_by_hand() -> None:
    ranks = ranks_of(
        [[0.9, 0.8, 0.7, 0.6], [0.9, 0.8, 0.7, 0.6], [0.1, 0.2, 0.3, 0.4]],
        [[1, 0, 0, 0], [0, 1, 0, 1], [1, 0, 0, 0]],
    )
    assert ranks.first.tolist() == [1, 2, 4]
    # The second query finds its two at 2 and 4: (1/2 + 2/4) / 2.
    assert ranks.average_precision.tolist() == pytest.approx([1, 0.5, 0.25])


def test_equal_scores_count_against_the_right_answer() -> None:
    ranks = ranks_of([[0.5] * 20], [[1] + [0] * 19])
    assert (ranks.first[0], ranks.average_precision[0]) == (20, 0)


@pytest.mark.parametrize("n_answers", [1, 3, 10, 11, 60])
def test_any_ranking_agrees_with_the_naive_formula(n_answers: int) -> None:
    rng = np.random.default_rng(n_answers)
    scores = rng.integers(0, max(2, n_answers // 2), (200, n_answers)).astype(np.float32)  # many are equal
    right = rng.random((200, n_answers)) < 0.2
    right[np.arange(200), rng.integers(0, n_answers, 200)] = True
    ranks = Ranks.of(scores, right)
    expected = [naive(*query) for query in zip(scores, right, strict=True)]
    assert ranks.first.tolist() == [first for first, _ in expected]
    np.testing.assert_allclose(ranks.average_precision, [precision for _, precision in expected])


def test_figures_known_by_hand() -> None:
    """Four queries whose answers stand at 1, 2, 6 and 20."""
    firsts = np.array([1, 2, 6, 20])
    scores = -np.tile(np.arange(30, dtype=np.float32), (4, 1))
    right = np.arange(30) == firsts[:, None] - 1
    figures = Retrieval.of(Ranks.of(scores, right), groups=np.arange(4))
    assert {k: estimate.value for k, estimate in figures.recall.items()} == {1: 0.25, 5: 0.5, 10: 0.75}
    assert figures.map_at_10.value == pytest.approx((1 + 1 / 2 + 1 / 6) / 4)
    assert figures.median_rank.value == 4
    assert [figures.recall[k].chance for k in (1, 5, 10)] == pytest.approx([1 / 30, 5 / 30, 10 / 30])


def test_chance_is_that_of_drawing_without_return() -> None:
    assert chance_of_hit(4, 2, 2) == pytest.approx(1 - 1 / 6)
    assert chance_of_hit(5, 1, 10) == 1


def test_intervals_are_as_wide_as_theory_says() -> None:
    """The standard error of a share p of n is sqrt(p (1 - p) / n)."""
    values = (np.arange(400) % 4 == 0).astype(float)[:, None]
    ((low, high),) = resampled_means(values, np.arange(400))
    half = 1.96 * np.sqrt(0.25 * 0.75 / 400)
    assert low == pytest.approx(0.25 - half, abs=0.006)
    assert high == pytest.approx(0.25 + half, abs=0.006)


def test_captions_of_one_clip_are_no_independent_experiments() -> None:
    """Five captions a clip that all succeed or all fail: as wide as for a fifth of the queries, not narrower."""
    groups = np.repeat(np.arange(80), 5)
    values = (groups % 4 == 0).astype(float)[:, None]
    ((low, high),) = resampled_means(values, groups)
    half = 1.96 * np.sqrt(0.25 * 0.75 / 80)
    assert low == pytest.approx(0.25 - half, abs=0.015)
    assert high == pytest.approx(0.25 + half, abs=0.015)


def test_no_interval_claims_certainty() -> None:
    (low, high), (zero, above) = resampled_means(np.array([[1.0, 0.0]] * 10), np.arange(10))
    assert (high, zero) == (1, 0)
    assert low == pytest.approx(0.6915, abs=1e-4)  # Clopper and Pearson's 95 % for 10 of 10
    assert above == pytest.approx(0.3085, abs=1e-4)
    assert resampled_means(np.array([[0.5]]), np.array([0])) == [(None, None)]
    assert resampled_medians(np.array([3]), np.array([0])) == (None, None)


def test_medians_agree_with_drawing_one_by_one() -> None:
    rng = np.random.default_rng(0)
    values, groups = rng.integers(1, 50, 31), np.arange(31) // 2
    low, high = resampled_medians(values, groups)
    draws = []
    for _ in range(4000):
        drawn = rng.integers(0, 16, 16)
        draws.append(statistics.median(np.concatenate([values[groups == g] for g in drawn]).tolist()))
    assert (low, high) == pytest.approx(tuple(np.quantile(draws, [0.025, 0.975])), abs=2)


def test_the_same_queries_give_the_same_interval() -> None:
    values = np.random.default_rng(1).random((50, 3))
    assert resampled_means(values, np.arange(50)) == resampled_means(values, np.arange(50))
