"""`soundgrep queries`: what was saved under a name."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ..options import CollectionFolder
from ..screen import is_terminal, printable, quoted, say, shown_path, terminal_width, write_json, write_line

HELP = """\
List the queries that were saved in a collection, or delete one.

soundgrep search COLLECTION TEXT --save NAME saves one; so does the page
(soundgrep ui), where keeping and rejecting sounds makes a better one of it.
soundgrep search COLLECTION --saved NAME asks it again."""

EXAMPLES = """\
Examples:
  soundgrep search sounds.soundgrep rain --minus wind --save "calm rain"
  soundgrep queries sounds.soundgrep
  soundgrep search sounds.soundgrep --saved "calm rain"
  soundgrep queries sounds.soundgrep --delete "calm rain\""""


def queries(
    collection: CollectionFolder,
    delete: Annotated[
        str | None, typer.Option(metavar="NAME", help="Delete the query of this name.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the queries as a JSON list.")] = False,
) -> None:
    """List saved queries, or deletes one: one call of the library."""
    from ...search import Collection
    from ...search.saved import saved_queries

    if delete is not None:
        from ...indexer import delete_query

        delete_query(collection, delete)
        say(f"deleted {printable(delete.strip())!r} from {shown_path(collection)}")
        return
    found = saved_queries(Collection.open(collection).path)
    if as_json:
        write_json([one.to_json() for one in found])
        return
    if not found:
        say(f"no queries are saved; soundgrep search {quoted(collection)} TEXT --save NAME saves one")
        return
    from ..table import table_lines

    rows = [
        (printable(one.name), printable(one.text), _among(one.where, len(one.rejected)), one.saved_at[:10])
        for one in found
    ]
    width = terminal_width() if is_terminal(sys.stdout) else None
    for line in table_lines(["name", "query", "among", "saved"], rows, width=width):
        write_line(line)


def _among(where: str | None, n_rejected: int) -> str:
    """Return what it is asked among."""
    parts = [] if where is None else [printable(where)]
    if n_rejected:
        parts.append(f"without {n_rejected:,} rejected")
    return ", ".join(parts) or "all"
