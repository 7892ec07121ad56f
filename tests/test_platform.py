"""Platforms: what only one system has stands in one file, and all that people do works where it is absent.

`tests/lacking` makes this machine a system without it, for whatever Python is started with that folder on its
PYTHONPATH: `PYTHONPATH=tests/lacking pytest tests/indexer/test_job.py` runs any test so.
"""

from __future__ import annotations

import ast
import ntpath
import os
import posixpath
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import soundgrep
from soundgrep.indexer import build_collection
from soundgrep.indexer.inputs.lists import resolved
from soundgrep.indexer.maintenance.metadata import add_metadata
from soundgrep.model.audio.stores import is_url
from soundgrep.model.errors import CollectionError
from soundgrep.model.system import (
    absolute_path,
    folder_identity,
    link_or_copy,
    memory_bytes,
    replace_file,
    start_connected,
)
from soundgrep.search import Collection

from .conftest import CHECKPOINT_VARIABLE
from .indexer.sounds import write
from .lacking.lacking_names import ABSENT, MODULES, OURS_ABSENT

ROOT = Path(soundgrep.__file__).parent
LACKING = ROOT / "tests" / "lacking"
ONLY_PLACE = "model/system.py"
FOLDERS = ("/proc", "/sys/", "/dev/")
# What stands in a list of names is absent in the mode; these differ between systems as well.
DIFFERENT = {
    "os": {"symlink", "link", "pipe", "fchmod", "lchown", "chown", "umask", "O_CLOEXEC", "O_NONBLOCK", "ctermid"}
    | {"waitpid", "wait", "WNOHANG", "posix_spawn", "sendfile", "readv", "writev", "uname", "sched_yield"},
    "signal": {"sigtimedwait", "sigpending", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTRAP", "SIG_BLOCK", "pause"},
    "socket": {"AF_UNIX", "SO_REUSEADDR", "SO_REUSEPORT", "send_fds", "recv_fds"},
    "subprocess": {"STARTUPINFO", "CREATE_NEW_PROCESS_GROUP"},
    "sys": {"platform", "getwindowsversion"},
}
METHODS = {"symlink_to", "hardlink_to", "is_junction"}
KEYWORDS = {"pass_fds", "preexec_fn", "start_new_session", "creationflags", "startupinfo", "dir_fd"}


def environment(*folders: Path) -> dict[str, str]:
    """What a Python is started with that is to lack all this and to import the package that is tested."""
    path = [*map(str, folders), os.environ.get("PYTHONPATH", ""), str(ROOT.parent) if ROOT.name == "soundgrep" else ""]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, path)), "HF_HUB_OFFLINE": "1"}


def peculiar(path: Path) -> list[str]:
    """What a file names that not every system has."""
    names = {module: set(more) for module, more in DIFFERENT.items()}
    for known in (ABSENT, OURS_ABSENT):
        for module, more in known.items():
            names.setdefault(module, set()).update(more)
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found += [node.attr] if node.attr in names.get(node.value.id, set()) | METHODS else []
        elif isinstance(node, ast.ImportFrom) and not node.level:
            more = {f"{node.module}" for _ in [0] if node.module in MODULES}
            found += [*more, *({alias.name for alias in node.names} & names.get(str(node.module), set()))]
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name in (*MODULES, "msvcrt", "winreg", "_winapi")]
        elif isinstance(node, ast.Call):
            found += [keyword.arg for keyword in node.keywords if keyword.arg in KEYWORDS]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(FOLDERS):
            found.append(node.value)
    return found


def test_what_only_one_system_has_stands_in_one_file() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): names
        for floor in ("model", "search", "indexer", "ui")
        for path in sorted((ROOT / floor).rglob("*.py"))
        if "training" not in path.parts and (names := peculiar(path))
    }
    assert set(found) == {ONLY_PLACE}, found
    assert {"resource", "pass_fds", "pthread_sigmask"} <= {*found[ONLY_PLACE]}


# Not as a script: that forgets where Python was told to look, so as to meet the installed package. Commands run one
# after the other in one process, which has loaded the libraries for all of them; `make matrix` starts each anew.
SMOKE = """
import contextlib, gc, io, os, subprocess, sys
import smoke
from soundgrep.ui.cli import main

def run(command, folder):
    out, err, code = io.StringIO(), io.StringIO(), 0
    sys.argv = ["soundgrep", *command]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), contextlib.chdir(folder):
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
    gc.collect()  # what a command had open is closed as it ends
    return subprocess.CompletedProcess(command, code, out.getvalue(), err.getvalue())

smoke.run_command = run
sys.exit(smoke.main())
"""


