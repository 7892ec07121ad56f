"""`soundgrep search`: the sounds that are most like a text, like other sounds, or like a sum of them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...model.errors import UsageError
from ...model.paths import user_path
from ..binding import bound_values
from ..embeddings import read_embedding
from ..export import check_output, save_hits
from ..hits import write_hits
from ..lean import leave_out_pandas
from ..screen import printable, say, shown_path, write_json

if TYPE_CHECKING:
    from ...search import Collection, Collections, Explanation, Query, SearchOptions

HELP = """\
Find the clips that sound most like TEXT.

Each line is a hit: its rank, its score (1 is the most alike), the seconds of
the clip that fit best, and the file. TEXT, --plus, --like and --audio add up;
--minus takes away."""

EXAMPLES = """\
Examples:
  soundgrep search sounds.soundgrep dog barking in the rain
  soundgrep search sounds.soundgrep rain --plus wind --minus "music*0.5"
  soundgrep search sounds.soundgrep --like ~/Sounds/bark.wav -k 3
  soundgrep search sounds.soundgrep siren --where "duration_s < 30"
  soundgrep search sounds.soundgrep siren --text-match on --fold --json
  soundgrep search field.soundgrep studio.soundgrep rain on a tin roof
  soundgrep search sounds.soundgrep rain --minus wind --save "calm rain"

