"""Where and with what it was measured."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.engine import native_environment
from proxy.engine.cores import available_cores

_PACKAGES = ("llama-cpp-python", "guardtune", "numpy")
_BYTES_PER_GIB = 2**30


def _read(path: str) -> str:
    return Path(path).read_text("utf-8")


def machine(read: Callable[[str], str] = _read) -> dict[str, str | int | float]:
    """Processor, cores, memory, kernel, and what else ran on the machine."""
    return {
        "cpu": _field(read("/proc/cpuinfo"), "model name"),
        "cpu_flags": " ".join(_interesting(_field(read("/proc/cpuinfo"), "flags").split())),
        "cores": available_cores(),
        "memory_gib": round(_memory_kib(read("/proc/meminfo")) * 1024 / _BYTES_PER_GIB, 1),
        "system": platform.platform(),
        "load_1min_before": round(os.getloadavg()[0], 2),
    }


def versions(*, has_native: bool) -> dict[str, str]:
    """Of Python and of what is compared."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    if has_native:
        found[native_environment.PACKAGE] = native_environment.VERSION
    return found


def _field(text: str, name: str) -> str:
    lines = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return next((value.strip() for key, value in lines if key.strip() == name), "unknown")


def _interesting(flags: list[str]) -> list[str]:
    return [flag for flag in flags if flag in {"avx2", "fma", "f16c", "avx512f", "amx_tile"}]


def _memory_kib(text: str) -> int:
    words = _field(text, "MemTotal").split()
    return int(words[0]) if words[0].isdigit() else 0
