"""The table and the index of benchmark-index_building, for what searches them."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

from index_building import build, make_table

from soundgrep.search.store.manifest import Costs, CurvePoint, IndexRecord, Route, Tuning

RECORD = "record.json"


def table_folder(folder: Path, *, n: int, dim: int) -> Path:
    """Where the segments table is kept."""
    return folder / f"segments-{n}x{dim}"


def made_index(folder: Path, *, n: int, dim: int) -> tuple[Path, IndexRecord]:
    """The folder of the index and its record; built, and the table made, if they are not there."""
    place = folder / f"index-{n}x{dim}"
    if not (place / RECORD).exists():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(place, ignore_errors=True)
        table = make_table(table_folder(folder, n=n, dim=dim), n=n, dim=dim)
        record = build(table, place, n=n, dim=dim)
        (place / RECORD).write_text(json.dumps(dataclasses.asdict(record), indent=2), "utf-8")
    return place, parsed_record(json.loads((place / RECORD).read_text("utf-8")))


def parsed_record(kept: dict[str, Any]) -> IndexRecord:
    """What `dataclasses.asdict` made of an index's record."""
    tuning = kept["tuning"]
    if tuning is None:  # few segments: it compares them all
        return IndexRecord(**kept)
    routes, curve = (Route(**one) for one in tuning["routes"]), (CurvePoint(**one) for one in tuning["curve"])
    lists = {"routes": tuple(routes), "curve": tuple(curve), "costs": Costs(**tuning["costs"])}
    return IndexRecord(**{**kept, "tuning": Tuning(**{**tuning, **lists})})
