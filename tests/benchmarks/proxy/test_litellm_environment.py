"""LiteLLM's environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.own_environment import Requirement
from benchmarks.proxy import litellm_environment


def test_it_is_one_version_with_its_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And with everything that needs."""
    asked: list[Requirement] = []

    def ensure(cache: Path, requirement: Requirement) -> Path:
        asked.append(requirement)
        return cache

    monkeypatch.setattr("benchmarks.own_environment.ensure", ensure)
    litellm_environment.ensure(tmp_path)
    version = litellm_environment.VERSION
    assert asked == [Requirement("litellm", version, extra="proxy", with_dependencies=True)]
