"""The map of a collection: what lies where, what stays, and who sees it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from soundgrep import Encoder
from soundgrep.indexer import map_collection
from soundgrep.indexer.maintenance.layout import by_neighbourhoods, placed_among
from soundgrep.model.errors import CollectionError, QueryError, UsageError
from soundgrep.search import Collection
from soundgrep.search.map import MAX_CORNERS, colour_columns, has_map, inside, read_plane

from ..search.made import Float, add_clips, unit


def families(n: int, *, dim: int, seed: int = 0) -> tuple[list[Float], list[int]]:
    """Clips of three families, of one to three segments each, and the family of each."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((3, dim))
    of = [number % 3 for number in range(n)]
    return [unit(centres[one] + 0.15 * rng.standard_normal((1 + number % 3, dim))) for number, one in enumerate(of)], of


def places(collection: Path) -> dict[int, tuple[float, float]]:
    rows = Collection.open(collection).sql("SELECT clip_id, x, y FROM map ORDER BY clip_id").to_pylist()
    return {row["clip_id"]: (row["x"], row["y"]) for row in rows}


def by_path(collection: Path) -> list[tuple[float, float]]:
    rows = Collection.open(collection).sql("SELECT x, y FROM map JOIN clips USING (clip_id) ORDER BY path[-9:]")
    return [(row["x"], row["y"]) for row in rows.to_pylist()]


@pytest.fixture
def mapped(tmp_path: Path, encoder: Encoder) -> tuple[Path, list[int]]:
    clips, of = families(90, dim=encoder.embedding_dim)
    folder = add_clips(tmp_path / "made", clips, encoder=encoder, index=False)
    report = map_collection(folder, method="pca")
    assert (report.method, report.n_clips, report.n_new, report.n_placed) == ("pca", 90, 90, 0)
    return folder, of


def test_sounds_that_are_alike_lie_together(mapped: tuple[Path, list[int]]) -> None:
    folder, of = mapped
    at, family = np.array(by_path(folder)), np.array(of)
    assert np.abs(at).max() == pytest.approx(1)
    centres = np.stack([at[family == one].mean(axis=0) for one in range(3)])
    nearest = np.linalg.norm(at[:, None] - centres, axis=2).argmin(axis=1)
    assert (nearest == family).all()


def test_the_same_clips_give_the_same_map(mapped: tuple[Path, list[int]]) -> None:
    folder, _ = mapped
    before = places(folder)
    assert map_collection(folder).n_new == 0
    assert map_collection(folder, again=True).method == "pca"
    assert places(folder) == before


def test_a_map_gets_what_is_new(mapped: tuple[Path, list[int]], encoder: Encoder) -> None:
    folder, _ = mapped
    clips, _ = families(99, dim=encoder.embedding_dim)
    add_clips(folder, clips[90:], encoder=encoder, first=90, index=False)
    assert read_plane(Collection.open(folder)).n_missing == 9
    report = map_collection(folder)
    assert (report.method, report.n_clips, report.n_new) == ("pca", 99, 9)
    assert read_plane(Collection.open(folder)).n_missing == 0


def test_by_neighbourhoods_old_clips_stay_and_new_ones_lie_among_their_like(tmp_path: Path, encoder: Encoder) -> None:
    clips, of = families(66, dim=encoder.embedding_dim)
    folder = add_clips(tmp_path / "made", clips[:60], encoder=encoder, index=False)
    assert map_collection(folder, method="umap").method == "umap"
    before = places(folder)
    add_clips(folder, clips[60:], encoder=encoder, first=60, index=False)
    report = map_collection(folder)
    assert (report.method, report.n_new, report.n_placed) == ("umap", 6, 6)
    after = places(folder)
    assert {clip: after[clip] for clip in before} == before
    at, family = np.array(by_path(folder)), np.array(of)
    centres = np.stack([at[:60][family[:60] == one].mean(axis=0) for one in range(3)])
    nearest = np.linalg.norm(at[60:, None] - centres, axis=2).argmin(axis=1)
    assert (nearest == family[60:]).all()
    assert map_collection(folder, method="pca").n_new == 66


