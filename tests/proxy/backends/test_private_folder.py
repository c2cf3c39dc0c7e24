"""A place for unix sockets."""

from __future__ import annotations

import stat
import tempfile
from pathlib import Path

import pytest

from proxy.backends.private_folder import private_folder


def test_nobody_else_can_enter() -> None:
    """Whoever reaches a socket in it is trusted."""
    folder = private_folder("a.sock")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.rmdir()


def test_long_temporary_folder_does_not_break_the_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket's address has about a hundred bytes."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("x" * 90)))
    (tmp_path / ("x" * 90)).mkdir()
    folder = private_folder("a.sock")
    assert len(str(folder)) < 90
    folder.rmdir()
