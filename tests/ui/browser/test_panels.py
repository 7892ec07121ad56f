"""Narrowing, SQL, labels and taking away, on the page."""

from __future__ import annotations

import csv
import io
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import BrowserContext, Download, Locator, Page, expect

from soundgrep import Collection
from soundgrep.indexer.writing.lock import writer_lock

from .conftest import HOSTILE, MOVED, Visit, alert, hit_names, hits_change, opened, served, settled, shot


def choice(page: Page, facet: str, text: str) -> Locator:
    """The line of a choice in the filter panel, its facet opened."""
    group = page.locator(f".group[data-facet='{facet}']")
    if group.get_attribute("open") is None:
        group.locator("summary").click()
    return group.locator("li", has=page.locator(f"bdi:text-is('{text}')"))


def saved(page: Page, act: Callable[[], None]) -> Download:
    settled(page)  # until then the link may be replaced while it is clicked
    with page.expect_download() as told:
        act()
    return told.value


def test_hits_are_narrowed_by_what_is_counted(visit: Visit, demo_collection: Path) -> None:
    page = visit(q="rain")
    weather = choice(page, "category", "weather")
    expect(weather.locator(".n")).to_have_text("7")
    with hits_change(page):
        weather.locator("input").check()
    assert "only=category%3Aweather" in page.url
    expect(page.locator(".chip")).to_have_text(["andcategory: weather"])
    expect(page.get_by_text("7 of 71 clips")).to_be_visible()
    assert len(hit_names(page)) == 7
    expect(choice(page, "category", "animals").locator(".n")).to_have_text("10")  # its own choice does not count
    expect(choice(page, "path", "music")).to_have_count(0)
    with hits_change(page):
        page.get_by_label("SQL condition").fill("duration_s > 4.2 -- longer ones")
        page.get_by_label("SQL condition").press("Enter")
    sql = "SELECT count(*) AS n FROM clips WHERE category = 'weather' AND duration_s > 4.2"
    n = Collection.open(demo_collection).sql(sql).column("n")[0].as_py()
    expect(page.locator(".hit")).to_have_count(n)
    shot(page, "narrowed")
    with hits_change(page):
        page.get_by_role("button", name="Take away category: weather").click()
    with hits_change(page):
        page.get_by_role("button", name="Take all filters away").click()
    expect(page.locator(".chip")).to_have_count(0)
    assert "where" not in page.url
    again = visit(q="rain", only="category:weather", where="duration_s > 4.2 -- longer ones")
    expect(again.locator(".hit")).to_have_count(n)


def test_a_condition_that_cannot_be_answered_is_told_beside_it(visit: Visit) -> None:
    page = visit(q="rain", where="nonsense < 3")
    expect(page.locator(".problem")).to_contain_text('column "nonsense" not found')
    expect(alert(page)).to_contain_text("the filter cannot be answered")
    expect(choice(page, "codec", "vorbis").locator(".n")).to_have_text("47")
    page.get_by_label("SQL condition").fill("EXISTS (FROM read_csv('/etc/passwd'))")
    page.get_by_label("SQL condition").press("Enter")
    expect(page.locator(".problem")).to_contain_text("no files, network or extensions")
    with hits_change(page):
        page.get_by_label("SQL condition").fill("")
        page.get_by_label("SQL condition").press("Enter")
    expect(page.locator(".problem")).to_be_empty()
    unknown = visit(q="rain", only="nothing:1")
    expect(alert(unknown)).to_contain_text("nothing called 'nothing' to narrow by")


def test_a_phone_has_the_filters_behind_a_button(visitor: Callable[..., BrowserContext], address: str) -> None:
    context = visitor(viewport={"width": 390, "height": 844}, color_scheme="dark")
    page = opened(context.new_page(), address, q="rain")
    page.get_by_test_id("stExpandSidebarButton").click()
    with hits_change(page):
        choice(page, "path", "weather").locator("input").check()
    shot(page, "narrow-phone")
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_sql_gives_rows_a_picture_and_files(visit: Visit) -> None:
    page = visit("sql")
    page.get_by_role("button", name="By codec").click()
    expect(page.get_by_text("5 rows in")).to_be_visible()
    expect(page.get_by_test_id("stVegaLiteChart")).to_be_visible()
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    shot(page, "sql")
    for ending in ("csv", "parquet", "json"):
        file = saved(page, page.get_by_role("link", name=f"rows.{ending}").click)
        assert file.suggested_filename == f"rows.{ending}"
        if ending == "csv":
            rows = list(csv.DictReader(file.path().open()))
            assert rows[0]["codec"] == "vorbis"
            assert sum(int(row["clips"]) for row in rows) == 71
        elif ending == "parquet":
            assert pq.read_table(file.path()).num_rows == 5
    page.get_by_role("button", name="Folders of a search").click()
    expect(page.get_by_label("One SELECT in DuckDB's dialect")).to_have_value(re.compile("FROM search"))
    expect(page.get_by_text("5 rows in")).to_have_count(0)
    expect(page.get_by_text(re.compile(r"\d+ rows in"))).to_be_visible()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT * FROM read_csv('/etc/passwd')", "may read only the collection's tables, no files"),
        ("COPY clips TO '/tmp/clips.csv'", "can only read: COPY statements are refused"),
        ("SELECT nonsense FROM clips", "nonsense"),
        ("", "there is no query yet"),
    ],
)
def test_sql_that_is_refused_is_told_in_a_sentence(visit: Visit, query: str, said: str) -> None:
    page = visit("sql")
    page.get_by_label("One SELECT in DuckDB's dialect").fill(query)
    page.get_by_role("button", name="Run").click()
    expect(alert(page)).to_contain_text(said)
    expect(page.get_by_test_id("stDataFrame")).to_have_count(0)


