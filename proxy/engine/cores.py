"""How many cores this process may really use, containers included."""

from __future__ import annotations

import os
from collections.abc import Callable
from math import ceil
from pathlib import Path

_V2 = "/sys/fs/cgroup/cpu.max"
_V1 = ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us")


def available_cores(read: Callable[[str], str] = lambda path: Path(path).read_text("ascii")) -> int:
    """The smaller of the CPU affinity and the cgroup's quota, at least 1.

    ``os.cpu_count()`` sees the whole machine: decode threads beyond the quota wait for each other
    while the kernel throttles them.

    Args:
        read: gives a file's content, or raises OSError.
    """
    has_affinity = hasattr(os, "sched_getaffinity")
    n_cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    quota = _quota(read)
    return n_cores if quota is None else max(1, min(n_cores, ceil(quota)))


def _quota(read: Callable[[str], str]) -> float | None:
    """Cores' worth of CPU time that the cgroup grants; None for no limit."""
    try:
        limit, period = read(_V2).split()
    except (OSError, ValueError):
        try:
            limit, period = read(_V1[0]).strip(), read(_V1[1]).strip()
        except OSError:
            return None
    is_limited = limit.isdigit() and period.isdigit() and int(period) > 0
    return int(limit) / int(period) if is_limited else None
