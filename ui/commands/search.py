"""`soundgrep search`: the sounds that are most like a text, like other sounds, or like a sum of them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...model.errors import UsageError
from ...model.paths import user_path
from .. import options
from ..embeddings import read_embedding
from ..export import check_output, save_hits
from ..hits import write_hits
from ..lean import leave_out_pandas
from ..screen import printable, say, shown_path, write_json

if TYPE_CHECKING:
    from ...search import Collection, Explanation, Hits, Query, SearchRequest
    from ...search.collection import Searchable

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

_ENDING = ".soundgrep"
_WEIGHTED = re.compile(r"(.*\S)\s*\*\s*(\d+(?:\.\d+)?|\.\d+)\s*", re.DOTALL)


def search(
    collection: options.SearchedFolder,
    text: options.Words = None,
    plus: options.Plus = None,
    minus: options.Minus = None,
    like: options.Like = None,
    audio: options.Audio = None,
    embedding: options.Embedding = None,
    saved: options.Saved = None,
    queries: options.QueryFile = None,
    where: options.Where = None,
    bind: options.WhereValues = None,
    encoder: options.EncoderName = None,
    text_match: options.TextMatch = "off",
    k: options.Count = 10,
    offset: options.Offset = 0,
    by: options.By = "clip",
    min_score: options.MinScore = None,
    fold: options.Fold = False,
    save: options.Save = None,
    output: options.Output = None,
    spans: options.Spans = None,
    explain: options.Explain = False,
    as_json: options.HitsAsJson = False,
) -> None:
    """Search a collection: one `SearchRequest`, one answer, and a line a hit."""
    leave_out_pandas()
    if audio:
        from ...model.audio.decoders import prepare_decoder

        prepare_decoder()  # it starts while the collection is opened
    from ...search import Collection, Collections, SearchOptions, SearchRequest
    from ...search.querying.condition import Condition

    listing = SearchOptions(by, offset, min_score, fold, text_match)  # type: ignore[arg-type]  # refused there
    if output is not None or spans is not None:
        check_output(output, spans)
    condition = Condition(where, options.bound_values(bind))
    # Words need no quotes: `search sounds.soundgrep dog barking` looks for "dog barking".
    more, words = _parted(text or ())
    query = _sum(" ".join(words) if words else None, plus, minus, like, audio, embedding)
    lines = _lines(queries, words=words, save=save, output=output)
    _check_query(more, is_empty=query is None and saved is None and lines is None, is_named=bool(save or saved))
    request = SearchRequest(_queries(lines, query), k, condition, listing, encoder, explain)
    opened: Searchable = Collections.open([collection, *more]) if more else Collection.open(collection)
    if saved is not None or save is not None:
        request = _named(opened.members[0], request, saved=saved, save=save)
    answers = opened.answer(request)
    if lines is not None:
        _write_answers(lines, request.queries, answers)
        return
    _write(opened, request, answers[0], output=output, spans=spans, as_json=as_json)


def _named(collection: Collection, request: SearchRequest, *, saved: str | None, save: str | None) -> SearchRequest:
    """Add a saved query to a request, and save what it then looks for."""
    if saved is not None:
        from ...search.saved import with_saved

        request = with_saved(request, collection, saved)
    if save is not None:
        from ...indexer import save_query

        condition = request.condition
        save_query(collection, save, request.queries[0], where=condition.where, values=condition.values)
    return request


def _write(
    opened: Searchable,
    request: SearchRequest,
    hits: Hits,
    *,
    output: Path | None,
    spans: str | None,
    as_json: bool,
) -> None:
    """Write the hits where they are wanted, and say on stderr what is to be known beside them."""
    from ...search.querying.query import language_note

    if output is not None and hits:
        save_hits(opened, hits, output, spans=spans)
    elif as_json:
        write_json([hit.to_json() for hit in hits])
    elif hits:
        write_hits(hits)
    else:
        say(_no_hits(opened, request))
    if hits.nothing_like_it:
        say("nothing here sounds like that: even the best is no better than what any text finds")
    if note := language_note(request.queries[0].texts):
        say(f"note: {note}")
    if hits.explanation is not None:
        say(_explained(hits.explanation))
        for name, part in hits.explanation.parts.items():
            say(f"{printable(name)}: {_explained(part)}")


def _parted(words: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Part further collections from the words that follow them."""
    from ...search.store.manifest import MANIFEST_NAME

    def is_collection(word: str) -> bool:
        # A word may be too long for a path, which only the functions of os.path take for "no".
        manifest = os.path.join(os.path.expanduser(word), MANIFEST_NAME)  # noqa: PTH111, PTH118
        return word.endswith(_ENDING) or os.path.isfile(manifest)  # noqa: PTH113

    n = next((n for n, word in enumerate(words) if not is_collection(word)), len(words))
    return [Path(word) for word in words[:n]], list(words[n:])


