"""The native server's environment: one package and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.engine import native_environment
from benchmarks.own_environment import Requirement


def test_it_is_one_version_without_dependencies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package brings all it needs."""
    asked: list[tuple[Path, Requirement]] = []

    def ensure(cache: Path, requirement: Requirement) -> Path:
        asked.append((cache, requirement))
        return cache

    monkeypatch.setattr("benchmarks.own_environment.ensure", ensure)
    native_environment.ensure(tmp_path)
    assert asked == [(tmp_path, Requirement("xllamacpp", native_environment.VERSION))]
