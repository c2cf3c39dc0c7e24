"""LiteLLM's proxy in a virtual environment of its own: it pins what we use in other versions."""

from __future__ import annotations

from pathlib import Path

from benchmarks import own_environment
from benchmarks.own_environment import Requirement

PACKAGE = "litellm"
VERSION = "1.106.2"


def ensure(cache: Path) -> Path:
    """The interpreter of an environment that has the proxy; made the first time (740 MB).

    Args:
        cache: the folder in which it lies, by version.

    Raises:
        UnavailableError: no network, or no wheel for this machine.
    """
    requirement = Requirement(PACKAGE, VERSION, extra="proxy", with_dependencies=True)
    return own_environment.ensure(cache, requirement)
