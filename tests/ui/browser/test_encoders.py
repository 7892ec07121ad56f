"""A collection that several encoders heard: whose ears are asked is chosen on the page, and stands in its address."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from soundgrep import Collection, SearchOptions

from ..command import soundgrep as run
from .conftest import DEMO, alert, hit_names, hits_change, opened, served


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory, tiny_clap_checkpoint: Path) -> Path:
    folder = tmp_path_factory.mktemp("ears") / "animals.soundgrep"
    for encoder in ("mini", tiny_clap_checkpoint):
        done = run("index", DEMO / "animals", folder, "--encoder", encoder, "--workers", "1")
        assert done.code == 0, done.err
    return folder


@pytest.fixture(scope="module")
def address(collection: Path) -> Iterator[str]:
    with served(collection) as found:
        yield found


def test_another_encoder_and_all_of_them_are_asked(
    visitor: Callable[..., BrowserContext], address: str, collection: Path
) -> None:
    page = opened(visitor().new_page(), address, q="a dog barking")
    stored = Collection.open(collection)

    def wanted(encoder: str | None) -> list[str]:
        hits = stored.search("a dog barking", k=20, encoder=encoder, options=SearchOptions(fold=True))
        return [Path(hit.path).name for hit in hits]

    assert hit_names(page) == wanted(None)
    for label, name in ((stored.encoders[1], stored.encoders[1]), ("all, fused by rank", "both")):
        page.get_by_label("Listing").click()
        with hits_change(page):
            page.get_by_label("Heard by").select_option(label=label)
        assert f"encoder={name}" in page.url
        assert hit_names(page) == wanted(name)
        page.get_by_label("Listing").click()


def test_an_encoder_that_is_not_there_is_named(visitor: Callable[..., BrowserContext], address: str) -> None:
    page = opened(visitor().new_page(), address, q="rain", encoder="nobody")
    expect(alert(page)).to_contain_text("nobody")
