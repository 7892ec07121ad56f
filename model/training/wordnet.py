"""WordNet's words for things that sound, and its other words for them: a hound is a dog, an automobile a car."""

from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError

# Lexicographer files of things one can hear, see or do; plants, shapes, places and so on are left out.
NOUN_FILES = frozenset({3, 4, 5, 6, 8, 10, 11, 13, 17, 18, 19, 22, 26, 27})
VERB_FILES = frozenset({29, 30, 32, 33, 34, 35, 36, 37, 38, 39, 43})
GLOSS_FILES = frozenset({4, 11, 19, 30, 35, 38, 39, 43})
# How many kinds of a thing count as other words for it, and how many senses of a word are looked at.
N_KINDS, N_SENSES = 14, 2
# Of animals, the kinds of kinds too: a hound is a hunting dog.
ANIMALS, N_BREEDS = 5, 4


@dataclass(frozen=True, slots=True)
class Synset:
    """One meaning and its words.

    Attributes:
        lexfile: Number of its lexicographer file.
        lemmas: Its words, commonest first.
        gloss: Its definition, without examples.
        kinds: Places of its hyponyms in the file.
    """

    lexfile: int
    lemmas: tuple[str, ...]
    gloss: str
    kinds: tuple[str, ...]


def usable(lemma: str) -> bool:
    """Return whether a word may stand in a query: lower case, letters, at most two words."""
    return lemma.islower() and lemma.replace(" ", "").replace("-", "").isalpha() and lemma.count(" ") < 2


class WordNet:
    """The nouns and verbs of WordNet 3.

    Attributes:
        nouns: Noun synsets by their place in the file.
        verbs: Verb synsets by their place in the file.
    """

    def __init__(self, folder: Path) -> None:
        """Read the files of Debian's `wordnet-base`.

        Args:
            folder: Folder that holds `data.noun`, `data.verb` and `index.noun`.

        Raises:
            UsageError: If one of them is not there.
        """
        for name in ("data.noun", "data.verb", "index.noun"):
            if not (folder / name).is_file():
                raise UsageError(f"{folder}: no {name} of WordNet here (Debian package wordnet-base)")
        self.nouns = self._synsets(folder / "data.noun")
        self.verbs = self._synsets(folder / "data.verb")
        self._senses: dict[str, list[str]] = {}
        for line in (folder / "index.noun").read_text(encoding="utf-8").splitlines():
            if not line.startswith(" "):
                lemma, _, n_senses, *_rest = line.split()
                self._senses[lemma.replace("_", " ")] = line.split()[-int(n_senses) :]

    @staticmethod
    def _synsets(path: Path) -> dict[str, Synset]:
        synsets: dict[str, Synset] = {}
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith(" "):
                continue
            head, _, gloss = line.partition("|")
            fields = head.split()
            n_words = int(fields[3], 16)
            lemmas = tuple(fields[4 + 2 * i].replace("_", " ") for i in range(n_words))
            pointers = fields[5 + 2 * n_words :]
            kinds = tuple(pointers[i + 1] for i in range(0, len(pointers) - 3, 4) if pointers[i] == "~")
            synsets[fields[0]] = Synset(int(fields[1]), lemmas, gloss.split(";")[0].strip(), kinds)
        return synsets

    def kin(self, noun: str) -> list[str]:
        """Other words for a thing: synonyms in its commonest senses, and words for its kinds.

        Args:
            noun: A word; a plural ending is taken off if the word is not known with it.
        """
        places = self._senses.get(noun) or self._senses.get(noun.removesuffix("s"), [])
        words: dict[str, None] = {}
        for place in places[:N_SENSES]:
            synset = self.nouns[place]
            if synset.lexfile not in NOUN_FILES:
                continue
            words |= dict.fromkeys(synset.lemmas)
            for kind in synset.kinds[:N_KINDS]:
                words |= dict.fromkeys(self.nouns[kind].lemmas[:2])
                for breed in self.nouns[kind].kinds[:N_BREEDS] if synset.lexfile == ANIMALS else ():
                    words |= dict.fromkeys(self.nouns[breed].lemmas[:1])
        return [word for word in words if usable(word) and word not in (noun, noun.removesuffix("s"))]