def _lines(file: Path | None, *, words: Sequence[str], save: str | None, output: Path | None) -> list[str] | None:
    """Read the lines of `--queries`, which some other options do not go with; None without it."""
    if file is None:
        return None
    if words or save is not None or output is not None:
        other = "a TEXT" if words else "--save" if save is not None else "--output"
        raise UsageError(f"search takes {other} or --queries, not both")
    from ...search.evaluation.listing import read_lines

    return [line for _, line in read_lines(file)]


def _check_query(more: Sequence[Path], *, is_empty: bool, is_named: bool) -> None:
    if more and is_named:
        raise UsageError("a query is saved in one collection, not in several")
    if is_empty:
        taken = f" ({printable(str(more[-1]))} is a collection; --plus looks for the word)" if more else ""
        raise UsageError(
            "there is nothing to look for: give a TEXT, --plus, --minus, --like, --audio, --embedding, --saved or "
            f"--queries{taken}"
        )


def _sum(
    text: str | None,
    plus: Sequence[str] | None,
    minus: Sequence[str] | None,
    like: Sequence[str] | None,
    audio: Sequence[Path] | None,
    embedding: Sequence[Path] | None,
) -> Query | None:
    """Add up what is looked for; None if nothing is."""
    from ...search import Query

    terms = [Query.text(text)] if text is not None else []
    terms += [_weighted(one) for one in plus or ()]
    terms += [Query.like(int(one) if one.isdecimal() else one) for one in like or ()]
    terms += [Query.audio(user_path(one)) for one in audio or ()]
    terms += [read_embedding(one) for one in embedding or ()]
    terms += [-_weighted(one) for one in minus or ()]
    return None if not terms else sum(terms[1:], start=terms[0])


def _queries(lines: Sequence[str] | None, query: Query | None) -> tuple[Query, ...]:
    """List what an answer each is given to: every line with the rest, or the rest alone."""
    from ...search import Query

    if lines is None:
        return () if query is None else (query,)
    return tuple(Query.text(line) if query is None else Query.text(line) + query for line in lines)


def _weighted(text: str) -> Query:
    """Read `TEXT` or `TEXT*0.5`."""
    from ...search import Query

    weighted = _WEIGHTED.fullmatch(text)
    return Query.text(text) if weighted is None else float(weighted[2]) * Query.text(weighted[1])


def _write_answers(lines: Sequence[str], queries: Sequence[Query], answers: Sequence[Hits]) -> None:
    """Write a line of JSON for each answer."""
    from ...search.querying.query import language_note

    for line, query, hits in zip(lines, queries, answers, strict=True):
        document = {
            "query": line,
            "note": language_note(query.texts),
            "nothing_like_it": hits.nothing_like_it,
            "hits": [hit.to_json() for hit in hits],
        }
        write_json(document, indent=None)


def _no_hits(opened: Searchable, request: SearchRequest) -> str:
    listing, where = request.options, request.condition.where
    if opened.n_clips == 0:
        folders = [member.path for member in opened.members]
        return f"no hits: {', '.join(map(shown_path, folders))} hold{'s' if len(folders) == 1 else ''} no clips"
    reasons = []
    if where is not None:
        reasons.append(f"no clip passes --where {printable(where)!r}")
    if listing.min_score is not None:
        reasons.append(f"nothing scores {listing.min_score:g}")
    if listing.text_match == "only":
        reasons.append("no name, tag or caption holds a word of the text")
    if listing.offset:
        reasons.append(f"there are not more than {listing.offset}")
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
