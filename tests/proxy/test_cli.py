"""The command: what it lists, what it runs, and what it says when it cannot."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import Distribution, EntryPoint, entry_points
from importlib.metadata._meta import SimplePath

import pytest

from proxy import cli
from proxy.errors import PolicyError, Problem
from tests.repo.test_mirror import ROOT


def _fine(arguments: Sequence[str]) -> int:
    return len(arguments)


def _failing(_arguments: Sequence[str]) -> int:
    raise PolicyError((Problem("a.yaml", "is empty.", 3),))


def _interrupted(_arguments: Sequence[str]) -> int:
    raise KeyboardInterrupt


def _commands(monkeypatch: pytest.MonkeyPatch, function: str) -> None:
    point = EntryPoint("try", f"{__name__}:{function}", cli.GROUP)
    monkeypatch.setattr(cli, "entry_points", lambda group: [point])
    monkeypatch.setattr(EntryPoint, "load", lambda self: globals()[self.attr])


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_lists_the_commands(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Each with one line of what it does."""
    assert cli.main(arguments) == 0
    listed = capsys.readouterr().out
    for point in entry_points(group=cli.GROUP):
        assert f"  {point.name} " in listed


def test_help_imports_no_command() -> None:
    """The tuner's dependencies take seconds."""
    point = EntryPoint("tune", "tuner.cli:main", cli.GROUP)
    text = cli.usage({"tune": point})
    first_line = (ROOT / "tuner/cli.py").read_text(encoding="utf-8").splitlines()[0]
    assert text.splitlines()[3].removeprefix("  tune     ") in first_line


def test_broken_command_does_not_break_the_help() -> None:
    """A plug-in may be half installed."""
    assert "(cannot be read)" in cli.usage({"x": EntryPoint("x", "no_such_package.x:main", "g")})


def test_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """For bug reports."""
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("guardtune ")


def test_command_gets_the_rest_and_its_code_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read on the way."""
    _commands(monkeypatch, "_fine")
    assert cli.main(["try", "--a", "b"]) == 2


def test_error_of_the_users_is_told_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With file and line."""
    _commands(monkeypatch, "_failing")
    assert cli.main(["try"]) == 2
    assert capsys.readouterr().err == "a.yaml:3: is empty.\n"


def test_interrupt_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shells expect 130."""
    _commands(monkeypatch, "_interrupted")
    assert cli.main(["try"]) == 130


def test_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With the list of those there are."""
    assert cli.main(["serv"]) == 2
    assert "no such command: serv" in capsys.readouterr().err


class _Distribution(Distribution):
    """An installed distribution with these files."""

    def __init__(self, name: str, *files: str) -> None:
        self._texts = {
            "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n",
            "RECORD": "".join(f"{file},sha256=x,1\n" for file in files),
        }

    def read_text(self, filename: str) -> str | None:
        return self._texts.get(filename)

    def locate_file(self, path: object) -> SimplePath:
        raise NotImplementedError


OURS = _Distribution("guardtune", "a.pth", "proxy/__init__.py")
THEIRS = _Distribution("proxy.py", "x/proxy/__init__.py", "proxy/__init__.py")
OTHER = _Distribution("other", "other/proxy/__init__.py", "proxy/__init__.pyi")


def test_other_package_named_proxy_is_found() -> None:
    """`proxy.py` from PyPI installs one too."""
    assert cli.clashing_distributions([OTHER, OURS, THEIRS]) == ("proxy.py",)
    assert cli.clashing_distributions([OTHER, OURS]) == ()


def test_other_package_named_proxy_stops_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What would run then is neither."""
    monkeypatch.setattr(cli, "distributions", lambda: [THEIRS])
    assert cli.main(["serve"]) == 2
    assert "proxy.py installs a package `proxy`" in capsys.readouterr().err
