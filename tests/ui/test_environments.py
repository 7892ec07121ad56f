"""The command works wherever it is started: any charset, no home, wrong clocks, a closed pipe, a narrow terminal."""

from __future__ import annotations

import contextlib
import json
import locale
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from rich.cells import cell_len

from soundgrep import Collections, build_collection, compact_collection
from soundgrep.model.encoders.loading import loading_encoder
from soundgrep.model.errors import CheckpointError, CollectionError
from soundgrep.model.paths import exact_path, path_columns
from soundgrep.search.takeaway.archive import archive_of
from soundgrep.search.takeaway.items import items_of

from ..grids import taking_turns
from ..waiting import LONG_S, wait_until
from .command import ENVIRONMENT, SOUNDGREP, Argument, ForkServer, fork_server, soundgrep, soundgrep_on_terminal
from .conftest import Indexed

CHARSETS = [
    ("C", "ascii"),
    pytest.param("POSIX", "ascii", marks=pytest.mark.long),
    ("tr_TR.UTF-8", "utf-8"),
    pytest.param("tr_TR.ISO-8859-9", "iso8859-9", marks=pytest.mark.long),
    ("de_DE.ISO-8859-1", "iso8859-1"),
    ("ja_JP.EUC-JP", "euc-jp"),
]


@pytest.fixture(scope="session")
def locales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for locales."""
    return tmp_path_factory.mktemp("locales")


def in_locale(name: str, locales: Path) -> dict[str, str]:
    """What a process in a locale has in its environment, made of the definitions of Debian's package `locales`."""
    if "." in name and shutil.which("localedef"):
        language, charset = name.split(".")
        subprocess.run(["localedef", "-i", language, "-f", charset, locales / name], capture_output=True, check=False)
    environment = {"LC_ALL": name, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    if (locales / name).exists():
        return environment | {"LOCPATH": str(locales)}
    known = subprocess.run(
        [sys.executable, "-c", f"import locale; locale.setlocale(locale.LC_ALL, {name!r})"],
        env=os.environ | environment,
        capture_output=True,
        check=False,
    )
    assert known.returncode == 0, f"there is no locale {name} to test in: install the package `locales`"
    return environment


@pytest.mark.parametrize(("name", "charset"), CHARSETS)
def test_any_locale(name: str, charset: str, locales: Path, indexed: Indexed, tmp_path: Path) -> None:
    environment = ENVIRONMENT | in_locale(name, locales)
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    sound = next(path for path in indexed.sounds.rglob("*.wav"))
    names = [b"I.wav", "şğç 猫.wav".encode(), b"latin \xe9.wav", b"\x8e\xb1\xff.wav"]
    for one in names:
        shutil.copy(sound, os.fsencode(sounds) + b"/" + one)
    collection = os.fsencode(tmp_path) + "/çé.soundgrep".encode()

    command = [SOUNDGREP, "index", sounds, collection, "--encoder", indexed.encoder, "--workers", "1"]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    assert b"(4 added)" in done.stdout
    assert Path(os.fsdecode(collection), "manifest.json").exists()
    as_typed = word_of(charset).encode("utf-8" if charset == "ascii" else charset)
    command = [SOUNDGREP, "sql", collection, b"SELECT '" + as_typed + b"' AS word, $it AS it", b"--bind=it=" + as_typed]
    done = subprocess.run([*command, "--json"], env=environment, capture_output=True, check=False)
    assert json.loads(done.stdout.decode(charset)) == [{"word": word_of(charset), "it": word_of(charset)}], done.stderr
    # The others as they are once they have started themselves anew, see `soundgrep.ui.cli`.
    anew = {} if charset == "utf-8" else {"PYTHONUTF8": "1", "PYTHONIOENCODING": charset}
    with contextlib.closing(ForkServer(environment | anew)) as server:
        look_around(server, collection, charset, as_typed)


def word_of(charset: str) -> str:
    return "猫" if charset == "euc-jp" else "ç"


def look_around(server: ForkServer, collection: bytes, charset: str, as_typed: bytes) -> None:
    """Ask for what a charset holds, and read of what it does not hold."""

    def run(*arguments: Argument) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess(arguments, *server.run(arguments))

    assert run("index", collection + b"/../sounds", collection).stderr == b""
    word = word_of(charset)
    found = run("search", collection, b"a " + as_typed, "--where", b"path LIKE '%" + as_typed + b"%'", "--json")
    assert found.returncode == 0, found.stderr
    assert [one["path"].endswith("şğç 猫.wav") for one in json.loads(found.stdout.decode(charset))] == [True]
    table = run("sql", collection, b"SELECT '" + as_typed + b"' AS word")
    assert table.returncode == 0
    assert (word if charset != "ascii" else ascii(word)[1:-1]) in table.stdout.decode(charset)
    rows = json.loads(run("sql", collection, "SELECT path, path_bytes FROM clips", "--json").stdout.decode(charset))
    assert len(rows) == 4
    assert any(row["path"].endswith("şğç 猫.wav") for row in rows)
    listing = run("search", collection, "a dog").stdout.decode(charset)
    assert len(listing.splitlines()) == 4
    if charset == "utf-8":
        assert "şğç 猫.wav" in listing


@pytest.mark.parametrize("name", [b"/plain.wav", "/猫.wav".encode(), b"/\xe9\xff.wav", b"/line\nbreak.wav"])
def test_columns_hold_every_path(name: bytes) -> None:
    columns = path_columns(name)
    assert exact_path(columns["path"], columns["path_bytes"]) == name  # type: ignore[arg-type]


def test_no_file_is_opened_in_the_charset_of_the_locale() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [Path(sys.executable).with_name("ruff"), "check", "--preview", "--select", "PLW1514", "-q", root],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode()


def test_what_fails_in_loading_is_the_encoders() -> None:
    for error in (RuntimeError("of all\nthings"), MemoryError(), OSError(5, "input/output error"), KeyError("x")):
        with (
            pytest.raises(CheckpointError, match=r"^/some: the encoder .*(cannot be loaded|memory)"),
            loading_encoder("/some"),
        ):
            raise error


def test_loading_leaves_the_locale_as_it_was() -> None:
    before = locale.setlocale(locale.LC_CTYPE)
    with loading_encoder("/some"):
        pass
    assert locale.setlocale(locale.LC_CTYPE) == before


SECONDS = [-(1 << 62), -11_644_473_600, -1, 0, 16_725_225_600, 253_402_300_800, 9_000_000_000_000, 1 << 62]
"""1601, where Windows begins; around 1970; 2500; 10000; and what no clock says, but a broken disk does."""


def test_any_time_of_a_file(indexed: Indexed, tmp_path: Path) -> None:
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    sound = next(path for path in indexed.sounds.rglob("*.wav"))
    for second in SECONDS:
        copied = shutil.copy(sound, sounds / f"{second}.wav")
        os.utime(copied, (second, second))
        # What a file system does not hold becomes the nearest that it does.
        assert abs(Path(copied).stat().st_mtime - time.time()) > 1e8
    collection = tmp_path / "c.soundgrep"
    done = soundgrep("index", sounds, collection, "--encoder", indexed.encoder, "--workers", "1")
    assert (done.code, done.err) == (0, ""), done
    assert f"({len(SECONDS)} added)" in done.out
    again = soundgrep("index", sounds, collection, "--json")
    assert again.code == 0, again.err
    assert json.loads(again.out)["n_unchanged"] == len(SECONDS)
    for asked in (("search", collection, "a"), ("sql", collection, "SELECT * FROM clips"), ("verify", collection)):
        assert soundgrep(*asked).code == 0
    moved = shutil.move(sounds / "0.wav", sounds / "moved.wav")
    os.utime(moved, (SECONDS[-1], SECONDS[-1]))
    assert json.loads(soundgrep("index", sounds, collection, "--json").out)["n_clips"] == len(SECONDS)


@pytest.mark.parametrize("now_s", [-1e9, -1.0, 0.0, 1e8, 1.6e10, 2.5e11])
def test_any_clock_of_the_machine(
    now_s: float, indexed: Indexed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Zip archives can tell years from 1980 on, and tables are written from 1970 on."""
    collection = Path(shutil.copytree(indexed.collection, tmp_path / "c.soundgrep"))
    real = time.localtime
    monkeypatch.setattr(time, "time", lambda: now_s)
    monkeypatch.setattr(time, "time_ns", lambda: int(now_s * 1e9))
    monkeypatch.setattr(time, "localtime", lambda second=None: real(now_s if second is None else second))
    opened = Collections.open([collection])
    hits = opened.search("a dog", k=3)
    archive = tmp_path / "hits.zip"
    archive.write_bytes(b"".join(archive_of(items_of(opened, hits), "files")))
    with zipfile.ZipFile(archive) as file:
        assert all(1980 <= one.date_time[0] <= 2107 for one in file.infolist())
        assert file.testzip() is None
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    shutil.copy(indexed.sounds / "tone.wav", sounds)
    (sounds / "broken.wav").write_bytes(b"no sound")
    if now_s < 0:
        with pytest.raises(CollectionError, match="clock stands before 1970"):
            build_collection(sounds, tmp_path / "new", encoder=indexed.encoder, n_workers=1)
        return
    report = build_collection(sounds, tmp_path / "new", encoder=indexed.encoder, n_workers=1)
    assert (report.n_clips, len(report.failures)) == (1, 1)
    assert compact_collection(tmp_path / "new")


NOBODY = 12_345


def without_home() -> list[str]:
    """Before a command: run as a user without name and home, who can read what this one can."""
    if os.getuid() != 0 or shutil.which("setpriv") is None:
        return []
    capability = ["--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"]
    return ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", *capability]


@pytest.fixture
def anybodys(indexed: Indexed) -> Iterator[Path]:
    """A folder where any user may read and write, with sounds and an encoder."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        shutil.copytree(indexed.sounds, folder / "sounds", symlinks=True)
        shutil.copytree(indexed.encoder, folder / "encoder")
        (folder / "tmp").mkdir()
        for place in (folder, folder / "tmp"):
            place.chmod(0o777)
        yield folder


@pytest.mark.parametrize("home", [None, "/proc/nowhere", "/proc"])  # none, one that is not there, one that is read-only
def test_neither_home_nor_name(home: str | None, anybodys: Path) -> None:
    kept = {name: ENVIRONMENT[name] for name in ("PATH", "PYTHONPATH", "OMP_NUM_THREADS") if name in ENVIRONMENT}
    environment = kept | {"TMPDIR": str(anybodys / "tmp")} | ({} if home is None else {"HOME": home})
    collection = anybodys / "c.soundgrep"
    commands = [
        ["index", anybodys / "sounds", collection, "--encoder", anybodys / "encoder", "--workers", "1"],
        ["search", collection, "a dog", "--save", "dogs"],
        # UMAP's libraries keep what they compile where they can: nowhere, in a home that is read-only.
        ["map", collection] if home == "/proc" else ["map", collection, "--method", "pca"],
        ["models"],
    ]
    if home is None:
        commands += [[name, collection] for name in ("queries", "show", "verify", "compact")]
        commands += [["sql", collection, "SELECT 1"]]
    for arguments in commands:
        done = subprocess.run(
            [*without_home(), SOUNDGREP, *arguments], env=environment, cwd="/", capture_output=True, check=False
        )
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        assert done.returncode == 0, done


COMMANDS = {
    "help": ["--help"],
    "search": ["search", "C", "a dog"],
    "search --json": ["search", "C", "a dog", "--json"],
    "sql": ["sql", "C", "SELECT * FROM segments, range(3000)"],
    "show": ["show", "C"],
    "verify": ["verify", "C"],
    "queries": ["queries", "C"],
    "models": ["models"],
    "mistake": ["search", "C", "a dog", "--where", "nonsense"],
    "index": ["index", "S", "C"],
    "evaluate": ["evaluate", "C", "T"],
    "classify": ["classify", "C", "--labels", "L"],
    "check": ["models", "check", "E"],
}
SERVERS = {"serve": ["serve", "C", "--port", "0"], "ui": ["ui", "C", "--port", "0", "--no-open"]}


def words_of(command: list[str], indexed: Indexed, folder: Path) -> list[str | Path]:
    captions, labels = folder / "captions.csv", folder / "labels.txt"
    captions.write_text("file,caption\ntone.wav,a tone\nnoise.wav,noise\n", "utf-8")
    labels.write_text("tone\nnoise\n", "utf-8")
    places = {"C": indexed.collection, "S": indexed.sounds, "E": indexed.encoder, "T": captions, "L": labels}
    return [places.get(word, word) for word in command]


def with_outputs(closed: str, arguments: list[str | Path]) -> tuple[int, bytes]:
    """Run a command with outputs as a shell's words say, and return its exit code and its complaints."""
    none = os.open(os.devnull, os.O_RDWR)
    full, (out, their_out), (err, their_err) = os.open("/dev/full", os.O_WRONLY), os.pipe(), os.pipe()
    outputs = {"> /dev/full": (full, their_err), "2> /dev/full": (none, full), "| head -c 1": (their_out, their_err)}
    descriptors = (none, *outputs.get(closed, (none, none)))
    with fork_server().start(arguments, descriptors, closed=(1, 2) if closed == ">&- 2>&-" else ()) as finished:
        for descriptor in (none, full, their_out, their_err):
            os.close(descriptor)
        os.read(out, 1)
        os.close(out)
        with os.fdopen(err, "rb") as complaints:
            said = complaints.read()
        return finished(), said


CLOSED = ("| head -c 1", ">&- 2>&-", "> /dev/full", "2> /dev/full")


@pytest.mark.parametrize(("name", "closed"), taking_turns(COMMANDS, CLOSED))
def test_closed_and_full_outputs(name: str, closed: str, indexed: Indexed, tmp_path: Path) -> None:
    words = words_of(COMMANDS[name], indexed, tmp_path)
    if name in ("help", "mistake"):  # by a shell, from the start of Python on
        line = f'"$0" "$@" {closed}'
        done = subprocess.run(
            ["bash", "-c", line, SOUNDGREP, *words], env=ENVIRONMENT, capture_output=True, check=False
        )
        code, said = done.returncode, done.stderr
    else:
        code, said = with_outputs(closed, words)
    assert b"Traceback" not in said
    assert b"Exception ignored" not in said, said
    assert code in (0, 1, 2), (code, said)


@pytest.mark.parametrize(("closed", "name"), taking_turns(CLOSED[:3], SERVERS))
def test_servers_with_closed_outputs(name: str, closed: str, indexed: Indexed, tmp_path: Path) -> None:
    words = words_of(SERVERS[name], indexed, tmp_path)
    line = f'exec "$0" "$@" {closed}' if closed[0] == ">" else 'exec "$0" "$@" > >(head -c 1)'
    with subprocess.Popen(["bash", "-c", line, SOUNDGREP, *words], env=ENVIRONMENT, stderr=subprocess.PIPE) as server:
        is_listening = psutil.Process(server.pid).net_connections
        wait_until(lambda: server.poll() is not None or any(one.status == psutil.CONN_LISTEN for one in is_listening()))
        server.send_signal(signal.SIGINT)
        _, said = server.communicate(timeout=LONG_S)
    assert b"Traceback" not in said, said.decode()
    assert b"Exception ignored" not in said, said


TABLES = {"search", "sql", "models", "queries"}


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "search --json"])
def test_narrow_terminal(name: str, indexed: Indexed, tmp_path: Path) -> None:
    """Tables fit; sentences go on in the next line, as terminals do it."""
    done = soundgrep_on_terminal(*words_of(COMMANDS[name], indexed, tmp_path), columns=40)
    assert "Traceback" not in done.out
    if name in TABLES:
        lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", done.out).splitlines()
        assert [line for line in lines if cell_len(line) > 40 and not line.startswith("soundgrep: ")] == []


