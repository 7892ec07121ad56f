"""The system: everything that one platform has and another lacks, with what takes its place there.

Linux, macOS and Windows differ in this file and nowhere else. What is missing is looked for by name, not by the name of
the platform, so that a test can take it away.
"""

from __future__ import annotations

import _thread
import contextlib
import errno
import hmac
import math
import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType, ModuleType
from typing import BinaryIO

from .paths import encoded_path

try:
    import resource
except ImportError:  # Windows limits no process by itself
    resource = None  # type: ignore[assignment]

# What the driver of an NVIDIA card, of an AMD one, of a card seen from WSL and of one under Windows leave behind:
# looking is free, while asking torch costs seconds of import.
_GPU_TRACES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg", "C:/Windows/System32/nvcuda.dll")
_CGROUP = Path("/sys/fs/cgroup")
_ASSUMED_MEMORY_BYTES = 8 << 30
_STOP_SIGNAL = getattr(signal, "SIGUSR1", signal.SIGTERM)
_CAN_INHERIT = hasattr(os, "fork")
_HAS_OPEN_FOLDERS = hasattr(os, "O_DIRECTORY")
# Bytes of a set of signals in C's struct sigaction, and where struct siginfo has the address; None for no such signal.
BUS_ERROR_LAYOUT = {"linux": (128, 16), "darwin": (4, 24)}.get(sys.platform)
SA_SIGINFO = 0x40 if sys.platform == "darwin" else 4
MAP_FIXED = 0x10
_UNWAITING = sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_BINARY"))
_PLAINLY = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
_CONNECTIONS = {socket.AF_INET: ("tcp", "tcp6"), socket.AF_INET6: ("tcp6",)}
_MAPPED = bytes(10) + b"\xff\xff"
_TOKEN_BYTES = 32
_CONNECT_S = 60.0
_TOKEN_S = 5.0
_LOOK_EVERY_S = 0.2
_REPLACE_S = 2.0


def allowed_cores() -> int:
    """Count the cores that this process may run on: its affinity, where the system has such a thing."""
    ask = getattr(os, "sched_getaffinity", None)
    return len(ask(0)) if ask is not None else os.cpu_count() or 1


def container_cores() -> int | None:
    """Count the cores' worth of time, rounded up, that control groups of version 2 or 1 allow; None for no limit."""
    limits: list[float] = []
    with contextlib.suppress(OSError, ValueError):
        quota, period = (_CGROUP / "cpu.max").read_text("ascii").split()
        if quota != "max":
            limits.append(int(quota) / int(period))
    with contextlib.suppress(OSError, ValueError):
        group = _CGROUP / "cpu"
        quota_us = int((group / "cpu.cfs_quota_us").read_text("ascii"))
        if quota_us > 0:
            limits.append(quota_us / int((group / "cpu.cfs_period_us").read_text("ascii")))
    return math.ceil(min(limits)) if limits else None


def may_have_gpu() -> bool:
    """Return whether a driver of a GPU left traces here."""
    return any(Path(trace).exists() for trace in _GPU_TRACES)


def memory_bytes() -> int:
    """Return the machine's memory; 8 GiB are assumed where the system does not tell."""
    if sys.platform == "win32":
        import ctypes

        status = (ctypes.c_ulonglong * 8)(64)  # MEMORYSTATUSEX: its length, then physical memory in the second place
        if ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
            return int(status[1])
    else:
        with contextlib.suppress(AttributeError, ValueError, OSError):
            n_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
            if n_bytes > 0:
                return n_bytes
    return _ASSUMED_MEMORY_BYTES


def limit_memory(n_bytes: int) -> None:
    """Have this process fail rather than take more memory, where the system can and no lower limit holds."""
    if sys.platform == "win32":
        import ctypes

        kernel = ctypes.windll.kernel32
        kernel.CreateJobObjectW.restype = ctypes.c_void_p
        job = ctypes.c_void_p(kernel.CreateJobObjectW(None, None))
        # JOBOBJECT_EXTENDED_LIMIT_INFORMATION: the flags in the third place, the limit of a process in the fifteenth.
        limits = (ctypes.c_ulonglong * 18)()
        limits[2], limits[14] = 0x100, n_bytes
        kernel.SetInformationJobObject(job, 9, ctypes.byref(limits), ctypes.sizeof(limits))
        kernel.AssignProcessToJobObject(job, ctypes.c_void_p(-1))  # this process
    elif resource is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_DATA, (n_bytes, hard))


def lower_priority(by: int) -> None:
    """Let other processes go before this one, if the system can."""
    if sys.platform == "win32":
        import ctypes

        if by > 0:
            ctypes.windll.kernel32.SetPriorityClass(ctypes.c_void_p(-1), 0x4000)  # this process, below normal
    else:
        with contextlib.suppress(AttributeError, OSError):
            os.nice(by)


def user_number() -> int:
    """Tell users of one folder for temporary files apart; on Windows each has a folder of their own."""
    ask = getattr(os, "getuid", None)
    return int(ask()) if ask is not None else 0


def can_tell_connections() -> bool:
    """Return whether the system says whose the connections on the loopback are."""
    return Path("/proc/net/tcp").exists()