def test_a_long_answer_is_cut_on_the_page_and_whole_in_its_file(visit: Visit) -> None:
    page = visit("sql")
    page.get_by_label("One SELECT in DuckDB's dialect").fill("SELECT i, '<b>' || i AS name FROM range(12000) AS t(i)")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_text("the first 10,000 rows")).to_be_visible()
    file = saved(page, page.get_by_role("link", name="rows.csv").click)
    assert len(file.path().read_text().splitlines()) == 12_001


@pytest.fixture
def own_collection(demo_collection: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(demo_collection, tmp_path / "own.soundgrep"))


@pytest.fixture
def own_page(own_collection: Path, visitor: Callable[..., BrowserContext]) -> Iterator[Page]:
    with served(own_collection) as address:
        yield opened(visitor().new_page(), address, "labels")


def test_labels_are_counted_heard_and_kept(own_page: Page, own_collection: Path) -> None:
    page = own_page
    page.get_by_label("Labels, one a line").fill("a dog barking\nrain\n<b>an engine</b>\na piano playing")
    page.get_by_role("button", name="Count").click()
    expect(page.get_by_text("71 of 71 clips called by 4 labels")).to_be_visible()
    page.locator(".hit").first.wait_for()
    shot(page, "labels")
    with writer_lock(own_collection):
        page.get_by_role("button", name="Keep the labels of 71 clips").click()
        expect(alert(page)).to_contain_text("another run is writing it, wait until it ends")
    page.get_by_role("button", name="Keep the labels of 71 clips").click()
    expect(alert(page)).to_contain_text("71 clips of own.soundgrep now have labels")
    rows = (
        Collection.open(own_collection).sql("SELECT DISTINCT label FROM labels ORDER BY 1").column("label").to_pylist()
    )
    assert rows == ["<b>an engine</b>", "a dog barking", "a piano playing", "rain"]
    page.goto(page.url.replace("/labels", "/?q=rain"))
    settled(page)
    expect(choice(page, "label", "<b>an engine</b>")).to_be_visible()
    page.goto(page.url.partition("?")[0] + "labels")
    settled(page)
    page.get_by_label("Labels, one a line").fill("only one")
    page.get_by_role("button", name="Count").click()
    expect(alert(page)).to_contain_text("a choice needs two or more")


def test_hits_are_taken_away_as_a_list_a_playlist_and_sounds(visit: Visit, demo_sounds: Path) -> None:
    page = visit(q="glass breaking")
    names = hit_names(page)
    for place in (0, 2):
        page.locator(".hit").nth(place).locator(".keep").click()
    page.get_by_role("button", name="Take away 2 kept").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("2 hits")).to_be_visible()
    shot(page, "take-away")
    listed = saved(page, dialog.get_by_role("link").click)
    assert listed.suggested_filename == "glass-breaking.csv"
    rows = list(csv.DictReader(listed.path().open()))
    assert {row["path"].rpartition("/")[2] for row in rows} == {names[0], names[2]}

    def taken(form: str, said: str) -> zipfile.ZipFile:
        dialog.get_by_label("As", exact=True).click()
        page.get_by_role("option", name=form).click()
        expect(dialog.get_by_text(said)).to_be_visible()
        file = saved(page, dialog.get_by_role("link", name="Download glass-breaking.zip").click)
        return zipfile.ZipFile(io.BytesIO(file.path().read_bytes()))

    files = taken("Whole files (zip)", "2 sounds,")
    assert files.testzip() is None
    by_name = {name.rpartition("/")[2]: name for name in files.namelist()}
    original = next(demo_sounds.rglob(names[0]))
    assert files.read(by_name[names[0]]) == original.read_bytes()
    spans = taken("What answers, as flac (zip)", "2 sounds, about")
    assert sorted(name.rpartition(".")[2] for name in spans.namelist()) == ["csv", "flac", "flac"]


def test_what_has_gone_is_named_before_and_in_the_archive(visit_odd: Visit) -> None:
    page = visit_odd(q="a sound")
    page.get_by_role("button", name="Take away").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("As", exact=True).click()
    page.get_by_role("option", name="Whole files (zip)").click()
    expect(dialog).to_contain_text("1 file cannot be found any more")
    expect(dialog).to_contain_text(MOVED)
    file = saved(page, dialog.get_by_role("link", name="Download a-sound.zip").click)
    with zipfile.ZipFile(file.path()) as archive:
        assert MOVED in archive.read("left out.txt").decode()
        assert len(archive.namelist()) >= len(HOSTILE) + 2
        assert not any(set(name) & set('<>:"\\|?*\n') or name.startswith("/") for name in archive.namelist())


def test_nothing_else_can_be_taken_away(visit: Visit) -> None:
    page = visit(q="rain")
    address = page.url.partition("/?")[0]
    assert page.request.get(f"{address}/soundgrep/take/nonsense/rain.csv").status == 404
    for path in ("../../../../etc/passwd", "nonsense/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "%2fetc/passwd"):
        assert "root:" not in page.request.get(f"{address}/soundgrep/take/{path}").text()
