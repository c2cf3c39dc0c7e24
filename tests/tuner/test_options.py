"""What can be typed, and what cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuner.options import parser


def test_every_sub_command_has_its_store() -> None:
    """And the same one by default."""
    for action in ("run", "resume", "report", "ablate", "export"):
        arguments = parser("about").parse_args([action])
        assert arguments.action == action
        assert arguments.store == Path("var/tune.sqlite")


def test_who_helps_is_said_anew_with_a_resumed_run() -> None:
    """A name after ``--also`` is one of a configuration."""
    typed = ["resume", "--config", "guardtune.yaml", "--also", "twin"]
    arguments = parser("about").parse_args(typed)
    assert (arguments.config, arguments.also) == (Path("guardtune.yaml"), ["twin"])


@pytest.mark.parametrize(
    "typed",
    [
        ["export", "--canary", "0"],
        ["export", "--canary", "1.5"],
        ["export", "--canary", "0.1", "--undo"],
        ["run", "--tokens", "0"],
        ["run", "--seed", "-1"],
        ["run", "--metrics-port", "70000"],
        ["run", "--writer-calls", "0"],
        ["resume", "--writer", "embedded"],
        ["run", "--concurrency", "0"],
        ["resume", "--ray", "--also", "http://127.0.0.1:1/v1#m"],
        ["run", "--algorithm", "annealing"],
        ["ablate", "--minutes", "soon"],
        [],
    ],
)
def test_what_makes_no_sense_is_refused(
    typed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """With the usage, and the code that shells expect."""
    with pytest.raises(SystemExit, match="2"):
        parser("about").parse_args(typed)
    assert "usage: guardtune tune" in capsys.readouterr().err
