"""Processes that soundgrep starts, as the system lists them."""

from __future__ import annotations

import os
from pathlib import Path


def children(module: str) -> set[int]:
    """Processes that run a module of soundgrep, started by this test or by what it started."""
    parents, found = dict[int, int](), set[int]()
    for place in Path("/proc").glob("[0-9]*"):
        try:
            status, command = (place / "stat").read_text(), (place / "cmdline").read_bytes()
        except OSError:
            continue
        parents[int(place.name)] = int(status.rpartition(")")[2].split()[1])
        if module.encode() in command:
            found.add(int(place.name))
    return {pid for pid in found if os.getpid() in _ancestors(pid, parents)}


def _ancestors(pid: int, parents: dict[int, int]) -> set[int]:
    found = set[int]()
    while (pid := parents.get(pid, 0)) not in found:
        found.add(pid)
    return found


def cpu_s(pid: int) -> float:
    """Seconds of work that a process has done; 0 if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
