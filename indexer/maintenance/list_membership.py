"""Listed clips: which clips a collection has only because a list names them."""

from collections import defaultdict
from collections.abc import Collection as AnyOf
from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from ...model.errors import CollectionError
from ...search.store.annexes import LISTED_ANNEX, METADATA_ANNEX, read_annex
from ..inputs.coverage import ListCoverage
from ..inputs.files import Findings
from ..writing.writer import Writer
from .metadata import known_metadata, merge_metadata

Claims = dict[str, set[int]]


def take_lists(writer: Writer, findings: Findings, known: AnyOf[int]) -> None:
    """Note which clips lists name and what the sources say of their clips, before any of them is read.

    A list covers what it names and what it named before, unless another list or a folder has that too: a row that is
    taken out of the list takes its clip out of the collection, and nothing else. Noted first, it holds for a run that
    is killed as well; of clips that never come to be, nobody reads it.

    Args:
        writer: The collection.
        findings: What the sources show; gets the coverage of the lists among them.
        known: Clips that the collection has.

    Raises:
        CollectionError: If the collection cannot be written.
        UsageError: If what the sources say does not go together with what the collection knows.
    """
    before = _claims(writer)
    after = _claims_after(before, findings, known)
    for name in findings.lists:
        others = set().union(*(ids for other, ids in after.items() if other != name))
        findings.coverage.append(ListCoverage(frozenset(after.get(name, set()) - others)))
    if after != before:
        rows = sorted((clip_id, name) for name, ids in after.items() for clip_id in ids)
        columns = {
            "clip_id": pa.array([clip_id for clip_id, _ in rows], pa.int64()),
            "source": pa.array([name for _, name in rows], pa.string()),
        }
        writer.write_annex(LISTED_ANNEX, pa.table(columns))
    if findings.columns:
        _take_columns(writer, findings, known)


def _claims(writer: Writer) -> Claims:
    table = read_annex(writer.folder, writer.manifest, LISTED_ANNEX)
    claims: defaultdict[str, set[int]] = defaultdict(set)
    if table is not None:
        for row in table.read().to_pylist():
            claims[row["source"]].add(row["clip_id"])
    return dict(claims)


def _claims_after(before: Mapping[str, set[int]], findings: Findings, known: AnyOf[int]) -> Claims:
    claimed: set[int] = set().union(*before.values())
    after = {name: {one for one in ids if one in known} - findings.outside_lists for name, ids in before.items()}
    for name, ids in findings.lists.items():
        # A clip that no list brought is a folder's, and stays when the list drops it.
        own = {one for one in ids if one in claimed or one not in known} - findings.outside_lists
        after[name] = after.get(name, set()) | own
    return {name: ids for name, ids in after.items() if ids}


def _take_columns(writer: Writer, findings: Findings, known: AnyOf[int]) -> None:
    try:
        old = merged = known_metadata(writer.folder, writer.manifest)
    except CollectionError:
        old = merged = None  # damaged: what the sources say can be written anew
    there = np.array(
        [*known, *findings.outside_lists, *(one for ids in findings.lists.values() for one in ids)], np.int64
    )
    for columns in findings.columns:
        is_there = np.isin(columns.column("clip_id").to_numpy(), there)
        merged = merge_metadata(merged, columns.filter(pa.array(is_there)), name="the sources")
    if merged is not None and (old is None or not merged.equals(old.select(merged.column_names).sort_by("clip_id"))):
        writer.write_annex(METADATA_ANNEX, merged)
