"""Stop rules say why."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuner.stopping import (
    SearchState,
    StopRule,
    after_generations,
    after_seconds,
    after_tokens,
    first_reason,
    on_file,
    stop_file,
    without_gain,
)


def state(**changes: object) -> SearchState:
    """A search in its third generation."""
    parts = {"generation": 3, "elapsed_s": 60.0, "tokens": 5000, "gains": (0.1, 0.2, 0.3)}
    return SearchState(**(parts | changes))  # type: ignore[arg-type]  # a test names what it changes


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (after_generations(3), "3 generations done"),
        (after_generations(4), None),
        (after_seconds(60), "60 s of search used"),
        (after_seconds(61), None),
        (after_tokens(5000), "5000 of 5000 tokens of search used"),
        (after_tokens(5001), None),
        (after_tokens(5100, least=101), "5000 of 5100 tokens of search used"),
        (after_tokens(5100, least=100), None),
    ],
)
def test_limits_stop_when_reached(rule: StopRule, reason: str | None) -> None:
    """Not before."""
    assert rule(state()) == reason


@pytest.mark.parametrize(
    ("gains", "stops"),
    [
        ((0.3, 0.1, 0.0, 0.0), True),
        ((0.3, 0.0, 0.0, 0.1), False),
        ((0.3, 0.1, 0.0), False),
        ((0.0, 0.0), False),
        ((0.3, -0.1, 0.0), True),
    ],
    ids=["nothing-new", "just-now", "too-early", "founders", "lost"],
)
def test_without_gain_waits_for_its_patience(gains: tuple[float, ...], *, stops: bool) -> None:
    """Two generations that add nothing."""
    assert (without_gain(2)(state(gains=gains)) is not None) is stops


def test_the_first_rule_with_a_reason_speaks() -> None:
    """Rules are asked in order."""
    rules = (after_generations(9), after_seconds(1), after_tokens(1))
    assert first_reason(rules, state()) == "1 s of search used"
    assert first_reason((), state()) is None


def test_a_stop_file_stops_whatever_is_in_it(tmp_path: Path) -> None:
    """Once it is there, beside the store."""
    path = stop_file(tmp_path / "tune.sqlite")
    assert path == tmp_path / "tune.sqlite.stop"
    assert on_file(path)(state()) is None
    path.touch()
    assert on_file(path)(state()) == "stop file tune.sqlite.stop found"
