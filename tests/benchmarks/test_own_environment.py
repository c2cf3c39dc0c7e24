"""Environments of their own: made once, and left out with a reason where they cannot be."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from benchmarks.own_environment import Requirement, UnavailableError, ensure

WANTED = Requirement("some-proxy", "1.2", extra="server")


class _Pip:
    """Stands for `subprocess.run`: whether the package can be imported, and what pip says."""

    def __init__(self, *, works: bool) -> None:
        self.works = works
        self.has_package = False
        self.commands: list[list[str]] = []

    def __call__(self, command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        self.commands.append(command)
        if "pip" in command:
            self.has_package = self.works
            said = "" if self.works else "noise\nERROR: no network"
            return subprocess.CompletedProcess(command, int(not self.works), "", said)
        said = f"{WANTED.version}\n" if self.has_package else ""
        return subprocess.CompletedProcess(command, int(not self.has_package), said, "")


@pytest.fixture
def _environments(monkeypatch: pytest.MonkeyPatch) -> None:
    def create(folder: Path, **_: Any) -> None:
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "python").touch()

    monkeypatch.setattr("venv.create", create)


@pytest.mark.usefixtures("_environments")
def test_the_environment_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time it is only looked at."""
    pip = _Pip(works=True)
    monkeypatch.setattr("subprocess.run", pip)

    assert ensure(tmp_path, WANTED) == ensure(tmp_path, WANTED)
    assert sum("pip" in command for command in pip.commands) == 1


@pytest.mark.usefixtures("_environments")
def test_a_failed_installation_says_why_and_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The benchmark goes on without it."""
    monkeypatch.setattr("subprocess.run", _Pip(works=False))

    with pytest.raises(UnavailableError) as caught:
        ensure(tmp_path, WANTED)

    assert "ERROR: no network" in str(caught.value)
    assert "pip install --quiet --disable-pip-version-check" in str(caught.value)
    assert "some-proxy[server]==1.2" in str(caught.value)
