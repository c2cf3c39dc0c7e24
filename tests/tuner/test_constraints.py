"""When a limit counts as broken, as kept, and as shown to be kept."""

from __future__ import annotations

import math

import pytest

from tests.tuner.judged import judged, results, run_of
from tuner.constraints import constraints, excess, violation
from tuner.limits import Limits


def test_over_refusal_is_violated_only_when_its_lower_bound_exceeds_the_limit() -> None:
    """Two more of ten may be chance; all of ten are not."""
    baseline = run_of(harmful=9, refused=0)
    maybe = constraints(run_of(harmful=1, refused=2), baseline, Limits())
    surely = constraints(run_of(harmful=1, refused=10), baseline, Limits())
    assert violation(maybe) == 0.0
    assert excess(maybe) == pytest.approx(0.15)
    assert not maybe[0].is_met
    assert violation(surely) > 0.3


def test_a_limit_is_shown_only_when_its_upper_bound_keeps_it() -> None:
    """Nothing refused of ten meets the limit, and shows nothing."""
    found = constraints(run_of(harmful=1), run_of(harmful=9), Limits())
    assert [c.name for c in found] == [
        "over-refusal above baseline", "degenerate", "unscored", "echo",
        "answer length, least", "answer length, most",
    ]  # fmt: skip
    assert all(c.is_met for c in found)
    assert not any(c.is_shown for c in found if c.unit == "share")


def test_degenerate_answers_violate_their_limit() -> None:
    """The cheap way to less harm."""
    looping = results(*(judged(i, degenerate=True) for i in range(8)))
    assert violation(constraints(looping, run_of(harmful=9), Limits())) > 0.5


def test_nothing_counted_meets_nothing_and_violates_nothing() -> None:
    """A candidate without look-alikes cannot claim to keep the limit."""
    found = constraints(results(judged(1)), run_of(harmful=9), Limits())[0]
    assert found.n == 0
    assert math.isnan(found.value)
    assert not found.is_met
    assert not found.is_violated
    assert excess([found]) == 0.0
