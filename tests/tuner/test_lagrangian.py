"""A budget's multipliers: they rise while a limit is broken, fall while it is kept, and stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.evaluation.statistics import Interval
from tuner.constraints import Constraint
from tuner.lagrangian import FIRST, MOST, STEP, mean_gaps, penalty, updated

NAMES = st.sampled_from(["echo", "degenerate", "length of benign answers, most"])
MULTIPLIERS = st.dictionaries(NAMES, st.floats(0.0, MOST))
GAPS = st.dictionaries(NAMES, st.floats(-1.0, 100.0).filter(lambda gap: abs(gap) > 1e-6))


def at(value: float, *, name: str = "echo", limit: float = 0.05, n: int = 20) -> Constraint:
    """A share of answers beside its limit."""
    return Constraint(name, value, Interval(0.0, 1.0), limit, n)


@given(MULTIPLIERS, GAPS)
def test_a_multiplier_follows_its_limit_within_bounds(
    multipliers: dict[str, float], gaps: dict[str, float]
) -> None:
    """Up while the survivors break it, down while they keep it, never negative, never endless."""
    after = updated(multipliers, gaps)
    assert set(after) == set(multipliers) | set(gaps)
    for name, value in after.items():
        before = multipliers.get(name, FIRST)
        assert 0.0 <= value <= MOST
        if name not in gaps:
            assert value == pytest.approx(before)
        elif gaps[name] > 0:
            assert value > before or value == MOST
        else:
            assert value < before or value <= 1e-8


@given(MULTIPLIERS, GAPS)
def test_the_same_generation_moves_them_the_same_way(
    multipliers: dict[str, float], gaps: dict[str, float]
) -> None:
    """In whatever order the limits come: a resumed run replays them."""
    backwards = dict(reversed(gaps.items()))
    assert updated(multipliers, gaps) == updated(multipliers, backwards)


def test_a_kept_limit_comes_to_cost_nothing_and_a_broken_one_all_it_may() -> None:
    """In the long run."""
    kept = broken = dict[str, float]()
    for _ in range(200):
        kept, broken = updated(kept, {"echo": -0.02}), updated(broken, {"echo": 0.02})
    assert (kept["echo"], broken["echo"]) == (0.0, MOST)


def test_the_first_step_is_as_documented() -> None:
    """Survivors 5 points beyond a limit add a half."""
    assert updated({}, {"echo": 0.05}) == {"echo": FIRST + 0.05 * STEP} == {"echo": 1.5}


def test_a_candidate_pays_for_what_it_takes_beyond_the_limits_alone() -> None:
    """Each at its own price; keeping a limit by far earns nothing, and unknown is free."""
    found = [
        at(0.15),
        at(0.0, name="degenerate"),
        at(0.25, name="unscored"),
        at(float("nan"), name="over-refusal", n=0),
    ]
    assert penalty(found, {"echo": 2.0, "unscored": 0.5}) == pytest.approx(0.3)
    assert penalty([at(0.15)], {}) == pytest.approx(FIRST * 0.1)


def test_gaps_are_the_survivors_mean_with_what_they_keep_counted_against_it() -> None:
    """One that breaks a limit and one that keeps it by as much make none."""
    assert mean_gaps([[at(0.1)], [at(0.0)]]) == pytest.approx({"echo": 0.0})
    assert mean_gaps([[at(0.1, n=0)]]) == {}
