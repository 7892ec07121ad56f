"""Conditions: joined they mean what SQL's AND means, and no two that differ share an answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soundgrep.indexer import save_query
from soundgrep.model.encoders.encoder import Encoder
from soundgrep.model.errors import QueryError
from soundgrep.search import Collection
from soundgrep.search.facets.counting import Facets
from soundgrep.search.querying.condition import Condition, Filters
from soundgrep.search.saved import saved_query
from soundgrep.search.union import Collections

from ..ui.command import soundgrep
from .conftest import Made
from .made import add_clips, by_clip, clustered

# Each is true of some clips; an OR, a comment or a quote in one must change nothing in its neighbours.
FRAGMENTS = (
    "duration_s < 3",
    "duration_s > 2 -- not the short ones",
    "duration_s = 1 OR codec = 'vorbis'",
    "title <> 'a -- b' /* nor this) */",
    "codec = 'vorbis' OR\n-- the others\nduration_s > 3",
    "NOT duration_s > 2 OR false -- )",
)


@pytest.fixture(scope="module")
def known(small: Made) -> Collection:
    return small.open()


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=4))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_joined_filters_keep_what_each_of_them_keeps(known: Collection, fragments: list[str]) -> None:
    together = Condition.joined(*(Condition(one) for one in fragments))
    expected = set(known.encoding.clips.ids_where("true").tolist())
    for one in fragments:
        expected &= set(known.encoding.clips.ids_where(one).tolist())
    assert set(known.encoding.clips.ids_where(together.where or "true").tolist()) == expected


def test_filters_that_mean_different_things_by_one_name_are_refused() -> None:
    one, other = Condition("duration_s < $s", {"s": 3}), Condition("duration_s > $s", {"s": 1})
    with pytest.raises(QueryError, match=r"\$s different values"):
        Condition.joined(one, other)
    assert Condition.joined(one, Condition("codec = $s OR true", {"s": 3})).values == {"s": 3}
    # Values alone set those of the filter before them.
    assert Condition.joined(one, Condition(values={"s": 2})) == Condition("duration_s < $s", {"s": 2})


_NUMBERS = st.lists(st.integers(0, 60), min_size=1, max_size=3)


@given(st.lists(st.tuples(st.sampled_from([bool, int, float, list, np.array]), _NUMBERS), max_size=6))
@settings(max_examples=60, deadline=None)
def test_no_two_conditions_share_an_answer(asked: list[tuple[type, list[int]]]) -> None:
    def mask(_where: str, values: object) -> np.ndarray:
        return np.array([hash(repr(values)) % 97 > bit for bit in range(97)])

    filters = Filters(mask)
    for kind, numbers in asked:
        value = kind(numbers) if kind in (list, np.array) else kind(numbers[0])
        condition = Condition("x = $v", {"v": value})
        given_answer = filters.allowed(condition)
        assert given_answer is not None
        assert np.array_equal(given_answer, mask("", condition.values))


def test_long_arrays_that_differ_in_the_middle_are_different_filters(small: Made) -> None:
    collection = small.open()
    ids = np.sort(collection.encoding.clips.ids_where("true"))
    filler = np.arange(3000, dtype=np.int64)
    wanted, other = filler.copy(), filler.copy()
    wanted[1500], other[1500] = ids[0], ids[1]
    where = "list_contains($ids, clip_id)"
    facets = Facets(Collections([collection]))
    for values, expected in ((wanted, ids[0]), (other, ids[1]), (wanted.tolist(), ids[0]), (wanted, ids[0])):
        hits = collection.search(embedding=small.clips[0][0], where=where, where_values={"ids": values})
        assert [hit.clip_id for hit in hits] == [expected]
        assert facets.count(where=where, where_values={"ids": values}).n_clips == 1
    # The caller's own array may change between two searches.
    wanted[1500] = ids[1]
    hits = collection.search(embedding=small.clips[0][0], where=where, where_values={"ids": wanted})
    assert [hit.clip_id for hit in hits] == [ids[1]]


def test_a_filter_that_ends_in_a_comment_can_be_saved_and_asked_with_another(tmp_path: Path, encoder: Encoder) -> None:
    clips = by_clip(clustered(60, dim=encoder.embedding_dim, seed=3), seed=3)
    folder = add_clips(tmp_path / "made", clips, encoder=encoder)
    collection = Collection.open(folder)
    save_query(collection, "short", "rain", where="duration_s < 4 -- the short ones", rejected=[1, 2])
    saved = saved_query(folder, collection.manifest, "short").condition
    expected = collection.encoding.clips.ids_where("duration_s < 4 AND duration_s > 2")
    both = Condition.joined(saved, Condition("duration_s > 2 -- but not the shortest"))
    assert set(collection.encoding.clips.ids_where(both.where or "")) == set(expected)
    done = soundgrep("search", folder, "--saved", "short", "--where", "duration_s > 2 -- long", "-k", "50")
    assert done.code == 0, done.err
    assert len(done.lines) == len(expected)
