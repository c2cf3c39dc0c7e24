"""The native server's own virtual environment: its package bundles another llama.cpp than ours."""

from __future__ import annotations

from pathlib import Path

from benchmarks import own_environment
from benchmarks.own_environment import Requirement

PACKAGE = "xllamacpp"
VERSION = "2026.10.11549"


def ensure(cache: Path) -> Path:
    """The interpreter of an environment that has the native server; made the first time (34 MB).

    Args:
        cache: the folder in which it lies, by version.

    Raises:
        UnavailableError: no network, or no wheel for this machine.
    """
    return own_environment.ensure(cache, Requirement(PACKAGE, VERSION))
