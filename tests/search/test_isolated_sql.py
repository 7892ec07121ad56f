"""SQL in processes of its own: the same answers, and limits that hold whatever is asked."""

from __future__ import annotations

import gc
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from soundgrep.model.askers import Asker, current_asker
from soundgrep.model.errors import QueryError
from soundgrep.search import Collection, SearchOptions

from .. import processes
from ..waiting import LONG_S, wait_until
from .conftest import Made

pytestmark = pytest.mark.slow

# One call of a function, which DuckDB cannot interrupt.
ENDLESS = "SELECT levenshtein(repeat(''a'', 1000000), repeat(''b'', 1000000))"


@pytest.fixture(scope="module")
def collection(small: Made) -> Collection:
    return Collection.open(small.folder, isolate_sql=True)


def children() -> set[int]:
    """Processes of this test that compute SQL."""
    return processes.children("soundgrep.search.sql.child")


def test_it_answers_as_sql_in_this_process_does(collection: Collection, small: Made) -> None:
    here = small.open()
    for query, values in (
        ("SELECT codec, count(*) AS n FROM clips GROUP BY codec ORDER BY codec", None),
        ("SELECT count(*) AS n FROM clips WHERE n_channels = $n", {"n": 1}),
        ("FROM search('thunder', 20) ORDER BY rank", None),
        ("SELECT rank, clip_id FROM search('rain', 5, 'duration_s > 2') UNION ALL SELECT 0, 1", None),
        ("DESCRIBE clips", None),
    ):
        assert collection.sql(query, values=values).to_pylist() == here.sql(query, values=values).to_pylist(), query
    for where, values in (("duration_s > 2", None), ("title = $t", {"t": "number 7"}), ("duration_s < 0", None)):
        ours = collection.search("rain", k=50, where=where, where_values=values)
        assert ours == here.search("rain", k=50, where=where, where_values=values)
    words = SearchOptions(text_match="only")
    assert collection.search("number 7", options=words) == here.search("number 7", options=words)


@pytest.mark.parametrize(
    "query",
    [
        "SELEC 1",
        "DELETE FROM clips",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM clips WHERE clip_id = $n",
        "FROM search('a', 1, 'nonsense = 1')",
        "FROM search('')",
    ],
)
def test_what_is_refused_is_refused_in_the_same_words(collection: Collection, small: Made, query: str) -> None:
    with pytest.raises(QueryError) as ours:
        collection.sql(query)
    with pytest.raises(QueryError) as theirs:
        small.open().sql(query)
    assert str(ours.value) == str(theirs.value)
    assert "\n" not in str(ours.value)
    with pytest.raises(QueryError, match="type"):
        collection.sql("SELECT $a", values={"a": lambda: None})


def test_what_does_not_listen_to_an_interruption_is_killed(small: Made) -> None:
    others = children()
    collection = Collection.open(small.folder, isolate_sql=True)
    collection.sql("SELECT 1")
    (ours,) = children() - others
    with pytest.raises(QueryError, match=r"the SQL query was stopped after 0\.3 s"):
        collection.sql(ENDLESS.replace("''", "'"), time_limit_s=0.3)
    assert ours not in children(), "what computed it is gone"
    assert collection.sql("SELECT 1 AS one").to_pylist() == [{"one": 1}]


def test_a_filter_of_a_search_in_sql_is_killed_with_it(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soundgrep.search.sql.isolated.FILTER_LIMIT_S", 0.3)
    endless = f"({ENDLESS}) > duration_s"
    with pytest.raises(QueryError, match=r"the filter was stopped after 0\.3 s"):
        collection.search("rain", where=endless.replace("''", "'"))
    with pytest.raises(QueryError, match=r"the filter was stopped after 0\.3 s"):
        collection.sql(f"FROM search('rain', 3, '{endless}')")
    assert len(collection.search("rain", where="true", k=3)) == 3


def test_more_memory_than_there_may_be_is_refused_and_not_taken(collection: Collection) -> None:
    with pytest.raises(QueryError, match="more memory") as caught:
        collection.sql("SELECT len(list_sort(range(4000000000)))")
    assert "\n" not in str(caught.value)
    assert collection.sql("SELECT 1 AS one").to_pylist() == [{"one": 1}]


def test_a_hungry_statement_costs_its_sender_alone(small: Made) -> None:
    others = children()
    collection = Collection.open(small.folder, isolate_sql=True)
    collection.sql("SELECT 1")
    (hungry,) = children() - others
    with pytest.raises(QueryError, match="more memory"):
        collection.sql("SELECT len(list_sort(range(4000000000)))")
    assert hungry not in children(), "what it still holds would be missing for the next ones"
    for n in range(40):
        assert collection.sql("SELECT len(list_sort(range(100000 + $n))) AS n", values={"n": n}).to_pylist() == [
            {"n": 100_000 + n}
        ]


def test_large_answers_are_refused(collection: Collection) -> None:
    with pytest.raises(QueryError, match=r"more than 268 MB of rows: narrow it down"):
        collection.sql("SELECT repeat('a', 1000) FROM range(10000000)")
    assert collection.sql("SELECT 1 AS one").to_pylist() == [{"one": 1}]


def test_one_asker_never_takes_all_places(small: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soundgrep.search.sql.isolated.FILTER_LIMIT_S", LONG_S)
    collection = Collection.open(small.folder, isolate_sql=True)
    before = children()
    greedy = Asker("greedy")

    def ask_for_ever() -> None:
        current_asker.set(greedy)
        with pytest.raises(QueryError):
            collection.search("rain", where=f"({ENDLESS}) > duration_s".replace("''", "'"))

    threads = [threading.Thread(target=ask_for_ever) for _ in range(12)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(children() - before) >= 2)
    for _ in range(5):
        assert len(collection.search("rain", where="duration_s > 0", k=3)) == 3
    greedy.is_gone.set()
    for thread in threads:
        thread.join(LONG_S)
        assert not thread.is_alive()


def test_a_process_that_somebody_killed_is_replaced(collection: Collection) -> None:
    collection.sql("SELECT 1")
    for child in children():
        os.kill(child, signal.SIGKILL)
    assert collection.sql("SELECT 1 AS one").to_pylist() == [{"one": 1}]


def test_threads_wait_for_each_other_and_no_process_is_left(small: Made) -> None:
    collection = Collection.open(small.folder, isolate_sql=True)
    before = children()
    with ThreadPoolExecutor(6) as threads:
        asked = [threads.submit(collection.sql, f"SELECT {n} AS n") for n in range(12)]
        assert [one.result().to_pylist() for one in asked] == [[{"n": n}] for n in range(12)]
    assert children() - before
    del collection, asked
    gc.collect()
    assert not children() - before
