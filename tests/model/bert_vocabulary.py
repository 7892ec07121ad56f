"""A vocabulary of BERT's make and size: its marks at their places, letters, pieces, words, and names for the rest."""

from __future__ import annotations

import string
from pathlib import Path

N_TOKENS = 30_522
FIRST_MARK = 100  # of [UNK], [CLS], [SEP] and [MASK], after [PAD] at 0 and what nobody uses
WORDS = (
    "a an and barking bells birds breaking church cuckoo dog engine falling footsteps forest from glass in is"
    " kitchen man of on over rain roof singing sound speaking the thunder to tree vacuum clean violin while with word"
    " upper case digits it that s hund tur cafe naive"
)


def save_vocabulary(folder: Path, n_tokens: int = N_TOKENS) -> Path:
    """Write `vocab.txt`, and give the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tokens = ["[PAD]", *(f"[unused{n}]" for n in range(FIRST_MARK - 1)), "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = [*string.ascii_lowercase, *string.digits, *string.punctuation, *"абдилося吠犬"]
    tokens += [*letters, *(f"##{letter}" for letter in letters), "##er", "##ing"]
    tokens += [word for word in WORDS.split() if word not in letters]
    tokens += [f"word{n}" for n in range(n_tokens - len(tokens))]
    assert len(set(tokens)) == len(tokens) == n_tokens
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    return folder