def test_all_that_a_new_user_does_works_where_it_is_absent() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SMOKE],
        env=environment(LACKING, ROOT / "tests"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for step in ("index", "search", "sql", "show", "upkeep", "verify", "serve", "ui"):
        assert f"ok {step}" in done.stdout


def test_jobs_are_stopped_and_sql_is_ended_where_it_is_absent(tiny_checkpoint: Path) -> None:
    tests = [
        "tests/indexer/test_job.py",
        "tests/indexer/test_pool.py::test_no_process_is_left",
        "tests/search/test_isolated_sql.py::test_what_does_not_listen_to_an_interruption_is_killed",
        "tests/search/test_isolated_sql.py::test_a_process_that_somebody_killed_is_replaced",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        cwd=ROOT,
        env=environment(LACKING) | {CHECKPOINT_VARIABLE: str(tiny_checkpoint)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


CALLED_BACK = """
import os, sys
from soundgrep.model.system import start_connected
program = "import sys; from soundgrep.model.system import received_descriptor as r; import os;"
program += "from multiprocessing.connection import Connection; c = Connection(r(sys.argv[1])); c.send(c.recv() * 2)"
if hasattr(os, "fork"):
    sys.exit("this system lacks nothing")
process, connection = start_connected([sys.executable, "-c", program], environment=os.environ)
connection.send("ab" * 100_000)
print(len(connection.recv()), process.wait(60))
try:
    start_connected([sys.executable, "-c", "raise SystemExit(3)"], environment=os.environ)
except OSError as error:
    print(error.strerror)
"""


def test_a_process_that_inherits_nothing_calls_back_and_one_that_ends_first_is_told() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CALLED_BACK], env=environment(LACKING), capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["400000 0", "a process ended as it started"]


def test_a_process_that_inherits_its_end_answers() -> None:
    program = "import sys; from multiprocessing.connection import Connection as C; C(int(sys.argv[1])).send('here')"
    process, connection = start_connected([sys.executable, "-c", program], environment=os.environ)
    assert connection.recv() == "here"
    assert process.wait(60) == 0


WRITING = """
import sys, time
from pathlib import Path
from soundgrep.indexer.writing.lock import writer_lock
with writer_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("folders", [(), (LACKING,)], ids=["whole", "lacking"])
def test_a_lock_is_held_against_others_and_dies_with_its_process(tmp_path: Path, folders: tuple[Path, ...]) -> None:
    from soundgrep.indexer.writing.lock import writer_lock

    with subprocess.Popen(
        [sys.executable, "-c", WRITING, tmp_path], env=environment(*folders), stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with (
            pytest.raises(CollectionError, match="another run is writing it, wait until it ends"),
            writer_lock(tmp_path),
        ):
            pass
        other.kill()
    with writer_lock(tmp_path), pytest.raises(CollectionError, match="another run"), writer_lock(tmp_path):
        pass
    with writer_lock(tmp_path):
        pass


@pytest.mark.parametrize(
    ("path", "exact"),
    [
        (r"C:\Sounds\a.wav", b"C:/Sounds/a.wav"),
        (r"c:\Sounds\sub\..\a.wav", b"C:/Sounds/a.wav"),
        ("C:/Sounds//a.wav", b"C:/Sounds/a.wav"),
        ("C:\\", b"C:/"),
        (r"\\server\share\sub\a.wav", b"//server/share/sub/a.wav"),
        (r"C:\**\*.wav", b"C:/**/*.wav"),
    ],
)
def test_a_path_of_windows_is_written_with_slashes(path: str, exact: bytes) -> None:
    written = absolute_path(path, flavour=ntpath)
    assert written == exact
    assert b"\\" not in written
    assert absolute_path(os.fsdecode(written), flavour=ntpath) == written


def test_a_backslash_is_a_character_of_a_name_elsewhere() -> None:
    assert absolute_path("/sounds/a\\b.wav", flavour=posixpath) == b"/sounds/a\\b.wav"
    assert absolute_path("/sounds/C:\\b.wav", flavour=posixpath) == b"/sounds/C:\\b.wav"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (rb"C:\Sounds\a.wav", b"C:/Sounds/a.wav"),
        (b"C:/Sounds/a.wav", b"C:/Sounds/a.wav"),
        (rb"sub\a.wav", b"D:/lists/sub/a.wav"),
        (rb"..\a.wav", b"D:/a.wav"),
        (b"s3://bucket/a.wav", b"s3://bucket/a.wav"),
        (rb"sub\shard.tar!/x.wav", b"D:/lists/sub/shard.tar!/x.wav"),
    ],
)
def test_a_list_on_windows_names_files(text: bytes, place: bytes) -> None:
    assert resolved(text, folder=b"D:/lists", flavour=ntpath) == place


def test_a_drive_is_no_store() -> None:
    assert not is_url(rb"C:\Sounds\a.wav")
    assert not is_url(b"C:/Sounds/a.wav")
    assert not is_url(b"C://Sounds/a.wav")
    assert resolved(rb"sub\a.wav", folder=b"s3://bucket", flavour=ntpath) == b"s3://bucket/sub/a.wav"
    assert resolved(b"sub\\a.wav", folder=b"s3://bucket") == b"s3://bucket/sub\\a.wav"


def test_tables_that_were_written_on_windows_name_clips_here(tmp_path: Path, tiny_checkpoint: Path) -> None:
    sounds = tmp_path / "sounds"
    for number, name in enumerate(("one/a.wav", "two/a.wav", "b.wav", "c\\d.wav")):
        (sounds / name).parent.mkdir(parents=True, exist_ok=True)
        write(sounds / name, number)
    (sounds / "list.csv").write_text("path,size\none\\a.wav,1\nb.wav,2\nc\\d.wav,3\nnone\\x.wav,4\n", "utf-8")
    collection = tmp_path / "made.soundgrep"
    report = build_collection(sounds / "list.csv", collection, encoder=str(tiny_checkpoint), n_workers=1)
    assert [Path(failure.path).name for failure in report.failures] == ["none\\x.wav"]
    opened = Collection.open(collection)
    query = "SELECT path, size FROM clips ORDER BY path"
    root = str(sounds)
    assert {row["path"].removeprefix(root): row["size"] for row in opened.sql(query).to_pylist()} == {
        "/one/a.wav": 1,
        "/b.wav": 2,
        "/c\\d.wav": 3,
    }
    build_collection(sounds, collection, encoder=str(tiny_checkpoint), n_workers=1)
    table = tmp_path / "known.csv"
    rows = [
        "C:\\Users\\ann\\two\\a.wav,x",
        "one\\a.wav,y",
        "D:\\b.wav,z",
        "c\\d.wav,w",
        "E:\\a.wav,both",
        "no\\no.wav,-",
    ]
    table.write_text("\n".join(["file,place", *rows]), "utf-8")
    known = add_metadata(collection, table)
    assert known.unmatched == ("no\\no.wav",)
    assert known.ambiguous == ("E:\\a.wav",)
    rows_of = Collection.open(collection).sql("SELECT path, place FROM clips").to_pylist()
    places = {row["path"].removeprefix(root): row["place"] for row in rows_of}
    assert places == {"/two/a.wav": "x", "/one/a.wav": "y", "/b.wav": "z", "/c\\d.wav": "w"}


def test_a_folder_without_an_inode_is_asked_again(tmp_path: Path) -> None:
    status = tmp_path.stat()
    blank = os.stat_result((status.st_mode, 0, 0, *tuple(status)[3:10]))
    assert folder_identity(os.fsencode(tmp_path), blank) == (status.st_dev, status.st_ino)
    assert folder_identity(os.fsencode(tmp_path / "gone"), blank) == (0, 0)


def test_a_file_is_linked_or_copied_and_replaced_in_one_step(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"bytes")
    link_or_copy(source, target)
    assert target.read_bytes() == b"bytes"
    aside = tmp_path / "aside"
    aside.write_bytes(b"new")
    replace_file(aside, target)
    assert target.read_bytes() == b"new"
    assert source.read_bytes() == b"bytes"
    with pytest.raises(FileNotFoundError):
        replace_file(aside, target)


def test_memory_is_known_and_can_be_limited() -> None:
    assert memory_bytes() == psutil.virtual_memory().total
    program = "from soundgrep.model.system import limit_memory as l; l(1 << 28); bytearray(1 << 30)"
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, check=False
    )
    assert "MemoryError" in done.stderr


ASKING = """
import os, sys
from soundgrep.search import Collection
collection = Collection.open(sys.argv[1], isolate_sql=True)
print("asking", flush=True)
collection.sql("SELECT list_sum(range(300000000)) + list_sum(range(300000001))")
"""


def test_sql_ends_with_the_process_that_asked(tmp_path: Path, tiny_checkpoint: Path) -> None:
    write(tmp_path / "a.wav", 1)
    collection = tmp_path / "made.soundgrep"
    build_collection(tmp_path / "a.wav", collection, encoder=str(tiny_checkpoint), n_workers=1)
    with subprocess.Popen(
        [sys.executable, "-c", ASKING, collection], env=environment(), stdout=subprocess.PIPE, text=True
    ) as asking:
        assert asking.stdout is not None
        assert asking.stdout.readline() == "asking\n"
        me = psutil.Process(asking.pid)
        end_s = time.monotonic() + 60
        while not (children := me.children()) and time.monotonic() < end_s:
            time.sleep(0.05)
        assert children
        asking.kill()
    _, alive = psutil.wait_procs(children, timeout=60)
    assert not alive