def connection_owner(theirs: tuple[str, int], ours: tuple[str, int]) -> int | None:
    """Return the number of the user who holds the other end of a connection within this machine.

    Args:
        theirs: Address and port at the other end.
        ours: Address and port at this end.

    Returns:
        The number; None if the system does not say, or nobody holds it any more.
    """
    family = socket.AF_INET6 if ":" in theirs[0] else socket.AF_INET
    with contextlib.suppress(OSError, ValueError):
        for table in _CONNECTIONS[family]:
            ends = [_kernel_address(one, family, wide=table == "tcp6") for one in (theirs, ours)]
            for line in Path("/proc/net", table).read_bytes().splitlines()[1:]:
                fields = line.split()
                # An end without an inode is nobody's any more, and its owner reads as root.
                if fields[1:3] == ends and fields[9] != b"0":
                    return int(fields[7])
    return None


def _kernel_address(address: tuple[str, int], family: int, *, wide: bool) -> bytes:
    """Write an address as the kernel's tables do: words in the machine's own order of bytes, in hexadecimal."""
    packed = socket.inet_pton(family, address[0])
    if wide and family == socket.AF_INET:
        packed = _MAPPED + packed
    words = [int.from_bytes(packed[place : place + 4], sys.byteorder) for place in range(0, len(packed), 4)]
    return (":".join(["".join(f"{word:08X}" for word in words), f"{address[1]:04X}"])).encode()


def sync_file(path: Path) -> None:
    """Wait until a file's bytes are on the disk.

    Raises:
        OSError: If the file is missing or the disk reports an error.
    """
    # Windows writes out only what is open for writing.
    _sync(path, os.O_RDONLY if _HAS_OPEN_FOLDERS else os.O_RDWR)


def sync_folder(folder: Path) -> None:
    """Wait until a folder's list of names is on the disk; Windows opens no folders and sees to that itself.

    Raises:
        OSError: If the folder is missing or the disk reports an error.
    """
    if _HAS_OPEN_FOLDERS:
        _sync(folder, os.O_RDONLY)
    else:
        folder.stat()


def read_regular(path: Path, *, most_bytes: int, follows_links: bool = True) -> bytes:
    """Read a regular file that has no more than so many bytes.

    Raises:
        OSError: If it cannot be read, is none, is a link that is not to be followed, or has more; `strerror` says so in
            plain words.
    """
    with open_regular(path) if follows_links else open_plain(path) as file:
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise OSError(errno.EINVAL, f"it has more than {most_bytes:,} bytes")
    return data


def open_plain(path: Path) -> BinaryIO:
    """Open a file for reading, if it is one: opening a link could lead elsewhere, a pipe or a device could wait.

    Raises:
        OSError: If it cannot be opened, or is a symbolic link or no regular file; `strerror` says so in plain words.
    """
    return _open_checked(path, path.lstat(), _PLAINLY)


def open_regular(path: str | bytes | os.PathLike[str]) -> BinaryIO:
    """Open a regular file for reading, wherever links lead: a pipe or a device could wait, or never end.

    Raises:
        OSError: If it cannot be opened or is no regular file; `strerror` says so in plain words.
    """
    return _open_checked(path, os.stat(path), _UNWAITING)  # noqa: PTH116 - bytes


def _open_checked(path: str | bytes | os.PathLike[str], status: os.stat_result, flags: int) -> BinaryIO:
    _check_plain(status)
    file = os.fdopen(os.open(path, os.O_RDONLY | flags), "rb")
    try:
        _check_plain(os.fstat(file.fileno()))  # it may have been swapped meanwhile
    except OSError:
        file.close()
        raise
    return file


def _check_plain(status: os.stat_result) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise OSError(errno.ELOOP, "it is a symbolic link")
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")


def replace_file(aside: Path, path: Path) -> None:
    """Put a file in the place of another in one step.

    Windows refuses that while somebody reads the old one; a reader needs an instant, so it is tried again.

    Raises:
        OSError: If it cannot be done.
    """
    end_s = time.monotonic() + _REPLACE_S
    while True:
        try:
            aside.replace(path)
            return
        except PermissionError:
            if _HAS_OPEN_FOLDERS or time.monotonic() >= end_s:
                raise
        time.sleep(0.01)


def link_or_copy(source: Path, target: Path, *, is_hard: bool = False) -> None:
    """Let a file be found under another path: by a symbolic or a hard link, or where there can be none by a copy.

    Raises:
        OSError: If neither can be written.
    """
    try:
        if is_hard:
            os.link(source, target)
        else:
            target.symlink_to(source)
    except (OSError, NotImplementedError):
        shutil.copyfile(source, target)
        sync_file(target)


def folder_identity(path: bytes, status: os.stat_result) -> tuple[int, int]:
    """Return device and number of a folder, which Windows does not tell with the folder's entries."""
    if not status.st_ino:
        with contextlib.suppress(OSError):  # it is gone, which whoever looks into it finds out
            status = os.stat(path)  # noqa: PTH116 - bytes
    return status.st_dev, status.st_ino


