"""Figures of several searches, kept and printed."""

from __future__ import annotations

import json

from benchmarks.tuner.outcomes import Outcome
from benchmarks.tuner.summary import by_algorithm, printed, summarise


def searched(harmful: float, later: float | None = None) -> Outcome:
    """One that found a single policy, and in the middle of the next generation a better one."""
    found = ((harmful, 0.5),)
    return Outcome(
        front=found, next_front=found if later is None else ((later, 0.5),), into_next=0.5,
        infeasible=0.0, tokens=100, candidates=24, generations=2, dropped=0.5,
    )  # fmt: skip


def test_ours_is_compared_with_every_other() -> None:
    """Above zero ours is better, for both measures."""
    outcomes = by_algorithm(
        (name, seed, searched(harmful))
        for seed in range(4)
        for name, harmful in (("ours", 0.4 - seed / 100), ("a", 0.5 - seed / 100), ("b", 0.6))
    )
    summary = json.loads(json.dumps(summarise(outcomes, "ours"), allow_nan=False))
    assert set(summary["algorithms"]) == {"ours", "a", "b"}
    for measure in ("hypervolume", "igd_plus"):
        against = summary["against"][measure]
        assert set(against) == {"a", "b"}
        assert all(one["wins"] == 4 and one["difference"]["mean"] > 0 for one in against.values())
        assert all(one["p_holm"] >= one["p"] for one in against.values())
    assert summary["algorithms"]["ours"]["igd_plus"]["mean"] == 0.0
    lines = printed(summary, "ours").splitlines()
    assert sum("Holm" in line for line in lines) == 4


def test_both_measures_are_of_the_budget_and_not_of_a_generation() -> None:
    """A search with smaller generations would seem nearer to the best than it is."""
    outcomes = {"ours": {1: searched(0.4, later=0.2)}, "a": {1: searched(0.3)}}
    found = summarise(outcomes, "ours", best=[(0.2, 0.5)])["algorithms"]
    assert found["ours"]["hypervolume"]["mean"] == found["a"]["hypervolume"]["mean"] == 0.35
    assert found["ours"]["igd_plus"]["mean"] == found["a"]["igd_plus"]["mean"] == 0.1
