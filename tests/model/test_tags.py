"""Tags as programs of all times and countries wrote them: read right, or at least kept so that they can be read."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from soundgrep.model.audio.decoding import decode
from soundgrep.model.audio.tag_text import tag_text
from soundgrep.model.audio.written_tags import written_tags

RATE_HZ = 16_000


def sound(path: Path) -> Path:
    tone = (0.1 * np.sin(np.arange(RATE_HZ) / 10)).astype(np.float32)
    soundfile.write(path, tone, RATE_HZ)
    return path


def tags(path: Path) -> dict[str, str]:
    return dict(decode(path, sampling_rate_hz=RATE_HZ).info.tags)


def chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def with_chunk(path: Path, name: bytes, data: bytes) -> Path:
    whole = sound(path).read_bytes() + chunk(name, data)
    path.write_bytes(whole[:4] + struct.pack("<I", len(whole) - 8) + whole[8:])
    return path


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        ("Größe für É", "utf-8"),
        ("Größe für É", "cp1252"),
        ("dog “quoted” …", "cp1252"),
        ("Ñandú", "latin-1"),
        ("テスト日本語", "cp932"),
        ("日本語の音", "cp932"),
        ("Привет мир", "cp1251"),
        ("Привет мир", "koi8-r"),
        ("狗叫声", "gb18030"),
        ("Artist - 夜曲", "gb18030"),
        ("我愛你", "big5"),
        ("雷聲和雨聲", "big5"),
        ("개 짖는 소리", "cp949"),
        ("강남스타일", "euc_kr"),
        ("école", "cp1252"),
        ("coração", "latin-1"),
        ("Bäume", "cp1252"),
        ("雷", "cp932"),
        ("犬の鳴き声", "euc_jp"),
        ("テスト", "euc_jp"),
        ("Žluťoučký", "utf-8"),
        ("Wind in trees", "utf-16-le"),
        ("Größe 日本", "utf-16"),
        ("Привет", "utf-16"),
        ("日本語", "utf-8"),
    ],
)
@pytest.mark.parametrize("end", [b"", b"\0", b"\0\0"])
def test_info_of_wav_is_read_in_its_charset(tmp_path: Path, text: str, charset: str, end: bytes) -> None:
    info = b"INFO" + chunk(b"INAM", text.encode(charset) + end) + chunk(b"IART", b"plain\0")
    assert tags(with_chunk(tmp_path / "a.wav", b"LIST", info)) == {"title": text, "artist": "plain"}


def test_bext_of_a_recorder(tmp_path: Path) -> None:
    bext = "Zoë fährt".encode("latin-1").ljust(256, b"\0") + "Studio Ü".encode("cp1252").ljust(346, b"\0")
    read = tags(with_chunk(tmp_path / "a.wav", b"bext", bext))
    assert (read["comment"], read["encoded_by"]) == ("Zoë fährt", "Studio Ü")


@pytest.mark.parametrize(("text", "charset"), [("Größe É", "latin-1"), ("テスト", "cp932"), ("Музыка", "cp1251")])
def test_id3v1_is_read_in_its_charset(tmp_path: Path, text: str, charset: str) -> None:
    path = sound(tmp_path / "a.mp3")
    tag = b"TAG" + text.encode(charset).ljust(30, b"\0") + b"\0" * 90 + b"2020" + b"\xff"
    path.write_bytes(path.read_bytes() + tag[:127].ljust(128, b"\xff"))
    assert tags(path)["title"] == text


def frame(name: bytes, data: bytes) -> bytes:
    return name + struct.pack(">I", len(data)) + b"\0\0" + data  # below 128 bytes, sizes are the same in both ways


def test_id3v2_of_several_artists_and_of_the_wrong_charset(tmp_path: Path) -> None:
    path = sound(tmp_path / "a.mp3")
    frames = frame(b"TIT2", b"\0" + "テスト日本語".encode("cp932")) + frame(b"TPE1", b"\x03" + "A\0B\0Ü".encode())
    frames += frame(b"TALB", b"\x01" + "Größe".encode("utf-16"))
    path.write_bytes(b"ID3\x04\0\0\0\0\0" + bytes([len(frames)]) + frames + path.read_bytes())
    read = tags(path)
    assert (read["title"], read["artist"], read["album"]) == ("テスト日本語", "A;B;Ü", "Größe")


@pytest.mark.parametrize("v1", [False, True])
def test_apev2_behind_an_mp3(tmp_path: Path, v1: bool) -> None:
    path = sound(tmp_path / "a.mp3")
    items = b""
    for name, value in ((b"Title", "Größe"), (b"Artist", "A\0Ü"), (b"Year", "1999")):
        items += struct.pack("<II", len(value.encode()), 0) + name + b"\0" + value.encode()
    items += struct.pack("<II", 3, 2) + b"Cover Art\0abc"
    footer = b"APETAGEX" + struct.pack("<IIII8x", 2000, len(items) + 32, 4, 0)
    id3v1 = b"TAG" + b"cut short".ljust(124, b"\0") + b"\xff" if v1 else b""
    path.write_bytes(path.read_bytes() + items + footer + id3v1)
    read = tags(path)
    assert (read["title"], read["artist"], read["date"]) == ("Größe", "A;Ü", "1999")
    assert "cover art" not in read


def test_a_description_beside_a_comment_of_flac(tmp_path: Path) -> None:
    path = sound(tmp_path / "a.flac")
    comments = ["ARTIST=A", "artist=Ü", "DESCRIPTION=a dog barks", "COMMENT=other"]
    block = struct.pack("<I", 0) + struct.pack("<I", len(comments))
    block += b"".join(struct.pack("<I", len(one.encode())) + one.encode() for one in comments)
    whole = path.read_bytes()
    start, is_last = 8 + int.from_bytes(whole[5:8], "big"), whole[4] & 0x80  # after STREAMINFO
    header = bytes([is_last | 4]) + len(block).to_bytes(3, "big")
    rest = whole[start:]
    if not is_last:  # what libsndfile wrote of comments goes
        assert rest[0] & 0x7F == 4
        header = bytes([rest[0]]) + len(block).to_bytes(3, "big")
        rest = rest[4 + int.from_bytes(rest[1:4], "big") :]
    path.write_bytes(whole[:4] + bytes([whole[4] & 0x7F]) + whole[5:start] + header + block + rest)
    read = tags(path)
    assert (read["artist"], read["comment"], read["description"]) == ("A;Ü", "other", "a dog barks")


@pytest.mark.parametrize(
    "text",
    [
        *(
            "école fenêtre première",
            "São João coração",
            "Mädchen Bäume",
            "fågel älg",
            "it\u2019s a dog\u2019s life",
            "Mötley Crüe",
            "Þórður Guðmundsson",
            "Crêpe brûlée à la carte",
            "ÄÖÜ äöü",
            "ÉÉÉÉ",
            "½¼¾ ©®",
            "¿Qué tal? ¡Olé!",
        ),
        *("Żółw", "шум и гроза", "ПЕСНЯ ЛЕСА", "βροχή", "σκύλος που γαβγίζει", "İstanbul'da yağmur", "ÇĞİÖŞÜ"),
        *("שלום עולם", "كلب نباح", "สวัสดีชาวโลก", "เสียงฝน"),
    ],
)
@pytest.mark.parametrize(
    "charset", ["cp1250", "cp1251", "koi8-r", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp874"]
)
def test_no_other_letters_are_taken_for_those_of_east_asia(text: str, charset: str) -> None:
    written = text.encode(charset, "ignore")
    assert not any("\u3000" < letter < "\ue000" for letter in tag_text(written.decode("utf-8", "surrogateescape")))


def test_a_name_in_rare_letters_can_be_had_back() -> None:
    written = "青藏高原".encode("gb18030")
    assert tag_text(written.decode("utf-8", "surrogateescape")).encode("cp1252") == written


@pytest.mark.parametrize(("text", "charset"), [("中国人民", "gb18030"), ("사랑해요", "cp949"), ("犬の声", "euc_jp")])
def test_text_of_east_asia_that_was_written_as_latin_1(text: str, charset: str) -> None:
    assert tag_text(text.encode(charset).decode("latin-1")) == text


@given(st.binary(max_size=60))
def test_no_bytes_are_lost_or_break_anything(written: bytes) -> None:
    text = tag_text(written.decode("utf-8", "surrogateescape"))
    text.encode()
    assert "\ufffd" not in text or written.startswith((b"\xff\xfe", b"\xfe\xff")) or "\ufffd".encode() in written


@given(st.sampled_from([b"RIFF", b"fLaC", b"ID3\x04\0\0", b"APETAGEX", b"OggS"]), st.binary(max_size=300))
def test_damaged_tags_break_nothing(magic: bytes, rest: bytes) -> None:
    for data in (magic + rest, rest + magic, magic + b"\0\0\0\0WAVE" + rest, rest + magic + b"\0" * 24):
        for text in written_tags(io.BytesIO(data)).values():
            text.encode()
