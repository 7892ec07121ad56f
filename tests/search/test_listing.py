"""Listings that other people wrote: what is read from them, and what is said of those that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from soundgrep.model.errors import UsageError
from soundgrep.search.evaluation.captions import Caption, normalised, read_captions
from soundgrep.search.evaluation.listing import ClipNames, read_csv, read_lines

CLIPS = [
    "/sounds/animals/dog.wav",
    "/sounds/animals/cat.ogg",
    "/sounds/weather/dog.wav",
    "/sounds/weather/rain on roof.flac",
    "/sounds/new\\nline.wav",
]


@pytest.mark.parametrize(
    ("name", "clips"),
    [
        ("cat.ogg", [1]),
        ("dog.wav", [0, 2]),
        ("weather/dog.wav", [2]),
        ("./weather/dog.wav", [2]),
        ("/sounds/animals/dog.wav", [0]),
        ("/other/animals/dog.wav", []),
        ("eather/dog.wav", []),
        ("cat.wav", [1]),  # converted since
        ("cat", [1]),
        ("animals/cat", [1]),
        ("rain on roof.wav", [3]),
        ("CAT.ogg", []),
        ("new\nline.wav", [4]),
        ("", []),
        ("/", []),
    ],
)
def test_a_file_is_found_by_its_name_or_the_end_of_its_path(name: str, clips: list[int]) -> None:
    assert ClipNames(CLIPS).find(name) == clips


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "captions.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def read(folder: Path, text: str | bytes, clips: list[str] = CLIPS) -> tuple[list[Caption], list[str]]:
    captions = read_captions(written(folder, text), clips, where="mine.soundgrep")
    return list(captions.captions), [str(some) for some in captions.left_out]


def test_our_own_captions(tmp_path: Path) -> None:
    captions, left_out = read(tmp_path, "file,caption,category\ncat.ogg,a cat,animals\nweather/dog.wav,a dog,\n")
    assert captions == [Caption("a cat", 1, "animals"), Caption("a dog", 2, None)]
    assert left_out == []


@pytest.mark.parametrize(
    "text",
    [
        "\ufefffile,caption\r\ncat.ogg,a cat\r\n",
        "file;caption\ncat.ogg;a cat\n",
        "file\tcaption\ncat.ogg\ta cat\n",
        ' File , Caption ,\n"cat.ogg", a cat ,\n\n,,\n',
        "path,kind,caption\ncat.ogg,x,a cat",
    ],
)
def test_csv_files_as_programs_write_them(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text)[0] == [Caption("a cat", 1, None)]


def test_captions_of_clotho(tmp_path: Path) -> None:
    captions, _ = read(
        tmp_path, 'file_name,caption_1,caption_2,caption_3\nrain on roof.wav,"Rain, on a roof.",It rains.,Drops fall\n'
    )
    assert captions == [Caption(text, 3, None) for text in ("Rain, on a roof.", "It rains.", "Drops fall")]


@pytest.mark.parametrize(
    "name",
    ["Y-aBc.wav", "-aBc.flac", "-aBc_30.wav", "-aBc_30_40.wav", "Y-aBc_30000_40000.wav", "-aBc_30.000_40.000.wav"],
)
def test_captions_of_audiocaps_whatever_the_clips_were_called_when_they_were_fetched(tmp_path: Path, name: str) -> None:
    text = "audiocap_id,youtube_id,start_time,caption\n7,-aBc,30,A man talks\n8,-aBc,30,Somebody speaks\n9,xyz,0,Rain\n"
    captions, left_out = read(tmp_path, text, ["/audiocaps/other.wav", f"/audiocaps/{name}"])
    assert captions == [Caption("A man talks", 1, None), Caption("Somebody speaks", 1, None)]
    assert left_out == ["1 file is not in mine.soundgrep (xyz)"]


def test_clips_of_audiocaps_called_by_the_number_of_any_of_their_captions(tmp_path: Path) -> None:
    text = "audiocap_id,youtube_id,start_time,caption\n7,-aBc,30,A man talks\n8,-aBc,30,Somebody speaks\n"
    captions, _ = read(tmp_path, text, ["/audiocaps/8.wav"])
    assert captions == [Caption("A man talks", 0, None), Caption("Somebody speaks", 0, None)]


def test_what_cannot_be_used_is_told(tmp_path: Path) -> None:
    captions, left_out = read(
        tmp_path,
        "file,caption\ncat.ogg,a cat\ncat.ogg,A  cat.\ncat.ogg,\ncat.ogg,...\ndog.wav,a dog\n"
        "a.wav,a\na.wav,other\nb.wav,b\nc.wav,c\nd.wav,d\n",
    )
    assert captions == [Caption("a cat", 1, None)]
    assert left_out == [
        "4 files are not in mine.soundgrep (a.wav, b.wav, c.wav, ...)",
        "1 file name fits several clips of mine.soundgrep (dog.wav)",
        "2 captions are empty (line 4, line 5)",
        "1 caption is there twice (line 3)",
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("file,caption\n", "holds no captions"),
        ("file,title\ncat.ogg,a cat\n", "has the columns file, title, but captions need file,caption"),
        ("a cat\n", "has the columns a cat, but"),
        ("file,caption,caption\n", "two columns 'caption'"),
        ("file,caption\n,a cat\n", "line 2 names no file"),
        ("file,caption\ncat.ogg,\n", "all its captions are empty"),
        ("file,caption\nno.wav,a\nnone.wav,b\n", r"none of its files is in mine\.soundgrep \(the first is 'no\.wav'\)"),
        ("file,caption\ndog.wav,a\n", r"fit several clips .* 'dog\.wav'"),
        ('file,caption\ncat.ogg,"a cat\n', "not a well-formed csv file"),
        (b"file,caption\ncat.ogg,caf\xe9\n", r"is not UTF-8 text \(line 2\)"),
        (b"file,caption\ncat.ogg,\0\n", "is not a text file"),
    ],
)
def test_captions_that_cannot_be_read(tmp_path: Path, text: str | bytes, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(str(tmp_path / "captions.csv"))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such file"):
        read_csv(tmp_path / "no.csv")
    with pytest.raises(UsageError, match="cannot be read"):
        read_csv(tmp_path)


def test_lines_are_read_without_comments_and_gaps(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("\ufeff# my labels\r\n\r\n dog \r\n#cat\r\nglass, breaking\r\n")
    assert list(read_lines(tmp_path / "labels.txt")) == [(3, "dog"), (5, "glass, breaking")]


def test_captions_are_the_same_whatever_their_capitals_and_full_stop() -> None:
    assert normalised(" A  Dog barks. ") == normalised("a dog barks") != normalised("a dog bark")