--where takes any SQL condition on a clip: path, codec, duration_s,
sampling_rate_hz, n_channels, rms_dbfs, title, artist, label, and what
soundgrep metadata added."""

_ASKED = "What to look for"
_ENDING = ".soundgrep"
_WHICH = "Where to look"
_LISTED = "What to list"
_WEIGHTED = re.compile(r"(.*\S)\s*\*\s*(\d+(?:\.\d+)?|\.\d+)\s*", re.DOTALL)


def search(
    collection: Annotated[
        Path,
        typer.Argument(
            metavar="COLLECTION...", help="A folder that soundgrep index wrote, or several.", show_default=False
        ),
    ],
    text: Annotated[
        list[str] | None, typer.Argument(metavar="TEXT", help="What you want to hear.", show_default=False)
    ] = None,
    plus: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT", help='And this; "TEXT*0.5" counts half.', show_default=False, rich_help_panel=_ASKED
        ),
    ] = None,
    minus: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="But not this.", show_default=False, rich_help_panel=_ASKED),
    ] = None,
    like: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CLIP",
            help="Like this: a file of the collection, or the id of a clip or segment.",
            show_default=False,
            rich_help_panel=_ASKED,
        ),
    ] = None,
    audio: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Like this file, from anywhere.", show_default=False, rich_help_panel=_ASKED),
    ] = None,
    embedding: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Like this embedding: .npy, or a list of numbers in JSON.",
            show_default=False,
            rich_help_panel=_ASKED,
        ),
    ] = None,
    saved: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="And what was saved under this name, with its filter.",
            show_default=False,
            rich_help_panel=_ASKED,
        ),
    ] = None,
    queries: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Instead of TEXT: every line of a text file; prints a line of JSON for each.",
            show_default=False,
            rich_help_panel=_ASKED,
        ),
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(
            metavar="SQL", help="Only clips for which this is true.", show_default=False, rich_help_panel=_WHICH
        ),
    ] = None,
    bind: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE", help="The value of $NAME in --where.", show_default=False, rich_help_panel=_WHICH
        ),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|both",
            help="Which of the collection's encoders is asked, by default the first; both: all, fused by rank.",
            show_default=False,
            rich_help_panel=_WHICH,
        ),
    ] = None,
    text_match: Annotated[
        str,
        typer.Option(
            metavar="off|on|only",
            help="Look for the words in names, tags and captions: off, on or only.",
            rich_help_panel=_WHICH,
        ),
    ] = "off",
    k: Annotated[int, typer.Option("-k", metavar="N", help="How many hits.", rich_help_panel=_LISTED)] = 10,
    offset: Annotated[
        int, typer.Option(metavar="N", help="How many hits to pass over first.", rich_help_panel=_LISTED)
    ] = 0,
    by: Annotated[
        str,
        typer.Option(
            metavar="clip|segment", help="Each clip once, or every segment by itself.", rich_help_panel=_LISTED
        ),
    ] = "clip",
    min_score: Annotated[
        float | None,
        typer.Option(metavar="SCORE", help="Only hits from this score.", show_default=False, rich_help_panel=_LISTED),
    ] = None,
    fold: Annotated[
        bool, typer.Option("--fold", help="List near copies once, as the best of them.", rich_help_panel=_LISTED)
    ] = False,
    save: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Keep the query and its --where in the collection under this name.",
            show_default=False,
            rich_help_panel=_LISTED,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the hits to a file: .csv, .json, .parquet, .m3u, or .zip for their sounds.",
            show_default=False,
            rich_help_panel=_LISTED,
        ),
    ] = None,
    spans: Annotated[
        str | None,
        typer.Option(
            metavar="wav|flac",
            help="In the .zip, only the seconds that answer, cut out.",
            show_default=False,
            rich_help_panel=_LISTED,
        ),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say on stderr how the search went.", rich_help_panel=_LISTED)
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the hits as a JSON list.", rich_help_panel=_LISTED)
    ] = False,
) -> None:
    """Searches a collection: one call of `Collection.search` and a line a hit."""
    leave_out_pandas()
    if audio:
        from ...model.audio.decoders import prepare_decoder

        prepare_decoder()  # it starts while the collection is opened
    from ...search import Collection, Collections, SearchOptions

    options = SearchOptions(
        by=by,  # type: ignore[arg-type]  # refused there in one sentence if it is another word
        offset=offset,
        min_score=min_score,
        fold=fold,
        text_match=text_match,  # type: ignore[arg-type]
    )
    check_output(output, spans)
    values = bound_values(bind)
    # Words need no quotes: `search sounds.soundgrep dog barking` asks for "dog barking".
    more, words = _parted(text or ())
    asked = _query(" ".join(words) if words else None, plus, minus, like, audio, embedding)
    if queries is not None and (words or save is not None or output is not None):
        other = "a TEXT" if words else "--save" if save is not None else "--output"
        raise UsageError(f"search takes {other} or --queries, not both")
    if more and (save is not None or saved is not None):
        raise UsageError("a query is saved in one collection, not in several")
    if asked is None and saved is None and queries is None:
        taken = f" ({printable(str(more[-1]))} is a collection; --plus looks for the word)" if more else ""
        raise UsageError(
            "there is nothing to look for: give a TEXT, --plus, --minus, --like, --audio, --embedding, --saved or "
            f"--queries{taken}"
        )
    opened = Collections.open([collection, *more]) if more else Collection.open(collection)
    if saved is not None and isinstance(opened, Collection):
        asked, where, values = _with_saved(opened, saved, asked, where, values)
    if queries is not None:
        _search_many(opened, queries, asked, k, where, values, options, encoder)
        return
    if asked is None:
        return
    if save is not None and isinstance(opened, Collection):
        from ...indexer import save_query

        save_query(opened, save, asked, where=where, values=values)
    hits = opened.search(
        asked, k=k, where=where, where_values=values, options=options, encoder=encoder, explain=explain
    )
    if output is not None and hits:
        save_hits(Collections([opened]) if isinstance(opened, Collection) else opened, hits, output, spans=spans)
    elif as_json:
        write_json([hit.to_json() for hit in hits])
    elif hits:
        write_hits(hits)
    else:
        say(_no_hits(opened, where, options))
    if hits.nothing_like_it:
        say("nothing here sounds like that: even the best is no better than what any text finds")
    if any(map(_is_foreign, asked.texts)):
        say(
            "note: the encoders learned English, and a text in other letters tells them little: ask in English if the "
            "hits make no sense"
        )
    if hits.explanation is not None:
        say(_explained(hits.explanation))


def _is_foreign(text: str) -> bool:
    """Tell whether most letters of a text are of another script than the Latin one."""
    import unicodedata

    letters = [char for char in text if char.isalpha()]
    n_latin = sum(unicodedata.name(char, "").startswith(("LATIN", "FULLWIDTH LATIN")) for char in letters)
    return 2 * n_latin < len(letters)


def _parted(words: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Parts further collections from the words that follow them."""
    from ...search.store.manifest import MANIFEST_NAME

    def is_collection(word: str) -> bool:
        # A word may be too long for a path, which only the functions of os.path take for "no".
        manifest = os.path.join(os.path.expanduser(word), MANIFEST_NAME)  # noqa: PTH111, PTH118
        return word.endswith(_ENDING) or os.path.isfile(manifest)  # noqa: PTH113

    n = next((n for n, word in enumerate(words) if not is_collection(word)), len(words))
    return [Path(word) for word in words[:n]], list(words[n:])


