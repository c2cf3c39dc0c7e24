"""What runs on this machine, from /proc."""

from __future__ import annotations

import os
from pathlib import Path


def is_running(pid: int) -> bool:
    """Whether there is such a process; one that waits for its parent to notice does not count."""
    try:
        state = (Path("/proc") / str(pid) / "stat").read_text("ascii").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in {"Z", "X"}


def children(pid: int) -> tuple[int, ...]:
    """The process's children, oldest first."""
    tasks = sorted((Path("/proc") / str(pid) / "task").iterdir())
    return tuple(int(word) for task in tasks for word in (task / "children").read_text().split())


def resident_bytes(pid: int) -> int:
    """Memory that the process holds just now, shared libraries and mapped files included."""
    pages = (Path("/proc") / str(pid) / "statm").read_text("ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