def absolute_path(path: str, *, flavour: ModuleType = os.path) -> bytes:
    r"""Write a path as its exact bytes, absolute, symbolic links left as they are.

    On Windows with slashes and a capital for the drive, `C:/Sounds/a.wav`: its system takes either, and so a path is
    written one way and has the same parts everywhere. Elsewhere a backslash is a character of a name like any other.

    Args:
        path: The path, relative to the current folder or absolute.
        flavour: The system's rules of paths: `posixpath` or `ntpath`.
    """
    absolute = str(flavour.abspath(path))  # Path.absolute keeps "..", resolve follows links
    if flavour.sep == "\\":
        drive, rest = flavour.splitdrive(absolute)
        absolute = ((drive.upper() if drive.endswith(":") else drive) + rest).replace("\\", "/")
    return encoded_path(absolute)


def is_share(path: bytes, *, flavour: ModuleType = os.path) -> bool:
    r"""Return whether a path leads to another machine by its name, as Windows has it: `\\server\share\a.wav`."""
    drive: bytes = flavour.splitdrive(path)[0]
    return drive.startswith((b"\\\\", b"//"))


def share_address(listener: socket.socket) -> None:
    """Let a port be taken again as soon as its server has ended; on Windows the option would let others steal it."""
    if _CAN_INHERIT:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def on_interruption(handler: Callable[[int, FrameType | None], object] | None) -> None:
    """Set what the main thread does when `interrupt_main_thread` is called; None for nothing."""
    signal.signal(_STOP_SIGNAL, signal.SIG_IGN if handler is None else handler)


def interrupt_main_thread() -> None:
    """Have the main thread call what `on_interruption` was given: at once, or where there are no such signals, soon."""
    main = threading.main_thread().ident
    if main is not None and hasattr(signal, "pthread_kill"):
        signal.pthread_kill(main, _STOP_SIGNAL)  # wakes it up, whatever it waits for
    else:
        _thread.interrupt_main(_STOP_SIGNAL)


def start_connected(
    command: Sequence[str], *, environment: Mapping[str, str]
) -> tuple[subprocess.Popen[bytes], Connection]:
    """Start a process that shares a connection with this one, and which a Ctrl-C does not kill as it starts.

    Args:
        command: The program and its arguments; one more is added, of which `received_descriptor` makes the connection.
        environment: All variables that it gets.

    Returns:
        The process, and this end of the connection.

    Raises:
        OSError: If the system starts no more processes, or it ended before it was connected.
    """
    if sys.platform == "win32" or not _CAN_INHERIT:
        return _start_over_loopback(command, environment)
    connection, theirs = Pipe()
    with theirs, _interrupts_held_back():
        process = subprocess.Popen(  # noqa: S603 - our own module
            [*command, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=_stderr(),
            env=environment,
        )
    return process, connection


def received_descriptor(place: str) -> int:
    """Return the descriptor of the connection that `start_connected` shared with this process.

    Raises:
        OSError: If the parent is gone.
    """
    where, _, port = place.rpartition(":")
    if not where:
        return int(place)
    connected = socket.create_connection((where, int(port)))
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connected.sendall(sys.stdin.buffer.read(_TOKEN_BYTES))
    return connected.detach()


def _start_over_loopback(
    command: Sequence[str], environment: Mapping[str, str]
) -> tuple[subprocess.Popen[bytes], Connection]:
    """Start a process that inherits nothing: it calls back over the loopback, and shows what only it was told."""
    token = secrets.token_bytes(_TOKEN_BYTES)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(_LOOK_EVERY_S)
        host, port = listener.getsockname()
        process = subprocess.Popen(  # noqa: S603 - our own module
            [*command, f"{host}:{port}"],
            stdin=subprocess.PIPE,
            stdout=_stderr(),
            env=environment,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # Ctrl-C is for this process
        )
        try:
            if process.stdin is not None:
                with contextlib.suppress(OSError), process.stdin as told:  # it has ended, which is found out next
                    told.write(token)
            return process, _accepted(listener, token, process)
        except BaseException:
            process.kill()
            process.wait()
            raise


def _accepted(listener: socket.socket, token: bytes, process: subprocess.Popen[bytes]) -> Connection:
    """Wait until the process has called; whoever else calls is turned away."""
    end_s = time.monotonic() + _CONNECT_S
    while process.poll() is None and time.monotonic() < end_s:
        with contextlib.suppress(TimeoutError, ConnectionError):
            caller, _ = listener.accept()
            with caller:
                caller.settimeout(_TOKEN_S)
                shown = b""
                while len(shown) < len(token) and (piece := caller.recv(len(token) - len(shown))):
                    shown += piece
                if hmac.compare_digest(shown, token):
                    caller.setblocking(True)
                    caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    return Connection(caller.detach())
    raise OSError(errno.ECONNREFUSED, "a process ended as it started")


@contextlib.contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Let Ctrl-C wait: this process gets it afterwards, processes started meanwhile never do."""
    if sys.platform == "win32" or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _stderr() -> int:
    """Return where a child's libraries may print."""
    try:
        os.fstat(2)
    except OSError:
        return subprocess.DEVNULL
    return 2


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
