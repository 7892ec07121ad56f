"""Lexical: the words of file names, folders, tags and the like, ranked by BM25."""

from collections.abc import Callable
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc
import tantivy

# Where a word ends inside a name, beside what is no letter or digit: GlassBreak, HTTPServer, take3, 3rd.
_JOINTS = (
    (r"(\p{Ll})(\p{Lu})", r"\1 \2"),
    (r"(\p{Lu})(\p{Lu}\p{Ll})", r"\1 \2"),
    (r"(\p{L})(\p{Nd})", r"\1 \2"),
    (r"(\p{Nd})(\p{L})", r"\1 \2"),
)
_MAX_WORDS = 64
# So much that all is written as one part: several would have names drawn at random, by which equals are ordered.
_WRITER_BYTES = 1_000_000_000
_ID, _WORDS = "clip_id", "words"


class Lexical:
    """A BM25 index in memory over what is written about clips; threads may share it.

    Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009, as tantivy computes it.
    Words are compared without case, accents and English endings.

    Args:
        rows: What is written about each clip: columns `clip_id`, int64, and `words`, string.
    """

    def __init__(self, rows: pa.Table) -> None:
        tokenizer = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
        for step in (
            tantivy.Filter.lowercase(),
            tantivy.Filter.ascii_fold(),
            tantivy.Filter.stopword("english"),
            tantivy.Filter.stemmer("english"),
        ):
            tokenizer = tokenizer.filter(step)
        self._analyzer = tokenizer.build()
        builder = tantivy.SchemaBuilder()
        builder.add_integer_field(_ID, fast=True)
        builder.add_text_field(_WORDS, tokenizer_name=_WORDS, index_option="freq")
        self._schema = builder.build()
        index = tantivy.Index(self._schema)
        index.register_tokenizer(_WORDS, self._analyzer)
        writer = index.writer(_WRITER_BYTES, 1)  # one thread: the same rows always give the same ranking
        # In order of their ids, equals are ranked alike whichever clip came first.
        for batch in rows.sort_by(_ID).to_batches():
            texts = _split(batch.column(_WORDS)).to_pylist()
            for clip_id, text in zip(batch.column(_ID).to_pylist(), texts, strict=True):
                writer.add_document(tantivy.Document(**{_ID: clip_id, _WORDS: text or ""}))
        writer.commit()
        writer.wait_merging_threads()
        index.reload()
        self._searcher = index.searcher()

    def best(self, words: str, n: int, *, allowed: Callable[[int], bool] | None = None) -> list[int]:
        """Find the clips that the words fit best.

        Args:
            words: Any text; one of its words is enough, more of them and rarer ones count more.
            n: Clips wanted, at least 1.
            allowed: Tells whether a clip may be returned; None for all.

        Returns:
            Up to `n` clips, best first; none that holds no word of the text.
        """
        terms = self._terms(words)
        if not terms:
            return []
        query = tantivy.Query.boolean_query(
            [(tantivy.Occur.Should, tantivy.Query.term_query(self._schema, _WORDS, term, "freq")) for term in terms]
        )
        n_wanted = n
        while True:
            places = [place for _, place in self._searcher.search(query, n_wanted, count=False).hits]
            found = cast("list[int]", self._searcher.fast_field_values(_ID, places))
            kept = [clip_id for clip_id in found if allowed is None or allowed(clip_id)]
            if len(kept) >= n or len(places) < n_wanted:
                return kept[:n]
            n_wanted *= 4

    def _terms(self, words: str) -> list[str]:
        terms = self._analyzer.analyze(_split(pa.array([words]))[0].as_py())
        return list(dict.fromkeys(terms))[:_MAX_WORDS]


def _split(texts: pa.Array) -> pa.Array:
    texts = pc.utf8_normalize(texts, "NFC")
    for joint, parted in _JOINTS:
        texts = pc.replace_substring_regex(texts, joint, parted)
    return texts