def test_few_clips_have_a_map_too(tmp_path: Path, encoder: Encoder) -> None:
    for n in (0, 1, 2, 5):
        clips, _ = families(n, dim=encoder.embedding_dim)
        folder = add_clips(tmp_path / str(n), clips, encoder=encoder, index=False)
        for method in ("pca", "umap"):
            assert map_collection(folder, method=method).n_clips == n
            assert len(places(folder)) == n
        assert read_plane(Collection.open(folder)).n_clips == n


def test_all_alike_is_no_trouble() -> None:
    alike = np.ones((40, 8), np.float32)
    laid_out = by_neighbourhoods(alike[:10])
    assert np.isfinite(laid_out).all()
    placed = np.concatenate(list(placed_among(alike, alike[:3], np.array([[0, 0], [1, 1], [1, 0]], np.float32))))
    assert np.isfinite(placed).all()
    assert placed.shape == (40, 2)


def test_an_area_is_a_filter(mapped: tuple[Path, list[int]]) -> None:
    folder, _ = mapped
    opened = Collection.open(folder)
    corners = [(-1.1, -0.9), (0.3, -1.2), (0.05, 0.0), (0.4, 1.1), (-0.7, 0.8)]
    found = opened.search(embedding=np.ones(opened.manifest.encoding.embedding_dim), k=1000, where=inside(corners))
    expected = {clip for clip, (x, y) in places(folder).items() if _is_inside(x, y, corners)}
    assert 0 < len(expected) < 90
    assert {hit.clip_id for hit in found} == expected


def _is_inside(x: float, y: float, corners: list[tuple[float, float]]) -> bool:
    """The even-odd rule as everybody writes it."""
    odd = False
    for (x1, y1), (x2, y2) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            odd = not odd
    return odd


@pytest.mark.parametrize("corners", [[(0, 0), (1, 1)], [(0, 0)] * (MAX_CORNERS + 1), [(0, 0), (1, 1), (0, np.nan)]])
def test_what_is_no_area_is_refused(corners: list[tuple[float, float]]) -> None:
    with pytest.raises(QueryError, match=r"area|corners"):
        inside(corners)


def test_a_map_is_coloured_by_what_is_known(mapped: tuple[Path, list[int]]) -> None:
    opened = Collection.open(mapped[0])
    assert colour_columns(opened)[:2] == ["folder", "codec"]
    plane = read_plane(opened, colour="codec")
    assert [(group.name, group.n_clips) for group in plane.groups] == [("pcm_s16le", 45), ("vorbis", 45)]
    folders = read_plane(opened, colour="folder")
    assert [(group.name, group.n_clips) for group in folders.groups][-1] == ("others", 18)
    assert sum(group.n_clips for group in folders.groups) == 90
    lengths = read_plane(opened, colour="duration_s")
    assert sum(group.n_clips for group in lengths.groups) == 90
    with pytest.raises(QueryError, match="no column 'x'"):
        read_plane(opened, colour="x")


def test_a_large_map_is_thinned_where_it_is_crowded(mapped: tuple[Path, list[int]]) -> None:
    opened = Collection.open(mapped[0])
    whole = read_plane(opened)
    plane = read_plane(opened, most=30, always=whole.clip_ids[-3:].tolist())
    assert 30 <= len(plane.clip_ids) <= 33
    assert set(whole.clip_ids[-3:].tolist()) <= set(plane.clip_ids.tolist())
    assert plane.n_clips == 90
    assert plane.clip_ids.tolist() == read_plane(opened, most=30, always=whole.clip_ids[-3:].tolist()).clip_ids.tolist()


def test_what_cannot_be_is_said(mapped: tuple[Path, list[int]], tmp_path: Path, encoder: Encoder) -> None:
    with pytest.raises(UsageError, match="pca or umap, not 'tsne'"):
        map_collection(mapped[0], method="tsne")
    with pytest.raises(CollectionError, match="there is no such collection"):
        map_collection(tmp_path / "nothing")
    clips, _ = families(3, dim=encoder.embedding_dim)
    bare = add_clips(tmp_path / "bare", clips, encoder=encoder, index=False)
    assert not has_map(Collection.open(bare))
    with pytest.raises(QueryError, match="no map yet"):
        read_plane(Collection.open(bare))
    shutil.rmtree(mapped[0] / "encodings" / "tiny" / "segments")
    with pytest.raises(CollectionError):
        map_collection(mapped[0], again=True)
