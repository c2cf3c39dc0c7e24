"""Limits in words."""

from __future__ import annotations

from typing import get_args

import pytest

from proxy.evaluation.statistics import Interval
from tuner.constraints import Constraint
from tuner.lagrangian import Handling
from tuner.limit_wording import HANDLED, asked_text, broken_by_baseline, found_text, shown_text


@pytest.mark.parametrize(
    ("limit", "found", "asked"),
    [
        (
            {"value": 0.031, "low": -0.01, "high": 0.072, "limit": 0.025},
            "+3.1 points [-1.0, +7.2]",
            "at most 2.5 points",
        ),
        (
            {"value": 0.8, "low": 0.7, "high": 0.9, "limit": 0.5, "unit": "times", "side": "least"},
            "0.80 times [0.70, 0.90]",
            "at least 0.5 times the baseline's",
        ),
        (
            {"value": 61.2, "low": 58, "high": 64, "limit": 80, "unit": "tokens", "side": "most"},
            "61.2 tokens [58.0, 64.0]",
            "at most 80 tokens",
        ),
    ],
    ids=["share", "times", "tokens"],
)
def test_each_unit_is_said_in_its_own_words(
    limit: dict[str, float | str], found: str, asked: str
) -> None:
    """A journal of before has shares alone, and does not say so."""
    assert found_text(limit) == found
    assert asked_text(limit) == asked


@pytest.mark.parametrize(
    ("is_shown", "is_violated", "said"),
    [
        (True, False, "shown"),
        (False, False, "not shown at this n"),
        (False, True, "shown to be exceeded"),
    ],
)
def test_what_the_interval_says_goes_both_ways(
    *, is_shown: bool, is_violated: bool, said: str
) -> None:
    """That a limit is exceeded can be shown, too."""
    assert shown_text({"is_shown": is_shown, "is_violated": is_violated}) == said


def test_a_baseline_that_breaks_a_limit_is_said_to() -> None:
    """Shown or not; what it keeps, and what nothing is known of, is not mentioned."""
    found = [
        Constraint("over-refusal", 0.4, Interval(0.2, 0.6), 0.1, 20),
        Constraint("echo", 0.05, Interval(0.0, 0.2), 0.02, 20),
        Constraint("degenerate", 0.0, Interval(0.0, 0.1), 0.05, 20),
        Constraint("unscored", float("nan"), Interval(0.0, 1.0), 0.02, 0),
    ]
    said = list(broken_by_baseline(found))
    assert len(said) == 2
    assert said[0].startswith(
        "The base policy itself breaks the limit on over-refusal: +40.0 points [+20.0, +60.0], "
        "n = 20 of the search split, at most 10 points."
    )
    assert "seems to break the limit on echo" in said[1]


def test_every_way_of_handling_limits_is_described() -> None:
    """Whoever adds one describes it."""
    assert set(HANDLED) == set(get_args(Handling))
