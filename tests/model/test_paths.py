from pathlib import Path

from soundgrep.model.paths import readable_path


def test_readable_paths_are_one_line_of_plain_text() -> None:
    assert readable_path(Path("rain on a roof/é 雨.wav")) == "rain on a roof/é 雨.wav"
    assert readable_path("two\nlines\t.wav") == r"two\nlines\t.wav"
    assert readable_path(b"caf\xe9.wav") == r"caf\xe9.wav"
    assert readable_path("caf\udce9.wav") == r"caf\xe9.wav"
