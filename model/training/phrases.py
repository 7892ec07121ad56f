"""The list of phrases on which the text tower is taught."""

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .vocabulary import (
    PAIRINGS,
    TEMPLATES,
    category_names,
    event_phrases,
    manner_words,
    place_phrases,
    renderings,
    without_article,
)
from .wordnet import GLOSS_FILES, NOUN_FILES, VERB_FILES, WordNet, usable

_LONGEST_GLOSS = 110
Kind = Literal["sound", "kin", "word", "composed"]


@dataclass(frozen=True, slots=True)
class Phrase:
    """A text and the texts whose mean embedding it is taught to have.

    Attributes:
        text: What the text tower reads.
        targets: What the sentence encoder reads.
        kind: A sound in one of its wordings, another word for one, a word at large, or several sounds and places.
    """

    text: str
    targets: tuple[str, ...]
    kind: Kind


def templated(phrase: str, *, targets: tuple[str, ...] = (), kind: Kind = "sound") -> list[Phrase]:
    """Every way of saying one phrase, all taught to have one embedding: that of `targets`, or the phrase's own."""
    texts = {template.format(form) for template in TEMPLATES for form in (phrase, without_article(phrase))}
    return [Phrase(text, targets or renderings(phrase), kind) for text in sorted(texts)]


def wordnet_phrases(wordnet: WordNet, *, seed: int = 0) -> list[Phrase]:
    """Words and glosses of WordNet's files for artefacts, animals, acts, events, body, food, motion, contact and so on.

    Args:
        wordnet: Its nouns and verbs.
        seed: Seed of the choices that are made at random.
    """
    chance = random.Random(seed)
    texts: set[str] = set()
    for synset in wordnet.nouns.values():
        if synset.lexfile not in NOUN_FILES:
            continue
        for rank, lemma in enumerate(filter(usable, synset.lemmas[:3])):
            # Common words are short and stand first; long tails of Latin and technical names are thinned out.
            if synset.lexfile in {5, 18} and (rank or " " in lemma) and chance.random() < 0.5:
                continue
            texts.add(chance.choice([lemma, lemma, lemma, f"a {lemma}", f"the sound of {lemma}", f"{lemma} sound"]))
        if synset.lexfile in GLOSS_FILES and len(synset.gloss) < _LONGEST_GLOSS and chance.random() < 0.3:
            texts.add(synset.gloss)
    for synset in wordnet.verbs.values():
        if synset.lexfile not in VERB_FILES:
            continue
        for lemma in filter(usable, synset.lemmas[:3]):
            stem, _, rest = lemma.partition(" ")
            gerund = (stem[:-1] if stem.endswith("e") and not stem.endswith("ee") else stem) + "ing"
            texts.add(chance.choice([lemma, f"{gerund} {rest}".strip(), f"someone {gerund} {rest}".strip()]))
        if synset.lexfile in GLOSS_FILES and len(synset.gloss) < _LONGEST_GLOSS and chance.random() < 0.3:
            texts.add(synset.gloss)
    return [Phrase(text, (text,), "word") for text in sorted(texts)]


def kin_phrases(wordnet: WordNet, sounds: list[str]) -> list[Phrase]:
    """Sounds said with other words for what makes them: "a hound barking", and "hound" alone, lean to "a dog barking".

    Args:
        wordnet: Where the other words are from.
        sounds: Phrases for single sounds, each beginning with its source.
    """
    phrases: dict[str, Phrase] = {}
    for sound in sounds:
        bare = without_article(sound)
        source, _, rest = bare.partition(" ")
        for word in wordnet.kin(source):
            article = "" if bare == sound else "an " if word[0] in "aeiou" else "a "
            said = f"{article}{word} {rest}".strip()
            targets = (f"{article}{word}", said, f"{word} sound", *renderings(sound)[:3])
            for text in (said, f"{word} {rest}".strip(), word, f"{article}{word}", f"the sound of {article}{word}"):
                phrases.setdefault(text, Phrase(text, targets, "kin"))
    return list(phrases.values())


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
    return [Phrase(text, (text,), "composed") for text in sorted(texts)]


def all_phrases(wordnet: Path, captions: list[str], *, seed: int = 0) -> list[Phrase]:
    """Return the whole list: sound phrases in every template, compositions, WordNet, and the captions of the corpus.

    Args:
        wordnet: Folder of WordNet's `data.*` files.
        captions: Captions, concepts and categories of the training corpus; may be empty.
        seed: Seed of the random choices.
    """
    words = WordNet(wordnet)
    own = sorted({*event_phrases(), *category_names(), *captions})
    phrases = [phrase for event in own for phrase in templated(event)]
    phrases += kin_phrases(words, event_phrases())
    phrases += composed_phrases(own, n_phrases=14_000, seed=seed)
    phrases += wordnet_phrases(words, seed=seed)
    unique = {phrase.text: phrase for phrase in reversed(phrases)}
    return [unique[text] for text in sorted(unique)]