ODD = [
    "umask 0777; ulimit -n 64; export TZ=Asia/Kathmandu",
    "umask 077; export TZ=No/Such:zone; mount -t tmpfs -o ro none /dev/shm",
]


@pytest.mark.parametrize("before", ODD)
def test_odd_processes(before: str, indexed: Indexed, tmp_path: Path) -> None:
    script = 's="$0"; "$s" index "$1" c.soundgrep --encoder "$2" && "$s" search c.soundgrep dog && '
    script += '"$s" compact c.soundgrep && "$s" verify c.soundgrep'
    own_mounts: list[str] = []
    if "mount" in before:
        if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode == 0:
            own_mounts = ["unshare", "-rm"]
        else:  # no mounts of its own: it stays
            before = before.partition("; mount")[0]
    command = [*own_mounts, "bash", "-c", f"{before}; {script}", SOUNDGREP, indexed.sounds, indexed.encoder]
    done = subprocess.run(command, env=ENVIRONMENT, cwd=tmp_path, capture_output=True, check=False)
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    assert done.returncode == 0, done


def test_nothing_of_ours_needs_shared_memory() -> None:
    """Locks and queues of multiprocessing do, which some systems and containers do not have."""
    root = Path(__file__).parents[2]
    allowed = {"Pipe", "Connection", "wait"}
    for file in (file for floor in ("indexer", "model", "search", "ui") for file in (root / floor).rglob("*.py")):
        if "training" in file.parts:
            continue  # a recipe
        for names in re.findall(
            r"from multiprocessing[.\w]* import (.+)|import multiprocessing", file.read_text("utf-8")
        ):
            assert set(names.replace(" ", "").split(",")) <= allowed, file
