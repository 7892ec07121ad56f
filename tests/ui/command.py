"""Running the real command: as a program in a pipe, on a terminal, or without the rights of root."""

from __future__ import annotations

import ctypes
import fcntl
import functools
import os
import pickle
import pty
import socket
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

SOUNDGREP = Path(sys.executable).with_name("soundgrep")
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES", "NO_COLOR"}},
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "TERM": "xterm",
}


@dataclass(frozen=True)
class Finished:
    """What a run of the command left behind."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    def mistake(self) -> str:
        """The one sentence with which a user's mistake was answered."""
        assert self.code == 2, (self.code, self.out, self.err)
        assert self.out == ""
        assert self.err.startswith("soundgrep: ")
        assert self.err.count("\n") == 1, self.err
        assert "Traceback" not in self.err
        return self.err.removeprefix("soundgrep: ").rstrip("\n")


def soundgrep(
    *arguments: str | os.PathLike[str],
    cwd: Path | None = None,
    before: Callable[[], None] | None = None,
    environment: dict[str, str] | None = None,
) -> Finished:
    """Run the command with its output in pipes: forked from a process that has loaded it, as long as nothing is to be
    done `before` and the environment is the usual one."""
    if before is None and environment is None:
        return _fork_server().run(arguments, cwd)
    done = subprocess.run(
        [SOUNDGREP, *arguments],
        cwd=cwd,
        env=ENVIRONMENT | (environment or {}),
        preexec_fn=before,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return Finished(done.returncode, done.stdout.decode(), done.stderr.decode())


class _ForkServer:
    """This end of `fork_server.py`, which ends with this process."""

    def __init__(self) -> None:
        self._channel, theirs = socket.socketpair()
        self._lock = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", Path(__file__).with_name("fork_server.py"), str(theirs.fileno())],
                env=ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    def run(self, arguments: tuple[str | os.PathLike[str], ...], cwd: Path | None) -> Finished:
        asked = pickle.dumps((str(cwd or Path.cwd()), [str(SOUNDGREP), *map(os.fspath, arguments)]))
        with self._lock, Path(os.devnull).open("rb") as nothing, ThreadPoolExecutor(1) as other:
            (out, their_out), (err, their_err) = os.pipe(), os.pipe()
            socket.send_fds(self._channel, [len(asked).to_bytes(8)], [nothing.fileno(), their_out, their_err])
            os.close(their_out)
            os.close(their_err)
            self._channel.sendall(asked)
            with os.fdopen(out, "rb") as out_file, os.fdopen(err, "rb") as err_file:
                said = other.submit(err_file.read)
                written = out_file.read()
                complaints = said.result()
            code = int.from_bytes(self._channel.recv(4, socket.MSG_WAITALL), signed=True)
        return Finished(code, written.decode(), complaints.decode())


@functools.cache
def _fork_server() -> _ForkServer:
    return _ForkServer()


def soundgrep_on_terminal(*arguments: str | os.PathLike[str], columns: int = 80, cwd: Path | None = None) -> Finished:
    """Runs the command on a terminal of so many columns; `out` is all that was written, `err` is empty."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen(
        [SOUNDGREP, *arguments], cwd=cwd, env=ENVIRONMENT, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        written = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # how Linux ends a terminal that nobody holds any more
                break
            if not piece:
                break
            written += piece
    os.close(ours)
    return Finished(process.returncode, written.decode().replace("\r\n", "\n"), "")


def without_root_rights() -> None:
    """Takes from the process that is about to start the right to read files that their mode forbids."""
    if os.geteuid() == 0:
        drop_from_bounding_set, overrides = 24, (1, 2)  # prctl.h; CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        for capability in overrides:
            if ctypes.CDLL(None, use_errno=True).prctl(drop_from_bounding_set, capability, 0, 0, 0):
                raise OSError(ctypes.get_errno(), "cannot give up a capability of root")
