"""Running the real command: as a program in a pipe, on a terminal, or without the rights of root."""

from __future__ import annotations

import contextlib
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
from collections.abc import Callable, Iterator, Sequence
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

Argument = str | bytes | os.PathLike[str]


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
    *arguments: Argument,
    cwd: Path | None = None,
    before: Callable[[], None] | None = None,
    environment: dict[str, str] | None = None,
) -> Finished:
    """Run the command with its output in pipes: forked from a process that has loaded it, as long as nothing is to be
    done `before` and no variable of the environment is one that Python reads as it starts."""
    if before is None and not any(name.startswith("PYTHON") for name in environment or ()):
        return fork_server().finished(*arguments, cwd=cwd, environment=environment)
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


class ForkServer:
    """This end of `fork_server.py`, which ends with this process: commands run as processes of their own, with the
    start of Python and of its libraries paid for once."""

    def __init__(self, environment: dict[str, str] = ENVIRONMENT) -> None:
        self._channel, theirs = socket.socketpair()
        self._lock = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", Path(__file__).with_name("fork_server.py"), str(theirs.fileno())],
                env=environment,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    @contextlib.contextmanager
    def start(
        self,
        arguments: Sequence[Argument],
        descriptors: tuple[int, int, int],
        *,
        cwd: Path | None = None,
        environment: dict[str, str] | None = None,
        closed: tuple[int, ...] = (),
    ) -> Iterator[Callable[[], int]]:
        """Start the command with its own `descriptors` for input, output and complaints, some of them `closed`, and
        yield what waits for its exit code."""
        asked = pickle.dumps(
            {
                "cwd": str(cwd or Path.cwd()),
                "arguments": [os.fsencode(argument) for argument in (SOUNDGREP, *arguments)],
                "environment": environment or {},
                "closed": closed,
            }
        )
        with self._lock:
            socket.send_fds(self._channel, [len(asked).to_bytes(8)], list(descriptors))
            self._channel.sendall(asked)
            yield lambda: int.from_bytes(self._channel.recv(4, socket.MSG_WAITALL), signed=True)

    def run(
        self, arguments: Sequence[Argument], cwd: Path | None = None, environment: dict[str, str] | None = None
    ) -> tuple[int, bytes, bytes]:
        """Run the command with its output in pipes, and return its exit code, output and complaints."""
        (out, their_out), (err, their_err) = os.pipe(), os.pipe()
        with (
            Path(os.devnull).open("rb") as nothing,
            ThreadPoolExecutor(1) as other,
            os.fdopen(out, "rb") as out_file,
            os.fdopen(err, "rb") as err_file,
            self.start(
                arguments, (nothing.fileno(), their_out, their_err), cwd=cwd, environment=environment
            ) as finished,
        ):
            os.close(their_out)
            os.close(their_err)
            said = other.submit(err_file.read)
            written = out_file.read()
            return finished(), written, said.result()

    def finished(
        self, *arguments: Argument, cwd: Path | None = None, environment: dict[str, str] | None = None
    ) -> Finished:
        code, out, err = self.run(arguments, cwd, environment)
        return Finished(code, out.decode(), err.decode())

    def close(self) -> None:
        self._channel.close()
        self._process.wait()


@functools.cache
def fork_server() -> ForkServer:
    return ForkServer()


def soundgrep_on_terminal(*arguments: Argument, columns: int = 80, cwd: Path | None = None) -> Finished:
    """Run the command on a terminal of so many columns; `out` is all that was written, `err` is empty."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with fork_server().start(arguments, (theirs, theirs, theirs), cwd=cwd) as finished:
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
        code = finished()
    os.close(ours)
    return Finished(code, written.decode().replace("\r\n", "\n"), "")


def without_root_rights() -> None:
    """Takes from the process that is about to start the right to read files that their mode forbids."""
    if os.geteuid() == 0:
        drop_from_bounding_set, overrides = 24, (1, 2)  # prctl.h; CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        for capability in overrides:
            if ctypes.CDLL(None, use_errno=True).prctl(drop_from_bounding_set, capability, 0, 0, 0):
                raise OSError(ctypes.get_errno(), "cannot give up a capability of root")
