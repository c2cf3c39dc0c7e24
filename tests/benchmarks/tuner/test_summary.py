"""Figures of several searches, kept and printed."""

from __future__ import annotations

import json

import pytest

from benchmarks.tuner.__main__ import RESULTS
from benchmarks.tuner.outcomes import Outcome
from benchmarks.tuner.summary import by_algorithm, printed, summarise


def searched(harmful: float) -> Outcome:
    """One that found a single policy."""
    return Outcome(
        front=((harmful, 0.5),), found=((harmful, 0.5),), infeasible=0.0, tokens=100,
        candidates=24, generations=2, dropped=0.5,
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
    for measure in ("hypervolume", "igd_plus", "found"):
        against = summary["against"][measure]
        assert set(against) == {"a", "b"}
        assert all(one["wins"] == 4 and one["difference"]["mean"] > 0 for one in against.values())
        assert all(one["p_holm"] >= one["p"] for one in against.values())
    assert summary["algorithms"]["ours"]["igd_plus"]["mean"] == 0.0
    lines = printed(summary, "ours").splitlines()
    assert sum("Holm" in line for line in lines) == 6


def test_distances_are_to_the_true_front_where_it_is_known() -> None:
    """Else to the best of all searches on the same problem."""
    outcomes = {"ours": {1: searched(0.3)}, "a": {1: searched(0.4)}}
    for best, distance in (({1: [(0.2, 0.5)]}, 0.1), (None, 0.0)):
        found = summarise(outcomes, "ours", best=best)["algorithms"]["ours"]["igd_plus"]["mean"]
        assert found == pytest.approx(distance)


def test_the_result_that_is_kept_meets_its_targets() -> None:
    """What the documents say of the race; a figure made anew cannot go by unseen."""
    result = json.loads((RESULTS / "tuner-noisy.json").read_text())
    race, first = result["algorithms"]["paired-race"], result["first"]["paired-race"]
    assert race["hypervolume"]["n"] == first["test"]["n"] == 30
    assert race["dropped"]["mean"] >= 0.4
    assert result["against"]["hypervolume"]["nsga2"]["difference"]["low"] > 0
    assert abs(first["test"]["mean"]) <= 0.015
    spent = [one["tokens"]["mean"] for one in result["algorithms"].values()]
    assert min(spent) > 0.98 * max(spent)