def _query(
    text: str | None,
    plus: Sequence[str] | None,
    minus: Sequence[str] | None,
    like: Sequence[str] | None,
    audio: Sequence[Path] | None,
    embedding: Sequence[Path] | None,
) -> Query | None:
    """Adds up what was asked for; None if nothing was."""
    from ...search import Query

    terms = [Query.text(text)] if text is not None else []
    terms += [_weighted(one) for one in plus or ()]
    terms += [Query.like(int(one) if one.isdecimal() else one) for one in like or ()]
    terms += [Query.audio(user_path(one)) for one in audio or ()]
    terms += [read_embedding(one) for one in embedding or ()]
    terms += [-_weighted(one) for one in minus or ()]
    return None if not terms else sum(terms[1:], start=terms[0])


def _with_saved(
    collection: Collection, name: str, asked: Query | None, where: str | None, values: dict[str, object]
) -> tuple[Query, str | None, dict[str, object]]:
    """Adds a saved query to what was asked for, and its filter to the one given."""
    from ...search.querying.condition import Condition
    from ...search.saved import saved_query

    saved = saved_query(collection.path, collection.manifest, name)
    condition = Condition.joined(saved.condition, Condition(where, values))
    query = saved.query if asked is None else saved.query + asked
    return query, condition.where, dict(condition.values)


def _weighted(text: str) -> Query:
    """Reads `TEXT` or `TEXT*0.5`."""
    from ...search import Query

    weighted = _WEIGHTED.fullmatch(text)
    return Query.text(text) if weighted is None else float(weighted[2]) * Query.text(weighted[1])


def _search_many(
    opened: Collection | Collections,
    file: Path,
    more: Query | None,
    k: int,
    where: str | None,
    values: dict[str, object],
    options: SearchOptions,
    encoder: str | None,
) -> None:
    """Answers every line of a file: one call of `Collection.search_many` and a line of JSON each."""
    from ...search import Query
    from ...search.evaluation.listing import read_lines

    lines = [line for _, line in read_lines(file)]
    queries = [Query.text(line) if more is None else Query.text(line) + more for line in lines]
    answers = opened.search_many(queries, k=k, where=where, where_values=values, options=options, encoder=encoder)
    for line, hits in zip(lines, answers, strict=True):
        document = {
            "query": line,
            "nothing_like_it": hits.nothing_like_it,
            "hits": [hit.to_json() for hit in hits],
        }
        write_json(document, indent=None)


def _no_hits(opened: Collection | Collections, where: str | None, options: SearchOptions) -> str:
    if opened.n_clips == 0:
        folders = [member.path for member in getattr(opened, "members", [opened])]
        return f"no hits: {', '.join(map(shown_path, folders))} hold{'s' if len(folders) == 1 else ''} no clips"
    reasons = []
    if where is not None:
        reasons.append(f"no clip passes --where {printable(where)!r}")
    if options.min_score is not None:
        reasons.append(f"nothing scores {options.min_score:g}")
    if options.text_match == "only":
        reasons.append("no name, tag or caption holds a word of the text")
    if options.offset:
        reasons.append(f"there are not more than {options.offset}")
    return f"no hits: {', or '.join(reasons) or 'there is nothing else in the collection'}"


def _explained(explanation: Explanation) -> str:
    plan = explanation.plan
    how = "every segment allowed is compared"
    if plan.kind == "index":
        how = f"{plan.nprobe:,} of the {plan.nlist:,} cells of the index are visited"
    return (
        f"plan: {plan.n_allowed:,} of {plan.n_segments:,} segments are allowed, {how}; it took "
        f"{explanation.query_ms:.1f} ms for the query, {explanation.filter_ms:.1f} ms for the filter, "
        f"{explanation.ranking_ms:.1f} ms for the hits"
    )
