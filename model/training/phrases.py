"""The list of phrases on which the text tower is taught."""

import random
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError
from .vocabulary import (
    PAIRINGS,
    TEMPLATES,
    category_names,
    event_phrases,
    manner_words,
    place_phrases,
    without_article,
)

# WordNet's lexicographer files of things one can hear, see or do; plants, shapes, places and so on are left out.
_NOUN_FILES = frozenset({3, 4, 5, 6, 8, 10, 11, 13, 17, 18, 19, 22, 26, 27})
_VERB_FILES = frozenset({29, 30, 32, 33, 34, 35, 36, 37, 38, 39, 43})
_GLOSS_FILES = frozenset({4, 11, 19, 30, 35, 38, 39, 43})
_LONGEST_GLOSS = 110


@dataclass(frozen=True, slots=True)
class Phrase:
    """A text and the texts whose mean embedding it is taught to have."""

    text: str
    targets: tuple[str, ...]


def _renderings(phrase: str) -> tuple[str, ...]:
    bare = without_article(phrase)
    return (phrase, bare, f"the sound of {phrase}", f"{bare} sound")


def templated(phrase: str) -> list[Phrase]:
    """Every way of saying one phrase, all taught to have one embedding."""
    targets = _renderings(phrase)
    texts = {template.format(form) for template in TEMPLATES for form in (phrase, without_article(phrase))}
    return [Phrase(text, targets) for text in sorted(texts)]


def _wordnet_rows(path: Path) -> list[tuple[int, list[str], str]]:
    """Read one `data.*` file of WordNet: lexicographer file, lemmas, gloss without its examples."""
    rows: list[tuple[int, list[str], str]] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith(" "):
            continue
        head, _, gloss = line.partition("|")
        fields = head.split()
        n_words = int(fields[3], 16)
        lemmas = [fields[4 + 2 * i].replace("_", " ") for i in range(n_words)]
        rows.append((int(fields[1]), lemmas, gloss.split(";")[0].strip()))
    return rows


def _usable(lemma: str) -> bool:
    return lemma.islower() and lemma.replace(" ", "").replace("-", "").isalpha() and lemma.count(" ") < 2


def wordnet_phrases(folder: Path, *, seed: int = 0) -> list[Phrase]:
    """Words and glosses of WordNet's files for artefacts, animals, acts, events, body, food, motion, contact and so on.

    Args:
        folder: Folder that holds `data.noun` and `data.verb` (Debian package `wordnet-base`).
        seed: Seed of the choices that are made at random.

    Raises:
        UsageError: If the files are not there.
    """
    nouns, verbs = folder / "data.noun", folder / "data.verb"
    if not nouns.is_file() or not verbs.is_file():
        raise UsageError(f"{folder}: no data.noun and data.verb of WordNet here (Debian package wordnet-base)")
    chance = random.Random(seed)
    texts: set[str] = set()
    for lexfile, lemmas, gloss in _wordnet_rows(nouns):
        if lexfile not in _NOUN_FILES:
            continue
        for lemma in filter(_usable, lemmas[:3]):
            # Common words are short and stand first; long tails of Latin and technical names are thinned out.
            if lexfile in {5, 18} and chance.random() < 0.4:
                continue
            texts.add(chance.choice([lemma, lemma, f"a {lemma}", f"the sound of {lemma}", f"{lemma} sound"]))
        if lexfile in _GLOSS_FILES and len(gloss) < _LONGEST_GLOSS and chance.random() < 0.5:
            texts.add(gloss)
    for lexfile, lemmas, gloss in _wordnet_rows(verbs):
        if lexfile not in _VERB_FILES:
            continue
        for lemma in filter(_usable, lemmas[:3]):
            stem, _, rest = lemma.partition(" ")
            gerund = (stem[:-1] if stem.endswith("e") and not stem.endswith("ee") else stem) + "ing"
            texts.add(chance.choice([lemma, f"{gerund} {rest}".strip(), f"someone {gerund} {rest}".strip()]))
        if lexfile in _GLOSS_FILES and len(gloss) < _LONGEST_GLOSS and chance.random() < 0.5:
            texts.add(gloss)
    return [Phrase(text, (text,)) for text in sorted(texts)]


def composed_phrases(events: list[str], *, n_phrases: int, seed: int = 0) -> list[Phrase]:
    """Phrases for an event in a place or manner, and for two events at once.

    Args:
        events: Phrases for single sounds.
        n_phrases: How many to make.
        seed: Seed of the random choices.
    """
    chance = random.Random(seed)
    places, manners = place_phrases(), manner_words()
    texts: set[str] = set()
    while len(texts) < n_phrases:
        first, second = chance.sample(events, 2)
        match chance.randrange(4):
            case 0:
                texts.add(f"{first} {chance.choice(places)}")
            case 1:
                texts.add(f"{chance.choice(manners)} {without_article(first)}")
            case _:
                texts.add(chance.choice(PAIRINGS).format(first, second))
    return [Phrase(text, (text,)) for text in sorted(texts)]


def all_phrases(wordnet: Path, captions: list[str], *, seed: int = 0) -> list[Phrase]:
    """The whole list: sound phrases in every template, compositions, WordNet, and the captions of the corpus.

    Args:
        wordnet: Folder of WordNet's `data.*` files.
        captions: Captions, concepts and categories of the training corpus; may be empty.
        seed: Seed of the random choices.
    """
    own = sorted({*event_phrases(), *category_names(), *captions})
    phrases = [phrase for event in own for phrase in templated(event)]
    phrases += composed_phrases(own, n_phrases=16_000, seed=seed)
    phrases += wordnet_phrases(wordnet, seed=seed)
    unique = {phrase.text: phrase for phrase in reversed(phrases)}
    return [unique[text] for text in sorted(unique)]
